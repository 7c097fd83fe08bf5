"""Regions by their geometry, without randomness."""

import numpy as np

from keras_mix._core.backend import xp
from keras_mix._core.plan.regions import Blocks, Box, Boxes, Cells, SoftBox

__all__ = [
    "bands",
    "block_frames",
    "blocks",
    "box",
    "cells",
    "lattice",
    "rectangle",
    "sides",
    "spot",
]
# The factor by which sines and cosines become integers.
_TURN = 2.0**9


def sides(fraction, grid):
    """The sides, rounded down, of boxes with the proportions of the grid.

    Args:
        fraction: float32 `(N,)` in [0, 1], the fraction of the grid that a box covers.
        grid: The sizes of the grid.

    Returns:
        int32 `(N, axes)`.
    """
    # A square root is correctly rounded and therefore the same in every mode; a power is not.
    scale = xp.sqrt(fraction) if len(grid) == 2 else fraction ** (1.0 / len(grid))
    axes = [xp.cast(scale[:, None] * xp.cast(n, "float32"), "int32") for n in grid]
    # Not `tf.stack`: TensorFlow's graph optimizer breaks slices of stacks (seen on TF 2.21).
    return xp.concat(axes, axis=1)


def rectangle(center, sides, grid):
    """Boxes around a center, clipped at the borders of the grid.

    A side s covers the positions from center - s // 2 to center - s // 2 + s - 1.

    Args:
        center: int32 `(B, axes)`; or `(B, N, axes)` for N boxes of each sample.
        sides: int32 of the same shape.
        grid: The sizes of the grid.

    Returns:
        A `Box`; or `Boxes` for N boxes of each sample.
    """
    return box(center - sides // 2, sides, grid)


def box(corner, sides, grid):
    """Boxes by their first corner; arguments and result as in `rectangle`."""
    end = corner + sides
    lines = tuple(
        (xp.range(size) >= corner[..., axis, None]) & (xp.range(size) < end[..., axis, None])
        for axis, size in enumerate(grid)
    )
    return Box(lines) if len(corner.shape) == 2 else Boxes(lines)


def bands(starts, widths, grid):
    """The union of bands that cross the whole grid.

    Args:
        starts: List with an int32 `(B, N)` for each axis, the first position of each band.
        widths: List with an int32 `(B, N)` for each axis, the width of each band, 0 for none.
        grid: The sizes of the grid.

    Returns:
        `Boxes`, one for each axis of the grid.
    """
    covered = []
    for size, start, width in zip(grid, starts, widths, strict=True):
        position, end = xp.range(size), start + width
        inside = (position >= start[..., None]) & (position < end[..., None])
        covered.append(xp.reduce_any(inside, axis=1)[:, None])
    region = []
    for axis, line in enumerate(covered):
        # Along the other axes, a box covers the whole grid.
        boxes = [line if box == axis else xp.ones_like(line) for box in range(len(grid))]
        # Not `tf.stack`, see `sides`.
        region.append(xp.concat(boxes, axis=1))
    return Boxes(tuple(region))


def blocks(corner, grid):
    """The `Blocks` around a point: upper left 0, upper right 1, lower left 2, lower right 3.

    Args:
        corner: int32 `(B, 2)`, the first row and column of block 3.
        grid: (height, width).
    """
    rows, columns = (
        xp.cast(xp.range(size) >= corner[:, axis, None], "int32") for axis, size in enumerate(grid)
    )
    return Blocks((2 * rows, columns))


def block_frames(corner, grid):
    """The first corners and the sizes of the four `blocks`, each int32 `(B, 4, 2)`."""
    y, x = corner[:, :1], corner[:, 1:]
    zero = xp.zeros_like(y)
    below, right = grid[0] - y, grid[1] - x
    first = [zero, zero, zero, x, y, zero, y, x]
    sizes = [y, x, y, right, below, x, below, right]
    # Not `tf.stack`, see `sides`.
    return [xp.reshape(xp.concat(parts, axis=1), [-1, 4, 2]) for parts in (first, sizes)]


def cells(values, grid):
    """A region of rectangular cells of (almost) equal size.

    Args:
        values: bool or int32 `(B, rows, columns)`, the source of each cell.
        grid: (height, width).

    Returns:
        `Cells`.
    """
    return Cells(values, tuple(grid))


def spot(center, sigma, grid):
    """A Gaussian spot of a partner.

    Args:
        center: int32 `(B, axes)`, the position where the partner has the weight 1.
        sigma: float32 `(B,)`, the standard deviation relative to each side of the grid.
        grid: The sizes of the grid.

    Returns:
        A `SoftBox`.
    """
    lines = []
    for axis, size in enumerate(grid):
        distance = xp.cast(xp.range(size) - center[:, axis, None], "float32")
        distance = distance / (sigma[:, None] * xp.cast(size, "float32"))
        lines.append(xp.exp(-0.5 * xp.square(distance)))
    return SoftBox(tuple(lines))


def lattice(angle, offset, unit, side, grid):
    """A lattice of squares, rotated around the center of the image.

    All numbers are integers that float32 represents exactly, for images of up to 4,000 pixels.

    Args:
        angle: int32 `(B,)`, degrees in 0 … 359.
        offset: int32 `(B, 2)`, the shift of the lattice, in pixels.
        unit: int32 `(B,)`, the period of the lattice.
        side: int32 `(B,)`, the side of the squares.
        grid: (height, width).

    Returns:
        bool `(B, *grid)`, True inside the squares.
    """
    turns = np.deg2rad(np.arange(360))
    sine, cosine = (
        xp.gather(xp.constant(np.round(_TURN * f(turns)), "float32"), angle)[:, None, None]
        for f in (np.sin, np.cos)
    )
    # Twice the distance from the center is an integer.
    y, x = (2.0 * xp.cast(xp.range(n), "float32") - xp.cast(n - 1, "float32") for n in grid)
    y, x = y[None, :, None], x[None, None, :]
    period, inside = (2.0 * _TURN * xp.cast(n, "float32")[:, None, None] for n in (unit, side))
    region = True
    for axis, rotated in enumerate((cosine * y - sine * x, sine * y + cosine * x)):
        position = rotated + 2.0 * _TURN * xp.cast(offset[:, axis], "float32")[:, None, None]
        position = position - period * xp.floor(position / period)
        # The quotient may have been rounded to the next integer.
        position = xp.where(position < 0, position + period, position)
        position = xp.where(position >= period, position - period, position)
        region = region & (position < inside)
    return region


def __dir__():
    return __all__
