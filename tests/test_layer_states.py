"""Copies of layers whose state is more than weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_mix._core import layer_states

NUMBERS = np.random.default_rng(0).normal(50, 10, (64, 1)).astype("float32")
WORDS = np.array([["red"], ["green"], ["green"], ["blue blue"]])
ADAPTED = {
    "normalization": (layers.Normalization, {}, NUMBERS),
    "discretization": (layers.Discretization, {"num_bins": 4}, NUMBERS),
    "integer lookup": (layers.IntegerLookup, {}, NUMBERS.astype("int64")),
    "string lookup": (layers.StringLookup, {}, WORDS),
    "text": (layers.TextVectorization, {}, WORDS),
    "text by frequency": (layers.TextVectorization, {"output_mode": "tf_idf"}, WORDS),
}


@pytest.mark.parametrize("name", ADAPTED)
def test_a_copy_has_what_a_layer_was_adapted_to(name):
    kind, options, data = ADAPTED[name]
    layer = kind(**options)
    layer.adapt(data)
    dtype = "string" if data is WORDS else data.dtype.name
    model = keras.Sequential([keras.Input((1,), dtype=dtype), layer])
    copy = keras.models.clone_model(model)
    assert copy.layers[0] is not layer
    layer_states.copy("test", model, copy)
    batch = tf.constant(data)
    np.testing.assert_array_equal(copy(batch), model(batch))


def test_layers_without_counterparts_are_refused():
    shared = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    inputs = keras.Input((1,))
    model = keras.Model(inputs, shared.layers[0](shared(inputs)))
    with pytest.raises(ValueError, match="test: a copy of the model must have the same layers"):
        layer_states.copy("test", model, keras.models.clone_model(model))
