"""Random subsets of what is there, such as objects or classes."""

import tensorflow as tf

_LAST = 2**31 - 1


def first(there, order, count):
    """bool `(B, N)`, `count` of those that are there, each choice equally likely.

    Args:
        there: bool `(B, N)`.
        order: int32 `(B or 1, N)`, random bits by which they are ordered.
        count: int32 `(B,)`.
    """
    keys = tf.where(there, order & (_LAST >> 1), _LAST)
    rank = tf.argsort(tf.argsort(keys, axis=1, stable=True), axis=1, stable=True)
    return there & (rank < count[:, None])


def size_of(there):
    """int32 `(B,)`, the number of those that are there."""
    return tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
