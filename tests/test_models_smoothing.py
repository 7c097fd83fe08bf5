"""Label smoothing of a mixer inside MixingModel, against losses of smoothed labels by numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix.layers import CutMix, MixUp
from keras_mix.models import MixingModel
from keras_mix.recipes import deit

B, K = 6, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, 5)).astype("float32")
IDS = np.array([0, 3, 1, 1, 0, 2])
ONE_HOT = np.eye(K, dtype="float32")[IDS]
PARTNERS = [3, 0, 1, 4, 5, 2]
RATIO = np.array([0.7, 0.1, 1.0, 0.5, 0.25, 0.0], "float32")
SMOOTHING = 0.2
LOSSES = keras.losses


def model_of(units=K, activation="softmax", **options):
    base = keras.Sequential([keras.Input((5,)), keras.layers.Dense(units, activation=activation)])
    return MixingModel(base, mixer=MixUp(label_smoothing=SMOOTHING), **options)


def found_and_predicted(monkeypatch, model, loss, y):
    for name, drawn in (("partners", PARTNERS), ("beta", RATIO)):
        drawn = tf.constant(drawn)
        monkeypatch.setattr(
            f"keras_mix._core.draw.random.{name}", lambda *a, drawn=drawn, **k: drawn
        )
    model.compile("sgd", loss, run_eagerly=True)
    predicted = model(X, training=True)
    return float(model.compute_loss(X, y, predicted, training=True)), predicted.numpy()


def expected(y, predicted, classes):
    y = y * (1 - SMOOTHING) + SMOOTHING / classes
    mixed = RATIO[:, None] * y + (1 - RATIO[:, None]) * y[PARTNERS]
    return -(mixed * np.log(predicted)).sum(axis=1).mean()


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize(
    ("ids", "mixing"), [(True, "sources"), (False, "sources"), (False, "mixed_targets")]
)
def test_crossentropy_of_smoothed_labels(monkeypatch, ids, from_logits, mixing):
    kind = LOSSES.SparseCategoricalCrossentropy if ids else LOSSES.CategoricalCrossentropy
    activation = None if from_logits else "softmax"
    model = model_of(activation=activation, loss_mode=mixing)
    loss, predicted = found_and_predicted(
        monkeypatch, model, kind(from_logits=from_logits), IDS if ids else ONE_HOT
    )
    if from_logits:
        predicted = np.exp(predicted) / np.exp(predicted).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(expected(ONE_HOT, predicted, K), rel=1e-5)


def test_ignored_labels_stay_ignored(monkeypatch):
    y = np.where(IDS == 1, -1, IDS)
    loss = LOSSES.SparseCategoricalCrossentropy(ignore_class=-1, reduction="sum")
    found, predicted = found_and_predicted(monkeypatch, model_of(), loss, y)
    smooth = ONE_HOT * (1 - SMOOTHING) + SMOOTHING / K
    total = 0.0
    for i in range(B):
        for source, share in ((i, RATIO[i]), (PARTNERS[i], 1 - RATIO[i])):
            if y[source] >= 0:
                total -= share * (smooth[source] * np.log(predicted[i])).sum()
    assert found == pytest.approx(total, rel=1e-5)


def test_binary_labels_move_towards_a_half(monkeypatch):
    y = (IDS % 2).astype("float32")[:, None]
    model = model_of(1, "sigmoid")
    found, predicted = found_and_predicted(monkeypatch, model, "binary_crossentropy", y)
    both = np.concatenate([predicted, 1 - predicted], axis=1)
    assert found == pytest.approx(expected(np.concatenate([y, 1 - y], 1), both, 2), rel=1e-5)


def test_binary_labels_of_pixels_move_towards_a_half():
    y = np.tile((IDS % 2).astype("float32")[:, None, None], (1, 4, 3))
    base = keras.Sequential([keras.Input((4, 3, 1)), keras.layers.Reshape((4, 3))])
    model = MixingModel(base, mixer=CutMix(label_smoothing=SMOOTHING))
    model.compile("sgd", "binary_crossentropy", run_eagerly=True)
    x = 0.25 + 0.5 * y[..., None]
    predicted = model(x, training=True)
    found = float(model.compute_loss(x, y, predicted, training=True))
    # Each pixel is predicted right by 0.75, and its label is right by 1 - 0.2 / 2.
    assert found == pytest.approx(-0.9 * np.log(0.75) - 0.1 * np.log(0.25), rel=1e-4)


def test_losses_that_cannot_be_smoothed():
    for loss, sentence in (
        ("mse", "smoothed only in Keras's cross-entropies"),
        (LOSSES.CategoricalCrossentropy(label_smoothing=0.1), "smoothed only once"),
    ):
        model = model_of()
        model.compile("sgd", loss, run_eagerly=True)
        with pytest.raises(ValueError, match=sentence):
            model.train_on_batch(X, ONE_HOT)


@pytest.mark.parametrize("y", [IDS, ONE_HOT], ids=["ids", "one-hot"])
def test_the_recipe_of_deit_trains_a_model(y):
    x = RNG.uniform(size=(B, 8, 8, 1)).astype("float32")
    layers = [keras.layers.Flatten(), keras.layers.Dense(K, activation="softmax")]
    model = MixingModel(keras.Sequential([keras.Input((8, 8, 1)), *layers]), mixer=deit())
    sparse = "sparse_" if y.ndim == 1 else ""
    model.compile("sgd", f"{sparse}categorical_crossentropy", metrics=["accuracy"])
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"]).all()
