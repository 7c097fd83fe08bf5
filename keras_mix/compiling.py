"""Whether, and how, a function is compiled by XLA."""

import functools

import tensorflow as tf


@functools.cache
def available():
    """Whether this TensorFlow can compile for its default device (some CPU builds can not)."""
    with tf.init_scope():
        try:
            tf.function(lambda: tf.constant(0) + 1, jit_compile=True, autograph=False)()
        except (tf.errors.OpError, ValueError, RuntimeError):
            return False
    return True


def compiles_once(tensors):
    """Whether only the number of samples may vary, so that few shapes come to be compiled."""
    return all(None not in tensor.shape[1:] for tensor in tensors)


def compiled(function):
    """The function, compiled at its first call for each set of shapes."""
    return tf.function(function, jit_compile=True, autograph=False)
