"""Mixers inside of functional models, on the backend that KERAS_BACKEND names."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix.layers import CutMix, Cutout

IMAGES = np.random.default_rng(0).random((4, 8, 8, 3)).astype("float32")


def trained_with(mixer):
    """The model of the mixer alone, after training of one that ends in a dense layer."""
    inputs = keras.Input((8, 8, 3))
    mixed = mixer(inputs)
    assert mixed.shape == (None, 8, 8, 3)
    model = keras.Model(inputs, keras.layers.Dense(1)(mixed))
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros((4, 8, 8, 1), "float32"), verbose=0)
    return keras.Model(inputs, mixed)


def test_batches_of_unknown_size_are_erased_in_training():
    model = trained_with(Cutout())
    np.testing.assert_array_equal(ops.convert_to_numpy(model(IMAGES)), IMAGES)
    assert (ops.convert_to_numpy(model(IMAGES, training=True)) == 0).any()


def test_inputs_without_labels_are_refused_in_fit():
    with pytest.raises(ValueError, match="must mix its labels"):
        trained_with(CutMix())
