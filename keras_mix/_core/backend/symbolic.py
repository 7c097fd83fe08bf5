"""Shapes and dtypes of what a function of TensorFlow returns."""

import keras
import tensorflow as tf

from keras_mix._core import keras_compat


def traced(function, args, kwargs):
    """`function(*args, **kwargs)` for `KerasTensor`s, in place of tensors."""
    args, kwargs = keras.tree.map_structure(_spec, (args, kwargs))
    function = tf.function(function, autograph=False)
    with keras_compat.SymbolicScope():
        graph = function.get_concrete_function(*args, **kwargs)
    return tf.nest.map_structure(_keras_tensor, graph.structured_outputs)


def _spec(value):
    is_tensor = isinstance(value, keras.KerasTensor)
    return tf.TensorSpec(value.shape, value.dtype) if is_tensor else value


def _keras_tensor(spec):
    return keras.KerasTensor(tuple(spec.shape), dtype=spec.dtype.name)
