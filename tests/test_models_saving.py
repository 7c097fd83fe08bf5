"""Wrapped models are saved, loaded and exported, with what is drawn in them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from three_classes import IDS, X, compiled, network

from keras_mix.layers import MixUp
from keras_mix.models import ManifoldMixup, MixingModel

pytestmark = pytest.mark.slow

WRAPPERS = [
    lambda: ManifoldMixup(network(), mix_at=["input", ("one", "two")], alpha=0.3, rate=0.9, seed=5),
    lambda: ManifoldMixup(network(), loss_mode="mixed_targets"),
    lambda: MixingModel(network(), per="batch", pairing="roll", name="mixing"),
    lambda: MixingModel(network(), mixer=[MixUp(0.1), MixUp(0.3)]),
]


@pytest.mark.parametrize("make", WRAPPERS)
def test_saving_loading_and_training_on(make, tmp_path):
    model = make()
    y = np.eye(3, dtype="float32")[IDS]
    model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, y, verbose=0)
    # Keras saves no state of random numbers: unmixed, both go on alike.
    model.dials.rate = 0.0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    configs = [{k: v for k, v in m.get_config().items() if k != "model"} for m in (loaded, model)]
    assert configs[0] == configs[1]
    assert loaded.dials.rate == 0.0
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    for one in (model, loaded):
        one.fit(X, y, shuffle=False, batch_size=32, verbose=0)
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    model.save_weights(tmp_path / "model.weights.h5")
    other = make()
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_loaded_alpha_is_the_one_that_is_drawn(tmp_path):
    model = MixingModel(network(), alpha=0.0)
    model.dials.alpha = 1e8
    model.save_weights(tmp_path / "a.weights.h5")
    other = MixingModel(network(), alpha=0.0)
    other.load_weights(tmp_path / "a.weights.h5")
    quantiles = other.dials.concentration.quantiles
    np.testing.assert_allclose(quantiles, 0.5, atol=1e-3)
    model.dials.alpha = 0.0
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.dials.concentration.quantiles, 1.0)


class Nested(keras.Model):
    """Two layers of automatic names."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one = keras.layers.Dense(8)
        self.two = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.two(self.one(inputs))


def test_places_of_a_subclassed_base_are_saved_by_position(tmp_path):
    base = Nested()
    model = compiled(ManifoldMixup(base, mix_at=[base.one]))
    model.fit(X, IDS, verbose=0)
    model.save(tmp_path / "model.keras")
    keras.utils.clear_session()
    keras.layers.Dense(1)
    objects = {"Nested": Nested}
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects=objects)
    assert loaded.mix_points == [loaded.base.one.name]


def test_exporting_exports_the_base(tmp_path):
    model = compiled(MixingModel(network()))
    model.fit(X, IDS, verbose=0)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(X), model.predict(X, verbose=0), rtol=1e-5)
