"""Reshapes values of samples and of positions to broadcast to other tensors."""

import tensorflow as tf


def over(vector, tensor):
    """Reshapes a vector `(B or 1,)` to broadcast along the batch axis of a tensor `(B, ...)`."""
    return tf.reshape(vector, [-1] + [1] * (tensor.shape.rank - 1))


def along(values, tensor, axes):
    """Reshapes values `(B or 1, *spatial)` to broadcast along the given axes of a tensor."""
    shape = tf.shape(values)
    sizes = [1] * tensor.shape.rank
    sizes[0] = shape[0]
    for number, axis in enumerate(axes, start=1):
        sizes[axis] = shape[number]
    return tf.reshape(values, sizes)
