"""The sizes of axes, and values of samples or positions reshaped to broadcast along them."""

import tensorflow as tf


def axis_size(tensor, axis):
    """The size of an axis: an int where it is known, else a scalar tensor."""
    # A set of boxes is as large as its boxes.
    tensor = getattr(tensor, "boxes", tensor)
    return tf.shape(tensor)[axis] if tensor.shape[axis] is None else tensor.shape[axis]


def filled(tensor, size, value):
    """A tensor `(size, ...)` like another one, filled with a value that broadcasts to it."""
    shape = tf.concat([[size], tf.shape(tensor)[1:]], axis=0)
    value = tf.broadcast_to(tf.cast(value, tensor.dtype), shape)
    return tf.ensure_shape(value, [None, *tensor.shape[1:]])


def over(vector, tensor):
    """Reshapes a vector `(B or 1,)` to broadcast along the batch axis of a tensor `(B, ...)`."""
    return tf.reshape(vector, [-1] + [1] * (tensor.shape.rank - 1))


def columns(table, tensor):
    """The columns of a table `(B or 1, S)`, each reshaped as by `over`."""
    for _ in range(tensor.shape.rank - 1):
        table = tf.expand_dims(table, -1)
    return tf.unstack(table, axis=1)


def along(values, tensor, axes):
    """Reshapes values `(B or 1, *spatial)` to broadcast along the given axes of a tensor."""
    shape = tf.shape(values)
    sizes = [1] * tensor.shape.rank
    sizes[0] = shape[0]
    for number, axis in enumerate(axes, start=1):
        sizes[axis] = shape[number]
    return tf.reshape(values, sizes)
