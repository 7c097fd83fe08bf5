"""Values of samples and of positions, laid over the tensors that they concern."""

import tensorflow as tf


def over(vector, tensor):
    """A tensor `(B or 1,)`, reshaped to broadcast along the batch of a tensor `(B, ...)`."""
    return tf.reshape(vector, [-1] + [1] * (tensor.shape.rank - 1))


def along(part, tensor, axes):
    """A tensor `(B or 1, *spatial)`, reshaped to broadcast along these axes of another tensor."""
    shape = tf.shape(part)
    sizes = [1] * tensor.shape.rank
    sizes[0] = shape[0]
    for number, axis in enumerate(axes, start=1):
        sizes[axis] = shape[number]
    return tf.reshape(part, sizes)
