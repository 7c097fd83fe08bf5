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
    """Whether only the number of samples may vary, so that few shapes come to be compiled.

    XLA knows no strings.
    """
    tensors = [tensor for tensor in tensors if tensor is not None]
    strings = any(getattr(tensor, "dtype", None) == tf.string for tensor in tensors)
    return not strings and all(None not in tensor.shape[1:] for tensor in tensors)


def compiled(function):
    """The function, compiled at its first call for each set of shapes."""
    return tf.function(function, jit_compile=True, autograph=False)


def apart(needed, function, *arguments):
    """`function(*arguments)`, not fused by XLA into what uses it; zeros where it is not needed.

    XLA's loops on a CPU compute anew, for each value that they make, all that it depends on, and
    so a table as often as it is looked up. They do not look into branches.
    """
    found = functools.partial(function, *arguments)
    return tf.cond(needed, found, lambda: tf.nest.map_structure(tf.zeros_like, found()))
