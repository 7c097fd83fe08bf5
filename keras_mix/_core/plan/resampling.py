"""Bilinear resampling of resized frames in two passes: whole rows first, then pixels along rows.

Whole rows are copied at memory speed, and the second pass reads two pixels for each position, where
a single pass would read four.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.plan.blending import precise
from keras_mix._core.plan.selecting import select
from keras_mix._core.xla import apart


class _Line(NamedTuple):
    """The pixels that the positions along an axis read, both tensors `(..., size)`.

    Attributes:
        low: int32, the pixel (or row) at or before each position; or the nearest one.
        weight: float32, the weight of the next pixel; 0 beyond the border.
    """

    low: tf.Tensor
    weight: tf.Tensor

    def of(self, source):
        """The line of one source."""
        return _Line(self.low[:, source], self.weight[:, source])

    def shifted(self, offset):
        """The line with an offset added to the pixels."""
        return self._replace(low=self.low + offset)


def read(pool, sources, frames, source, nearest):
    """The value of each position.

    Args:
        pool: The samples to read from, `(N, images, H, W, values)`.
        sources: int32 `(B, S)`, the index in the pool of each source.
        frames: float32 `(B or 1, S, 4)`, as in `placements.Resize`.
        source: An int, the source of all positions; or a hard region, which is much faster if it
            has quadrants.
        nearest: Whether a position takes the nearest pixel instead of interpolating.

    Returns:
        `(B, images, H, W, values)`. Interpolated values are floats; a position that lies on a pixel
        keeps its bits.
    """
    number, images, *shape = tf.unstack(tf.shape(pool))
    size = tf.shape(sources)[0]
    # No size is inferred by -1, which fails for an empty batch.
    arguments = (
        tf.reshape(pool, [number * images, *shape]),
        tf.reshape(
            sources[:, None] * images + tf.range(images)[:, None],
            [size * images, sources.shape[1]],
        ),
        _for_images(frames, size, images),
    )
    quadrants = None if isinstance(source, int) else source.quadrants()
    if isinstance(source, int):
        value = _read_one(*arguments, source, nearest)
    elif quadrants is not None:
        lines = [_for_images(line, size, images) for line in (quadrants.rows, quadrants.columns)]
        value = _read(*arguments, quadrants.numbers, lines, nearest)
    else:
        dense = _for_images(tf.cast(source.dense(), tf.int32), size, images)[..., None]
        value = _read_one(*arguments, 0, nearest)
        for number in range(1, sources.shape[1]):
            value = tf.where(dense == number, _read_one(*arguments, number, nearest), value)
    return tf.reshape(value, [size, images, *shape])


def _for_images(tensor, size, images):
    """Repeats the rows of a tensor `(B or 1, ...)` for each image: `(B · images, ...)`."""
    shape = tf.unstack(tf.shape(tensor))[1:]
    return tf.repeat(tf.broadcast_to(tensor, [size, *shape]), images, axis=0)


def _read_one(pool, sources, frames, source, nearest):
    """All positions from one source."""
    nothing = tf.zeros([1, 1], tf.bool)
    return _read(pool, sources, frames, ((source,),), (nothing, nothing), nearest)


def _read(pool, sources, frames, numbers, inside, nearest):
    """Each position from source `numbers[row][column]`, where row and column are bits of `inside`.

    Args:
        pool: `(N, H, W, values)`, single images.
        sources: As in `read`.
        frames: As in `read`.
        numbers: As in `regions.Quadrants`, or one number.
        inside: bool `(B, H)` and `(B, W)`, the rows and columns of the quadrants.
        nearest: As in `read`.
    """
    exists = tf.reduce_any(frames[..., 2:] > 0)
    images, columns = apart(exists, _first_pass, pool, sources, frames, numbers, inside, nearest)
    return apart(exists, _second_pass, images, columns, inside, nearest)


def _first_pass(pool, sources, frames, numbers, inside, nearest):
    """Resamples along the vertical axis.

    Returns:
        `(columns · B, H, W, values)`: for each column of `numbers`, an image for each sample whose
        rows come from the sources in that column. And for each row of `numbers` a `_Line` `(B, W)`,
        the pixels that the second pass reads from these images, relative to a sample's row.
    """
    number, height, width, values = tf.unstack(tf.shape(pool))
    down, across = _line(frames, 0, height, nearest), _line(frames, 1, width, nearest)
    down = down.shifted(sources[..., None] * height)
    rows = [
        _select(inside[0], [down.of(number) for number in column])
        for column in zip(*numbers, strict=True)
    ]
    rows = _Line(*(tf.concat(parts, axis=0) for parts in zip(*rows, strict=True)))
    image = tf.shape(sources)[0] * height * width
    columns = [
        _select(inside[1], [across.of(n).shifted(image * i) for i, n in enumerate(row)])
        for row in numbers
    ]
    images = _interpolated(tf.reshape(pool, [number * height, width * values]), rows, nearest)
    return tf.reshape(images, [tf.shape(images)[0], height, width, values]), columns


def _second_pass(images, columns, inside, nearest):
    """Resamples along the horizontal axis: `(B, H, W, values)`."""
    number, height, width, values = tf.unstack(tf.shape(images))
    size = tf.shape(columns[0].low)[0]
    lines = [_Line(line.low[:, None], line.weight[:, None]) for line in columns]
    line = _select(inside[0][..., None], lines)
    rows = width * tf.reshape(tf.range(size * height), [size, height, 1])
    pixels = tf.reshape(images, [number * height * width, values])
    return _interpolated(pixels, line.shifted(rows), nearest)


def _line(frames, axis, size, nearest):
    """The pixels that positions along an axis read from each source: a `_Line` `(B, S, size)`."""
    # A frame without extent is not visible; the division must be finite nevertheless.
    start, extent = frames[..., axis, None], tf.maximum(frames[..., 2 + axis, None], 1e-6)
    last = tf.cast(size - 1, tf.float32)
    # Coordinates refer to the centers of pixels.
    position = tf.cast(tf.range(size), tf.float32) + 0.5 - start
    at = position * (tf.cast(size, tf.float32) / extent) - 0.5
    low = tf.floor(at + 0.5 if nearest else at)
    weight = tf.where((low >= 0.0) & (low < last), at - low, 0.0)
    return _Line(tf.cast(tf.clip_by_value(low, 0.0, last), tf.int32), weight)


def _select(inside, lines):
    """The only line; or, of two, the second where `inside` is True and the first elsewhere."""
    if len(lines) == 1:
        return lines[0]
    return _Line(*(tf.where(inside, *parts[::-1]) for parts in zip(*lines, strict=True)))


def _interpolated(values, line, nearest):
    """The values `(number, ...)` at a line's pixels, interpolated with the next ones."""
    low = tf.gather(values, line.low)
    if nearest:
        return low
    following = tf.gather(values, tf.minimum(line.low + 1, tf.shape(values)[0] - 1))
    low, following, weight = precise(low), precise(following), line.weight[..., None]
    weight = tf.cast(weight, low.dtype)
    # As `blending.blend`, but the weight of the next pixel is always below 1.
    mixed = (1 - weight) * low + weight * following
    mixed = tf.where(tf.equal(following, low), low, mixed)
    return select(weight == 0, low, mixed)
