"""Random subsets of what is there, such as objects or classes."""

from keras_mix._core.backend import xp

_LAST = 2**31 - 1


def first(there, order, count):
    """bool `(B, N)`, `count` of those that are there, each choice equally likely.

    Args:
        there: bool `(B, N)`.
        order: int32 `(B or 1, N)`, random bits by which they are ordered.
        count: int32 `(B,)`.
    """
    keys = xp.where(there, order & (_LAST >> 1), _LAST)
    rank = xp.argsort(xp.argsort(keys, axis=1, stable=True), axis=1, stable=True)
    return there & (rank < count[:, None])


def size_of(there):
    """int32 `(B,)`, the number of those that are there."""
    return xp.reduce_sum(xp.cast(there, "int32"), axis=1)
