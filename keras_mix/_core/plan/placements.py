"""Placements: where the frame of each source lies in the result.

Each class is one way to place frames, and both have the same interface. Without a placement, a plan
leaves each source where it is.
"""

import functools
import operator
from typing import NamedTuple

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import over
from keras_mix._core.plan import resampling


class _Frames(NamedTuple):
    frames: Tensor


class Shift(_Frames):
    """Moves the frame of each source by whole positions, without resizing it.

    Attributes:
        frames: int32 `(B or 1, S, axes)`, the position in the result of each frame's first corner.
            Every position that the region takes from a source must lie in its frame.
    """

    def keep(self, mixed, sizes):
        """The placement that leaves the frames of samples in place where bool `mixed` is False."""
        return Shift(xp.where(over(mixed, self.frames), self.frames, 0))

    def scale(self, factors):
        """The placement on a grid that is larger by an integer factor along each axis."""
        return Shift(self.frames * xp.stack(factors))

    def move(self, points, source, sizes):
        """Maps points (row, column) of a source, float32 `(B, N, 2)`, to the result."""
        return points + xp.cast(self.frames[:, source, None], "float32")

    def magnification(self, source, sizes):
        """The factor by which the area of a source is enlarged, `(B or 1, 1)`."""
        return xp.ones([1, 1])

    def read(self, pool, sources, axes, source, nearest):
        """The value of each position, as `Resize.read`; a position always lies on a pixel."""
        return _by_images(_shifted, pool, axes, sources, self.frames, source)


class Resize(_Frames):
    """Resizes the frame of each source to a rectangle.

    Attributes:
        frames: float32 `(B or 1, S, 4)`, the rectangle (top, left, height, width) of each frame.
            Beyond a rectangle, its border pixels are repeated. A negative height or width mirrors
            the frame: it extends from its first corner in the other direction.
    """

    def keep(self, mixed, sizes):
        whole = xp.cast(xp.stack([0, 0, *sizes]), "float32")
        return Resize(xp.where(over(mixed, self.frames), self.frames, whole))

    def scale(self, factors):
        return Resize(self.frames * xp.cast(xp.stack([*factors, *factors]), "float32"))

    def move(self, points, source, sizes):
        frame = self.frames[:, source, None]
        return frame[..., :2] + points * (frame[..., 2:] / xp.cast(xp.stack(sizes), "float32"))

    def magnification(self, source, sizes):
        extent = self.frames[:, source, 2:] / xp.cast(xp.stack(sizes), "float32")
        return xp.abs(xp.reduce_prod(extent, axis=1, keepdims=True))

    def inside(self, source, sizes):
        """bool `(B or 1, *sizes)`, the positions of a grid of two axes in the frame of a source."""
        rows, columns = (
            self._between(self.frames[:, source, axis], self.frames[:, source, 2 + axis], size)
            for axis, size in enumerate(sizes)
        )
        return rows[:, :, None] & columns[:, None]

    def _between(self, start, extent, size):
        """bool `(B or 1, size)`, the positions whose center lies between the ends of a frame."""
        end = start + extent
        center = xp.cast(xp.range(size), "float32") + 0.5
        after = center > xp.minimum(start, end)[:, None]
        return after & (center < xp.maximum(start, end)[:, None])

    def read(self, pool, sources, axes, source, nearest):
        """The value of each position.

        Args:
            pool: The samples to read from, `(N, ..., *spatial, ...)`.
            sources: int32 `(B, S)`, the index in the pool of each source.
            axes: The spatial axes of the pool.
            source: A hard region, the source of each position; or an int, one source for all
                positions.
            nearest: Whether a position between pixels takes the nearest one, as class ids must,
                instead of interpolating.

        Returns:
            `(B, ..., *spatial, ...)`. Interpolated values are floats; a position that lies on a
            pixel keeps its bits.
        """
        read = functools.partial(resampling.read, nearest=nearest)
        return _by_images(read, pool, axes, sources, self.frames, source)


