"""Selection between two tensors of TensorFlow at the speed of a copy."""

import math

import tensorflow as tf

from keras_mix._core.backend.xla import compiling

_INTEGERS = {1: tf.int8, 2: tf.int16, 4: tf.int32, 8: tf.int64}


def select(condition, value, other):
    """`tf.where(condition, value, other)`, with every bit.

    `tf.where` is slow where the condition broadcasts, by as much as ten times. XLA vectorizes the
    same as operations on bits, and without XLA the values of each position are selected together.

    Args:
        condition: bool, broadcasts to `other`.
        value: Broadcasts to `other`, of its dtype.
        other: A tensor.
    """
    dtype = other.dtype
    if not compiling():
        return _together(condition, value, other)
    if not (dtype.is_integer or dtype.is_floating):
        return tf.where(condition, value, other)
    return _by_bits(condition, tf.convert_to_tensor(value), other)


@tf.custom_gradient
def _by_bits(condition, value, other):
    """`select` for numbers. Bits have no gradient, so it is stated."""

    def gradient(result):
        nothing = tf.zeros([], result.dtype)
        of_value = _by_bits(condition, result, nothing)
        return None, _summed_like(of_value, value), _by_bits(condition, nothing, result)

    dtype, integer = value.dtype, _INTEGERS[value.dtype.size]
    value_bits, other_bits = tf.bitcast(value, integer), tf.bitcast(other, integer)
    chosen = -tf.cast(condition, integer)
    return tf.bitcast(other_bits ^ ((other_bits ^ value_bits) & chosen), dtype), gradient


def _summed_like(gradient, tensor):
    """The gradient of a tensor that was broadcast to the shape of `gradient`."""
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(tensor), s1=tf.shape(gradient))
    return tf.reshape(tf.reduce_sum(gradient, axis=axes), tf.shape(tensor))


def _together(condition, value, other):
    """`select` by TensorFlow's first operation of the name, which takes one bool for each row."""
    rank = other.shape.rank
    if condition.shape.rank != rank or value.shape.rank != rank:
        return tf.where(condition, value, other)
    varies = [axis for axis, size in enumerate(condition.shape) if size != 1]
    leading = max(varies, default=0) + 1
    if leading == rank:
        return tf.where(condition, value, other)
    if varies == [0] and condition.shape[0] is not None and value.shape == other.shape:
        # Whole samples, as eager calls blend them: one row of bools, whatever follows it.
        return tf.raw_ops.Select(
            condition=tf.squeeze(condition, list(range(1, rank))), x=value, y=other
        )
    sizes = tf.unstack(tf.shape(other))
    rows, columns = math.prod(sizes[:leading]), math.prod(sizes[leading:])
    condition = tf.broadcast_to(condition, sizes[:leading] + [1] * (rank - leading))
    chosen = tf.raw_ops.Select(
        condition=tf.reshape(condition, [rows]),
        x=tf.reshape(tf.broadcast_to(value, sizes), [rows, columns]),
        y=tf.reshape(other, [rows, columns]),
    )
    return tf.ensure_shape(tf.reshape(chosen, sizes), other.shape)


def choose(condition, value, other):
    """`tf.where(condition, value, other)` for tensors of one shape, by the faster operation.

    `tf.where`, which broadcasts, is many times as slow as TensorFlow's first operation of the name;
    but that takes a number of samples that is known for one that is yet to be checked.
    """
    if value.shape != other.shape:
        return tf.where(condition, value, other)
    return tf.raw_ops.Select(condition=condition, x=value, y=other)
