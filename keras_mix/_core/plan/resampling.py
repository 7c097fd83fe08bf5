"""Reads frames that a plan has resized: whole rows first, then the pixels along each.

Rows are copied as fast as memory allows, and the second of the two passes reads two pixels for a
place, where a single pass would read four.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.plan.blending import blend, precise
from keras_mix._core.xla import apart


class _Line(NamedTuple):
    """What the places along an axis are read from, both [..., size].

    Attributes:
        low: int32, the pixel (or row) before it or, if asked for, the nearest.
        share: float32, the share of the next one; 0 beyond the border.
    """

    low: tf.Tensor
    share: tf.Tensor

    def of(self, source):
        """The line of one source."""
        return _Line(self.low[:, source], self.share[:, source])

    def ahead(self, offset):
        """The same, so many further on."""
        return self._replace(low=self.low + offset)


def read(pool, sources, frames, source, nearest):
    """The value of every position.

    Args:
        pool: The samples to read from, `(N, images, height, width, values)`.
        sources: int32 `(B, S)`, which of these are the sources of each sample.
        frames: float32 `(B or 1, S, 4)`, as in `placements.Resize`. Beyond a frame its border goes
            on.
        source: The number of the source that all positions come from; or the hard region that
            tells it, which is much faster if it has quadrants.
        nearest: Whether a position takes the nearest pixel instead of a mean.

    Returns:
        `(B, images, height, width, values)`. Means are floats; what lies on a pixel keeps its bits.
    """
    number, images, *shape = tf.unstack(tf.shape(pool))
    size = tf.shape(sources)[0]
    # No size is left to be inferred, which it cannot be of an empty batch.
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
        owner = _for_images(tf.cast(source.dense(), tf.int32), size, images)[..., None]
        value = _read_one(*arguments, 0, nearest)
        for number in range(1, sources.shape[1]):
            value = tf.where(owner == number, _read_one(*arguments, number, nearest), value)
    return tf.reshape(value, [size, images, *shape])


def _for_images(tensor, size, images):
    """Of a tensor `(B or 1, ...)`, one row for each image of each of B samples."""
    shape = tf.unstack(tf.shape(tensor))[1:]
    return tf.repeat(tf.broadcast_to(tensor, [size, *shape]), images, axis=0)


def _read_one(pool, sources, placement, source, nearest):
    """Every place from one source."""
    nothing = tf.zeros([1, 1], tf.bool)
    return _read(pool, sources, placement, ((source,),), (nothing, nothing), nearest)


def _read(pool, sources, placement, numbers, inside, nearest):
    """Every place from source `numbers[row][column]`, by whether its row and column are inside.

    Without frames: pool [N, height, width, values], the rest as in `read`.
    """
    exists = tf.reduce_any(placement[..., 2:] > 0)
    images, columns = apart(exists, _first_pass, pool, sources, placement, numbers, inside, nearest)
    return apart(exists, _second_pass, images, columns, inside, nearest)


def _first_pass(pool, sources, placement, numbers, inside, nearest):
    """Rows that have their height, and which pixels to read of them.

    Returns:
        For each column of `numbers` an image for each sample, its rows from the sources that the
        column names, [columns · B, height, width, values]. And for each row of `numbers` a
        `_Line` [B, width], the pixels of those images, counted from the first in a sample's row.
    """
    number, height, width, values = tf.unstack(tf.shape(pool))
    down, across = _line(placement, 0, height, nearest), _line(placement, 1, width, nearest)
    down = down.ahead(sources[..., None] * height)
    rows = [
        _of_part(inside[0], [down.of(number) for number in column])
        for column in zip(*numbers, strict=True)
    ]
    rows = _Line(*(tf.concat(parts, axis=0) for parts in zip(*rows, strict=True)))
    image = tf.shape(sources)[0] * height * width
    columns = [
        _of_part(inside[1], [across.of(n).ahead(image * i) for i, n in enumerate(row)])
        for row in numbers
    ]
    images = _mean(tf.reshape(pool, [number * height, width * values]), rows, nearest)
    return tf.reshape(images, [tf.shape(images)[0], height, width, values]), columns


def _second_pass(images, columns, inside, nearest):
    """The pixels [B, height, width, values] of those images."""
    number, height, width, values = tf.unstack(tf.shape(images))
    size = tf.shape(columns[0].low)[0]
    places = [_Line(line.low[:, None], line.share[:, None]) for line in columns]
    low, share = _of_part(inside[0][..., None], places)
    rows = width * tf.reshape(tf.range(size * height), [size, height, 1])
    return _mean(
        tf.reshape(images, [number * height * width, values]), _Line(rows + low, share), nearest
    )


def _line(placement, axis, size, nearest):
    """What the places along an axis are read from in each source: a `_Line` [B, S, size]."""
    # What has no extent is not seen; its positions must be numbers nevertheless.
    start, extent = placement[..., axis, None], tf.maximum(placement[..., 2 + axis, None], 1e-6)
    last = tf.cast(size - 1, tf.float32)
    # From the centre of a pixel to the centre of a pixel.
    place = tf.cast(tf.range(size), tf.float32) + 0.5 - start
    at = place * (tf.cast(size, tf.float32) / extent) - 0.5
    low = tf.floor(at + 0.5 if nearest else at)
    share = tf.where((low >= 0.0) & (low < last), at - low, 0.0)
    return _Line(tf.cast(tf.clip_by_value(low, 0.0, last), tf.int32), share)


def _of_part(inside, lines):
    """Of one line, or of two for the rows (columns) outside and inside, that of each place."""
    if len(lines) == 1:
        return lines[0]
    return _Line(*(tf.where(inside, *parts[::-1]) for parts in zip(*lines, strict=True)))


def _mean(values, line, nearest):
    """The values [number, …] that a line reads, and the means with those behind them."""
    own = tf.gather(values, line.low)
    if nearest:
        return own
    behind = tf.gather(values, tf.minimum(line.low + 1, tf.shape(values)[0] - 1))
    return blend([precise(own), precise(behind)], [None, line.share[..., None]])