def _by_images(read, pool, axes, sources, frames, source):
    """Calls `read` with the pool reshaped to `(N, images, *spatial, values)`."""
    shape = xp.unstack(xp.shape(pool))
    spatial = shape[axes[0] : axes[-1] + 1]
    # A video has many images, and channels may come before the spatial axes.
    before, after = _product(shape[1 : axes[0]]), _product(shape[axes[-1] + 1 :])
    images = xp.reshape(pool, [shape[0], before, *spatial, after])
    result = read(images, sources, frames, source)
    return xp.reshape(result, [xp.shape(sources)[0], *shape[1:]])


def _shifted(pool, sources, frames, source):
    quadrants = None if isinstance(source, int) else source.quadrants()
    if quadrants is not None:
        return _shifted_quadrants(pool, sources, frames, quadrants)
    number, *sizes, values = xp.unstack(xp.shape(pool))[1:]
    strides = [_product(sizes[axis + 1 :]) for axis in range(len(sizes))]
    if not isinstance(source, int):
        source = xp.expand_dims(xp.cast(source.dense(), "int32"), 1)
    # The flat index is a sum of terms of one axis each; only the sum is made for each position.
    lines = [
        (xp.range(size) - corner[..., None]) * stride
        for size, corner, stride in zip(sizes, xp.unstack(frames, axis=2), strides, strict=True)
    ]
    lines[0] = lines[0] + sources[..., None] * (number * _product(sizes))
    index = _line(xp.range(number), -1, len(sizes)) * _product(sizes)
    for axis, line in enumerate(lines):
        index = index + _chosen(source, line, axis, len(sizes))
    pixels = xp.reshape(pool, [xp.shape(pool)[0] * number * _product(sizes), values])
    return xp.gather(pixels, xp.clip_by_value(index, 0, xp.shape(pixels)[0] - 1))


def _shifted_quadrants(pool, sources, frames, quadrants):
    """As `_shifted`, and faster: the pixels that a row takes from one source are contiguous."""
    number, height, width, values = xp.unstack(xp.shape(pool))[1:]
    row, column = xp.range(height)[:, None], xp.range(width)
    image = xp.range(number)[:, None, None]
    pixels = xp.reshape(pool, [xp.shape(pool)[0] * number * height * width, values])

    def first(source):
        """The index of the pixel of a source that each row begins with, `(B, images, H, 1)`."""
        of_source = sources[:, source, None, None, None] * number + image
        top, left = (corner[..., None, None] for corner in xp.split(frames[:, source], 2, axis=1))
        return (of_source * height + row - top) * width - left

    def firsts():
        inside = quadrants.rows[:, None, :, None]
        pairs = zip(*quadrants.numbers, strict=True)
        return [xp.where(inside, first(below), first(above)) for above, below in pairs]

    def read(first):
        index = first + column
        # XLA clips an index by itself, and reads faster where only it does.
        if not xp.compiling():
            index = xp.clip_by_value(index, 0, xp.shape(pixels)[0] - 1)
        return xp.gather(pixels, index)

    left, right = (read(each) for each in xp.apart(xp.reduce_any(sources >= 0), firsts))
    return xp.select(quadrants.columns[:, None, None, :, None], right, left)


def _chosen(source, lines, axis, rank):
    """Selects from the lines of all sources by the source of each position: `(B, 1, *spatial)`.

    Args:
        source: int32 `(B or 1, 1, *spatial)`, or an int for all positions.
        lines: `(B, S, size)`, a value for each source and each position along the axis.
        axis: The axis of the lines.
        rank: The number of spatial axes.
    """
    lines = [_line(line, axis, rank) for line in xp.unstack(lines, axis=1)]
    if isinstance(source, int):
        return lines[source]
    chosen = lines[0]
    for number, line in enumerate(lines[1:], start=1):
        chosen = xp.where(xp.equal(source, number), line, chosen)
    return chosen


def _line(values, axis, rank):
    """Reshapes values `(size,)` or `(B, size)` to broadcast along an axis; -1 is the images."""
    shape = [1] * (1 + rank)
    shape[1 + axis] = xp.shape(values)[-1]
    return xp.reshape(values, [-1, *shape])


def _product(sizes):
    return functools.reduce(operator.mul, sizes, 1)
