"""Mixers inside the train step on every backend: the label is what is in the pixels.

No TensorFlow is imported here: the file runs where there is none.
"""

import keras
import numpy as np
import pytest
from mixer_table import membership_images

from keras_mix import layers
from keras_mix.models import MixingModel

SIZE = 6
X, Y = membership_images(SIZE, 10, 8), np.eye(SIZE, dtype="float32")
COMPILED = keras.backend.backend() != "torch"
MIXERS = {
    "CutMix": layers.CutMix(),
    "FMix": layers.FMix(),
    "GridMix": layers.GridMix(),
    "RICAP": layers.RICAP(),
    "ResizeMix": layers.ResizeMix(),
    "Mosaic": layers.Mosaic(),
    "one of two": layers.RandomChoice([layers.MixUp(alpha=1.0), layers.CutMix()]),
    "one of two for a batch": layers.RandomChoice([layers.CutMix(), layers.MixUp()], per="batch"),
    "sometimes": layers.RandomApply(layers.CutMix(), rate=0.5),
}


def shares_seen(**options):
    """A model whose output is what it sees of each sample, wrapped and compiled.

    Its loss is how far that is from the label.
    """
    # Keras wants a weight to train, which a learning rate of 0 leaves at 1.
    base = keras.Sequential(
        [
            keras.Input(X.shape[1:]),
            keras.layers.DepthwiseConv2D(
                1, use_bias=False, depthwise_initializer="ones", name="features"
            ),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    model = MixingModel(base, seed=5, loss_mode="mixed_targets", **options)
    model.compile(keras.optimizers.SGD(0.0), "mae", jit_compile=COMPILED)
    return model


def loss_of(model, steps=3):
    return np.array([float(model.train_on_batch(X, Y)) for _ in range(steps)])


@pytest.mark.parametrize("at", ["input", "features"])
@pytest.mark.parametrize("name", MIXERS)
def test_a_label_is_what_is_in_the_pixels(name, at):
    losses = loss_of(shares_seen(mixer=MIXERS[name], mix_at=[at]))
    # Averages of pixels and weights are rounded apart.
    assert (losses < 1e-6).all()


def test_labels_of_others_are_not_what_is_in_the_pixels():
    model = shares_seen(mixer=layers.CutMix(), mix_at=["input"])
    model.dials.rate = 0.0
    assert (loss_of(model) < 1e-6).all()
    assert np.mean(np.abs(np.roll(Y, 1, axis=0) - Y)) > 0.3


@pytest.mark.parametrize("mixer", [layers.Cutout(size=0.5), layers.GridMask()], ids=str)
def test_what_is_erased_keeps_its_label(mixer):
    losses = loss_of(shares_seen(mixer=mixer, mix_at=["input"]))
    # Filled with 0, a sample shows less of itself, and nothing of another.
    assert (losses > 0).all()
    assert (losses < 1 / SIZE).all()


def test_alpha_changes_without_a_new_trace():
    model = shares_seen(mixer=layers.CutMix(alpha=1.0))
    before = loss_of(model)
    model.dials.alpha = 8.0
    assert (np.concatenate([before, loss_of(model)]) < 1e-6).all()
