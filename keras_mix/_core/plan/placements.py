"""Placements: where the frame of each source lies in the result.

Each class is one way to place frames; both have the same interface. A plan without a placement
leaves each source where it is.
"""

import functools
import operator
from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.broadcasting import over
from keras_mix._core.plan import resampling


class _Frames(NamedTuple):
    frames: tf.Tensor


class Shift(_Frames):
    """Frames keep their size.

    Attributes:
        frames: int32 `(B or 1, S, axes)`, the position of each frame's first corner. A frame covers
            all positions that are read from it.
    """

    def keep(self, mixed, sizes):
        """The placement with the frames of samples in place where bool `mixed` is False."""
        return Shift(tf.where(over(mixed, self.frames), self.frames, 0))

    def scale(self, factors):
        """The placement on a grid that is larger by an integer factor along each axis."""
        return Shift(self.frames * tf.stack(factors))

    def move(self, points, source, sizes):
        """Where points float32 `(B, N, 2)` of a source, (row, column), lie in the result."""
        return points + tf.cast(self.frames[:, source, None], tf.float32)

    def magnification(self, source, sizes):
        """How many times as large as its own the area of a source's frame is, `(B or 1, 1)`."""
        return tf.ones([1, 1])

    def read(self, pool, sources, axes, source, nearest):
        """The value of every position, which is a pixel of its source: see `Resize.read`."""
        return _by_images(_shifted, pool, axes, sources, self.frames, source)


class Resize(_Frames):
    """Frames are resized.

    Attributes:
        frames: float32 `(B or 1, S, 4)`, the rectangle (top, left, height, width) of each frame.
            Beyond it the frame's border continues.
    """

    def keep(self, mixed, sizes):
        whole = tf.cast(tf.stack([0, 0, *sizes]), tf.float32)
        return Resize(tf.where(over(mixed, self.frames), self.frames, whole))

    def scale(self, factors):
        return Resize(self.frames * tf.cast(tf.stack([*factors, *factors]), tf.float32))

    def move(self, points, source, sizes):
        frame = self.frames[:, source, None]
        return frame[..., :2] + points * (frame[..., 2:] / tf.cast(tf.stack(sizes), tf.float32))

    def magnification(self, source, sizes):
        extent = self.frames[:, source, 2:] / tf.cast(tf.stack(sizes), tf.float32)
        return tf.reduce_prod(extent, axis=1, keepdims=True)

    def read(self, pool, sources, axes, source, nearest):
        """The value of every position.

        Args:
            pool: The samples to read from, `(N, ..., *spatial, ...)`.
            sources: int32 `(B, S)`, which of these are the sources of each sample.
            axes: The pool's spatial axes.
            source: The hard region that tells the source of each position; or the number of the
                one that all positions are read from.
            nearest: Whether a position between pixels takes the nearest one, as class ids must,
                instead of the mean of those around it.

        Returns:
            `(B, ..., *spatial, ...)`. Means are floats; what lies on a pixel keeps its bits.
        """
        read = functools.partial(resampling.read, nearest=nearest)
        return _by_images(read, pool, axes, sources, self.frames, source)


def _by_images(read, pool, axes, sources, frames, source):
    """`read` for a pool `(N, images, *spatial, values)`, whatever the axes are."""
    shape = tf.unstack(tf.shape(pool))
    spatial = shape[axes[0] : axes[-1] + 1]
    # A video has many images, and channels may come before the spatial axes.
    before, behind = _product(shape[1 : axes[0]]), _product(shape[axes[-1] + 1 :])
    images = tf.reshape(pool, [shape[0], before, *spatial, behind])
    result = read(images, sources, frames, source)
    return tf.reshape(result, [tf.shape(sources)[0], *shape[1:]])


def _shifted(pool, sources, frames, source):
    number, *sizes, values = tf.unstack(tf.shape(pool))[1:]
    strides = [_product(sizes[axis + 1 :]) for axis in range(len(sizes))]
    if not isinstance(source, int):
        source = tf.expand_dims(tf.cast(source.dense(), tf.int32), 1)
    # All that can be is computed along the axes: a position of the result only adds up.
    lines = [
        (tf.range(size) - corner[..., None]) * stride
        for size, corner, stride in zip(sizes, tf.unstack(frames, axis=2), strides, strict=True)
    ]
    lines[0] += sources[..., None] * (number * _product(sizes))
    index = _line(tf.range(number), -1, len(sizes)) * _product(sizes)
    for axis, line in enumerate(lines):
        index += _chosen(source, line, axis, len(sizes))
    pixels = tf.reshape(pool, [tf.shape(pool)[0] * number * _product(sizes), values])
    return tf.gather(pixels, tf.clip_by_value(index, 0, tf.shape(pixels)[0] - 1))


def _chosen(source, lines, axis, rank):
    """For every position `(B, 1, *spatial)`, what its source's line along an axis says of it.

    Args:
        source: int32 `(B or 1, 1, *spatial)`, or one number for all positions.
        lines: `(B, S, size)`.
        axis: The axis of the lines.
        rank: The number of spatial axes.
    """
    lines = [_line(line, axis, rank) for line in tf.unstack(lines, axis=1)]
    if isinstance(source, int):
        return lines[source]
    chosen = lines[0]
    for number, line in enumerate(lines[1:], start=1):
        chosen = tf.where(tf.equal(source, number), line, chosen)
    return chosen


def _line(values, axis, rank):
    """Values `(size,)` or `(B, size)` along an axis (-1: the images), over all axes."""
    shape = [1] * (1 + rank)
    shape[1 + axis] = tf.shape(values)[-1]
    return tf.reshape(values, [-1, *shape])


def _product(sizes):
    return functools.reduce(operator.mul, sizes, 1)
