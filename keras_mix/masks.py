"""Geometry without randomness: the regions that plans are made of."""

import tensorflow as tf


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

    Returns:
        A tuple of bool [N, size], one for each axis: the box of a `keras_mix.plan.Plan`.
    """
    low = centre - sides // 2
    high = low + sides
    places = [tf.range(size) for size in grid]
    return tuple(
        (place >= low[:, axis, None]) & (place < high[:, axis, None])
        for axis, place in enumerate(places)
    )
