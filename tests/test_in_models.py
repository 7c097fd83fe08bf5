"""Mixers inside Keras models on the TensorFlow backend, and beside models on JAX."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data, layers, models
from keras_mix.layers import CutMix, MixUp

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).random((16, 8, 8, 3), "float32")
IDS = np.arange(16) % 4


def classifier():
    return keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")], name="classifier"
    )


@keras.saving.register_keras_serializable(package="tests")
class MixedTraining(keras.Model):
    """Trains on what a functional model of a mixer and a classifier gives out."""

    def __init__(self, pair, **kwargs):
        super().__init__(**kwargs)
        self.pair = pair

    def call(self, batch, training=None):
        prediction, labels = self.pair(batch, training=training)
        loss = keras.losses.categorical_crossentropy(labels, prediction)
        self.add_loss(keras.ops.mean(loss))
        return labels


class Scale(keras.layers.Layer):
    """Multiplies by a weight that begins at 1."""

    def build(self, _):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return inputs * self.scale


def mixing_model(mixer):
    inputs, ids = keras.Input((8, 8, 3)), keras.Input((), dtype="int32")
    mixed, labels = mixer(inputs, ids)
    return keras.Model([inputs, ids], [classifier()(mixed), labels])


@pytest.mark.parametrize("mixer", [MixUp, CutMix])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_symbolic_call_mixes_inputs_and_labels_while_training(mixer, jit_compile):
    model = MixedTraining(mixing_model(mixer(alpha=1.0, num_classes=4)))
    model.compile("sgd", jit_compile=jit_compile)
    history = model.fit([IMAGES, IDS], epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.array_equal(model.predict([IMAGES, IDS], verbose=0), np.eye(4)[IDS])
    assert not np.array_equal(model([IMAGES, IDS], training=True), np.eye(4)[IDS])


def test_a_model_that_says_nothing_of_training_does_not_mix():
    model = mixing_model(MixUp(alpha=8.0, num_classes=4))
    assert np.array_equal(model([IMAGES, IDS])[1], np.eye(4)[IDS])


def test_saved_and_exported_models_predict_as_the_model(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), CutMix(alpha=1.0, inputs_only=True), classifier()]
    )
    expected = model.predict(IMAGES, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), expected)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(IMAGES), expected, rtol=1e-6)


def erasing():
    return [
        layers.Cutout(4, fill_value=-1.0),
        layers.GridMask(fill_value=-1.0),
        layers.SpecAugment(fill_value=-1.0),
        layers.RandomApply(layers.RandomChoice([layers.Cutout(2), layers.GridMask()])),
    ]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_mixers_that_only_erase_train_in_a_model_on_inputs_alone(jit_compile):
    model = keras.Sequential([keras.Input((8, 8, 3)), *erasing(), classifier()])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=jit_compile)
    assert np.isfinite(model.fit(IMAGES, IDS, verbose=0).history["loss"]).all()
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), model(IMAGES), rtol=1e-5)


@pytest.mark.parametrize("layer", erasing(), ids=lambda layer: type(layer).__name__)
def test_a_mixer_that_erases_fills_in_training_alone(layer):
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    filled = np.any([model(IMAGES, training=True) != IMAGES for _ in range(8)])
    assert filled
    assert np.array_equal(model(IMAGES, training=False), IMAGES)
    assert np.array_equal(model(IMAGES), IMAGES)


def test_an_input_without_channels_is_a_batch_in_a_model():
    sounds = np.random.default_rng(0).random((6, 10, 4), "float32")
    masked = layers.SpecAugment(fill_value=-1.0, seed=1)
    model = keras.Sequential([keras.Input((10, 4)), masked])
    filled = model(sounds, training=True).numpy()
    assert np.all((filled == sounds) | (filled == -1.0))
    assert np.any(filled == -1.0)
    assert masked.compute_output_shape((None, 10, 4)) == (None, 10, 4)
    for mixer in (layers.SpecMix(), layers.FMix(), masked):
        model = models.MixingModel(keras.Sequential([keras.Input((10, 4)), Scale()]), mixer=mixer)
        model.compile("sgd", "mse", run_eagerly=True)
        # What is cut is reconstructed from what is cut alike; what is filled is not.
        assert (model.train_on_batch(sounds, sounds) == 0) == (mixer is not masked)
    with pytest.raises(ValueError, match="could be one sample or a batch"):
        masked(sounds)


def test_a_choice_that_may_mix_asks_for_labels_in_a_model():
    layer = layers.RandomChoice([layers.Cutout(4), CutMix()])
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    with pytest.raises(ValueError, match="a model that mixes its inputs must mix its labels"):
        model(IMAGES, training=True)


def test_a_wrapped_model_keeps_erasing_where_it_mixes():
    class Seen(keras.layers.Layer):
        """The share of what was erased, as a prediction."""

        def call(self, x):
            return keras.ops.mean(keras.ops.cast(x < 0, "float32"), axis=(1, 2, 3))[:, None]

    base = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Cutout(0.5, fill_value=-1.0), MixUp(0.0), Seen()]
    )
    model = models.MixingModel(base)
    assert [mixer for _, mixer in model.choices] == [base.layers[1]]
    assert np.all(model(IMAGES, training=True) > 0)
    assert np.all(model(IMAGES, training=False) == 0)
    assert models.MixingModel(keras.Sequential(base.layers[:1])).mix_points == ["input"]


@pytest.mark.parametrize("steps", [2, None])
def test_a_mixer_that_erases_is_distributed_over_time(steps):
    video = np.random.default_rng(1).random((4, 2, 8, 8, 3), "float32")
    model = keras.Sequential(
        [keras.Input((steps, 8, 8, 3)), keras.layers.TimeDistributed(layers.Cutout(4))]
    )
    assert model.output_shape == (None, steps, 8, 8, 3)
    erased = model(video, training=True).numpy()
    assert np.all(np.any(erased == 0, axis=(2, 3, 4)))
    assert np.array_equal(model.predict(video, verbose=0), video)


def test_keras_augments_images_before_a_mixer_mixes_tuples():
    augment = keras.layers.Pipeline([keras.layers.RandomFlip()])
    mixer = CutMix(1.0, num_classes=4)
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(16)
    dataset = dataset.map(lambda x, y: (augment(x), y)).map(mixer)
    images, labels = next(iter(dataset))
    assert images.shape == IMAGES.shape
    assert ((labels > 0) & (labels < 1)).numpy().any()


def test_a_pipeline_of_mixers_takes_a_tuple_as_its_one_argument():
    pipeline = keras.layers.Pipeline([CutMix(1.0, num_classes=4), MixUp(1.0)])
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(16)
    for _, labels in (pipeline((IMAGES, IDS)), *dataset.map(lambda *batch: pipeline(batch))):
        np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, rtol=1e-6)
        assert ((labels > 0) & (labels < 1)).numpy().any()


def test_a_pipeline_of_keras_mixes_after_its_own_augmentations():
    pipeline = keras.layers.Pipeline([keras.layers.RandomFlip(), CutMix(1.0, num_classes=4)])
    dataset = tf.data.Dataset.from_tensor_slices({"images": IMAGES, "labels": IDS}).batch(16)
    labels = next(iter(dataset.map(pipeline)))["labels"].numpy()
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert labels.max() > 0
    assert ((labels > 0) & (labels < 1)).any()


def test_fit_on_a_mixed_dataset_with_a_validation_set_of_the_same_form():
    mixer = MixUp(0.2, num_classes=4)
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(5)
    validation = dataset.map(lambda x, y: mixer(x, y, training=False))
    model = classifier()
    model.compile("sgd", "categorical_crossentropy")
    history = model.fit(
        data.mix(dataset, mixer, seed=1),
        validation_data=validation,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history
    assert np.isfinite(history["loss"] + history["val_loss"]).all()


def test_under_jax_mixers_run_in_tf_data_and_on_its_tensors():
    script = """
import keras, numpy as np, tensorflow as tf
from keras_mix import data
from keras_mix.layers import CutMix
x, y = np.ones((8, 4, 4, 3), "float32"), np.arange(8)
mixer = CutMix(num_classes=8)
dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(8, activation="softmax")])
model.compile("sgd", "categorical_crossentropy")
model.fit(data.mix(dataset, mixer), verbose=0)
print(*(each.shape for each in mixer(keras.Input((4, 4, 3)), keras.Input((8,)))))
print(type(mixer(keras.ops.ones((2, 4, 4, 3)))) is type(keras.ops.ones(())))
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["(None, 4, 4, 3) (None, 8)", "True"]
