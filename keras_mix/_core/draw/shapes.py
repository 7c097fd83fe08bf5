"""Geometry without randomness: the regions that plans are made of."""

import numpy as np
import tensorflow as tf

from keras_mix._core.plan.regions import Blocks, Box, Boxes

# Sines and cosines as whole numbers.
_TURN = 2.0**9


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
        centre: int32 [B, axes] or, for several boxes of a sample, [B, N, axes].
        sides: int32, alike.
        grid: The grid's sizes.

    Returns:
        A `Box`; of several boxes a sample, `Boxes`.
    """
    return box(centre - sides // 2, sides, grid)


def box(corner, sides, grid):
    """The boxes from their first corner on, as `rectangle` returns them."""
    end = corner + sides
    lines = tuple(
        (tf.range(size) >= corner[..., axis, None]) & (tf.range(size) < end[..., axis, None])
        for axis, size in enumerate(grid)
    )
    return Box(lines) if corner.shape.rank == 2 else Boxes(lines)


def bands(starts, widths, grid):
    """The union of bands across the grid, each as wide as told along one axis, else as the grid.

    Args:
        starts: For each axis of the grid, int32 [B, N], the first place of each of its bands.
        widths: For each axis int32 [B, N], how many places they are wide, 0 for none.
        grid: The grid's sizes.

    Returns:
        `Boxes`, one for each axis, of all its bands.
    """
    covered = []
    for size, start, width in zip(grid, starts, widths, strict=True):
        place, end = tf.range(size), start + width
        inside = (place >= start[..., None]) & (place < end[..., None])
        covered.append(tf.reduce_any(inside, axis=1)[:, None])
    region = []
    for axis, line in enumerate(covered):
        # Along the other axes a box is as long as the grid.
        boxes = [line if box == axis else tf.ones_like(line) for box in range(len(grid))]
        # Not a stack, for the reason in `sides`.
        region.append(tf.concat(boxes, axis=1))
    return Boxes(tuple(region))


def blocks(corner, grid):
    """The `Blocks` around a point: upper left 0, upper right 1, lower left 2, lower right 3.

    Args:
        corner: int32 [B, 2], the first row and column of block 3.
        grid: (height, width).
    """
    rows, columns = (
        tf.cast(tf.range(size) >= corner[:, axis, None], tf.int32) for axis, size in enumerate(grid)
    )
    return Blocks((2 * rows, columns))


def block_frames(corner, grid):
    """The four blocks around a point: int32 [B, 4, 2], their first places, and their sizes."""
    y, x = corner[:, :1], corner[:, 1:]
    zero = tf.zeros_like(y)
    below, right = grid[0] - y, grid[1] - x
    first = [zero, zero, zero, x, y, zero, y, x]
    sizes = [y, x, y, right, below, x, below, right]
    # Not a stack, for the reason in `sides`.
    return [tf.reshape(tf.concat(parts, axis=1), [-1, 4, 2]) for parts in (first, sizes)]


def cells(owners, grid):
    """A region of cells as equal as pixels allow.

    Args:
        owners: bool or int32 [B, rows, columns], what the region holds in each cell.
        grid: (height, width).

    Returns:
        Of the same dtype [B, height, width].
    """
    rows, columns = (
        tf.range(size) * count // size for size, count in zip(grid, owners.shape[1:], strict=True)
    )
    # A matrix product, which XLA does not compute again for every row.
    wide = tf.tensordot(
        tf.cast(owners, tf.float32), tf.one_hot(columns, owners.shape[2], axis=0), 1
    )
    return tf.gather(tf.cast(wide, owners.dtype), rows, axis=1)


def spot(centre, sigma, grid):
    """float32 [B, *grid, 2], what a Gaussian spot leaves and what it takes.

    Args:
        centre: int32 [B, 2], the pixel where it takes all.
        sigma: float32 [B], its standard deviation, as a share of the height and of the width.
        grid: (height, width).
    """
    inside = tf.ones([])
    for axis, size in enumerate(grid):
        away = tf.cast(tf.range(size) - centre[:, axis, None], tf.float32)
        away /= sigma[:, None] * tf.cast(size, tf.float32)
        inside *= tf.expand_dims(tf.exp(-0.5 * tf.square(away)), 2 - axis)
    return tf.stack([1.0 - inside, inside], axis=-1)


def lattice(angle, offset, unit, side, grid):
    """bool [B, *grid], True inside the squares of a lattice turned around the image's centre.

    All in whole numbers that float32 holds exactly, up to images of 4,000 pixels.

    Args:
        angle: int32 [B], degrees in 0 … 359.
        offset: int32 [B, 2], how far the lattice is shifted, in pixels.
        unit: int32 [B], the distance of the squares.
        side: int32 [B], the side of the squares.
        grid: (height, width).
    """
    turns = np.deg2rad(np.arange(360))
    sine, cosine = (
        tf.gather(tf.constant(np.round(_TURN * f(turns)), tf.float32), angle)[:, None, None]
        for f in (np.sin, np.cos)
    )
    # Twice the distance from the centre is a whole number.
    y, x = (2.0 * tf.cast(tf.range(n), tf.float32) - tf.cast(n - 1, tf.float32) for n in grid)
    y, x = y[None, :, None], x[None, None, :]
    period, inside = (2.0 * _TURN * tf.cast(n, tf.float32)[:, None, None] for n in (unit, side))
    region = True
    for axis, turned in enumerate((cosine * y - sine * x, sine * y + cosine * x)):
        place = turned + 2.0 * _TURN * tf.cast(offset[:, axis], tf.float32)[:, None, None]
        place -= period * tf.floor(place / period)
        # The quotient may have been rounded up or down to the next whole one.
        place = tf.where(place < 0, place + period, place)
        place = tf.where(place >= period, place - period, place)
        region &= place < inside
    return region
