"""Geometry without randomness: the regions that plans are made of."""

from typing import NamedTuple

import tensorflow as tf


class Rectangle(NamedTuple):
    """Boxes clipped to a grid.

    Attributes:
        region: bool [N, *grid], True inside the box.
        count: int32 [N], the number of places inside.
    """

    region: tf.Tensor
    count: tf.Tensor


def sides(share, grid):
    """int32 [N, len(grid)], the sides, rounded down, of boxes with the grid's own proportions.

    Args:
        share: float32 [N], the share of the grid that an unclipped box covers, in [0, 1].
        grid: The grid's sizes.
    """
    # A square root is correctly rounded and so the same in every mode; a general power is not.
    scale = tf.sqrt(share) if len(grid) == 2 else share ** (1.0 / len(grid))
    axes = [tf.cast(scale[:, None] * tf.cast(n, tf.float32), tf.int32) for n in grid]
    # Not a stack: TensorFlow's graph optimizer spoils slices of stacks (seen on TF 2.21).
    return tf.concat(axes, axis=1)


def rectangle(centre, sides, grid):
    """The boxes around `centre`, clipped at the grid's borders.

    A side of s places covers centre - s // 2 up to, but without, centre - s // 2 + s.

    Args:
        centre: int32 [N, len(grid)].
        sides: int32 [N, len(grid)].
        grid: The grid's sizes.
    """
    low = centre - sides // 2
    high = low + sides
    region, count = True, 1
    for axis, size in enumerate(grid):
        first = tf.maximum(low[:, axis], 0)
        last = tf.minimum(high[:, axis], size)
        count *= tf.maximum(last - first, 0)
        place = tf.range(size)
        inside = (place >= first[:, None]) & (place < last[:, None])
        others = [1] * (len(grid) - 1)
        others.insert(axis, size)
        region &= tf.reshape(inside, [-1, *others])
    return Rectangle(region, count)
