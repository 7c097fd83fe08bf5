"""Choosing, among boxes to paste, the one that covers least of a sample's own objects."""

from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size


def least_covering(corner, sides, objects, exist):
    """int32 `(B,)`, which of K boxes covers least of the objects; of several the first.

    What a box covers is the sum, over objects, of the fraction of each that it covers.

    Args:
        corner: int32 `(B or 1, K, 2)`, the row and column of the first corner of each box.
        sides: int32 of the same shape, its height and width.
        objects: float32 `(B, N, 4)`, left, top, right, bottom of objects in pixels.
        exist: bool `(B, N)`, which rows hold one.
    """
    covered, area = _overlap(corner, sides, objects)
    fraction = xp.divide_no_nan(covered, area[:, None])
    total = xp.reduce_sum(xp.where(exist[:, None], fraction, 0.0), axis=2)
    # Compilers round sums differently, and equal ones must stay equal.
    total = xp.cast(total, "float32")
    least = total == xp.reduce_min(total, axis=1, keepdims=True)
    count = axis_size(total, 1)
    return xp.reduce_min(xp.where(least, xp.range(count), count), axis=1)


def show(corner, sides, objects, exist, least):
    """bool `(B,)`, whether a box of each sample shows a fraction `least` of an object.

    Args:
        corner: int32 `(B, 2)`.
        sides: int32 `(B, 2)`.
        objects: As in `least_covering`, those of the partner.
        exist: As there.
        least: Float.
    """
    covered, area = _overlap(corner[:, None], sides[:, None], objects)
    enough = (covered > 0) & (covered >= least * area[:, None])
    return xp.reduce_any(enough & exist[:, None], axis=[1, 2])


def _overlap(corner, sides, objects):
    """float64 `(B, K, N)`, the area that boxes and objects share, and `(B, N)`, that of objects."""
    first = xp.cast(corner, "float64")[:, :, None]
    last = first + xp.cast(sides, "float64")[:, :, None]
    left, top, right, bottom = xp.unstack(xp.cast(objects, "float64"), axis=2)
    start, end = (xp.stack(ends, axis=2)[:, None] for ends in ((top, left), (bottom, right)))
    shared = xp.maximum(xp.minimum(last, end) - xp.maximum(first, start), 0.0)
    return shared[..., 0] * shared[..., 1], (right - left) * (bottom - top)
