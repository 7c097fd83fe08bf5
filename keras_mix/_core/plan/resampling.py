"""Bilinear resampling of resized frames in two passes: whole rows first, then pixels along rows.

Whole rows are copied at memory speed, and the second pass reads two pixels for each position, where
a single pass would read four. Compiled, only the bands of rows that a box crosses are resampled.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_mix._core import xla
from keras_mix._core.plan.blending import convert, precise
from keras_mix._core.plan.selecting import select
from keras_mix._core.xla import apart

# The most rows in a band: between the passes they stay in a cache, and few of them miss the box.
_BAND = 16


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

    def at(self, place):
        """The lines at a place, or at several."""
        return _Line(tf.gather(self.low, place), tf.gather(self.weight, place))

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
        `(B, images, H, W, values)`. A position that lies on a pixel keeps its bits. Other values of
        one source are floats; those of a region are converted to the dtype of the pool.
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
        value = _read_quadrants(*arguments, quadrants.numbers, lines, nearest)
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


def _read_quadrants(pool, sources, frames, numbers, inside, nearest):
    """As `_read`, in the dtype of the pool; compiled, a box is read by `_read_box`."""

    def whole(pool):
        return _read(pool, sources, frames, numbers, inside, nearest, pool.dtype)

    if not xla.compiling() or numbers != ((0, 0), (0, 1)):
        return whole(pool)

    def by_bands(pool):
        return _read_box(pool, sources, frames, inside, nearest)

    @tf.custom_gradient
    def differentiable(pool):
        # XLA cannot compile the gradient of a loop of unknown length.
        def gradient(result):
            with tf.GradientTape() as tape:
                tape.watch(pool)
                again = whole(pool)
            return tape.gradient(again, pool, result)

        return by_bands(pool), gradient

    return (differentiable if pool.dtype.is_floating else by_bands)(pool)


def _read_box(pool, sources, frames, inside, nearest):
    """A box of source 1 over source 0; only the bands of rows that the box crosses are resampled.

    Arguments and result as in `_read_quadrants`.
    """
    number, height, width, values = tf.unstack(tf.shape(pool))
    size = tf.shape(sources)[0]
    whole = tf.cast(tf.stack([0, 0, height, width]), tf.float32)
    below = tf.cond(
        tf.reduce_all(tf.equal(frames[:, 0], whole)),
        lambda: tf.gather(pool, sources[:, 0]),
        lambda: convert(_read_one(pool, sources, frames, 0, nearest), pool.dtype),
    )
    # An empty batch has a band, too, since XLA compiles a loop that never runs.
    samples = tf.maximum(size, 1)
    count = (height + _BAND - 1) // _BAND
    band = (height + count - 1) // count

    def banded(tensor):
        """Divides the rows `(B, H, ...)` into bands: `(samples · count, band, ...)`."""
        rest = tf.unstack(tf.shape(tensor))[2:]
        padding = [[0, samples - size], [0, count * band - height]] + [[0, 0]] * len(rest)
        return tf.reshape(tf.pad(tensor, padding), [samples * count, band, *rest])

    down = _line(frames, 0, height, nearest).shifted(sources[..., None] * height).of(1)
    down, across = _Line(*map(banded, down)), _line(frames, 1, width, nearest).of(1)
    in_row, in_column = banded(inside[0]), inside[1]
    crossed = tf.reduce_any(in_row, axis=1)
    order = tf.argsort(tf.cast(~crossed, tf.int32), stable=True)
    images = tf.reshape(pool, [number * height, width * values])
    exists = tf.reduce_any(frames[..., 2:] > 0)

    def step(n, bands):
        # Not `order[n]`: XLA would treat the order as a constant, and compile for every batch.
        place = tf.gather(order, n)
        sample = place // count
        line = down.at(place)
        rows = apart(exists, _interpolated, images, line, nearest)
        pixels = tf.reshape(rows, [band * width, values])
        line = across.at(sample[None]).shifted(width * tf.range(band)[:, None])
        value = convert(_interpolated(pixels, line, nearest), pool.dtype)
        box = tf.gather(in_row, place)[:, None] & tf.gather(in_column, sample)
        return n + 1, bands.write(place, select(box[..., None], value, bands.read(place)))

    bands = tf.TensorArray(pool.dtype, size=samples * count, clear_after_read=False)
    bands = bands.unstack(banded(below))
    last = tf.math.count_nonzero(crossed, dtype=tf.int32)
    _, bands = tf.while_loop(lambda n, _: n < last, step, (0, bands))
    result = tf.reshape(bands.stack(), [samples, count * band, width, values])
    return result[:size, :height]


def _read(pool, sources, frames, numbers, inside, nearest, dtype=None):
    """Each position from source `numbers[row][column]`, where row and column are bits of `inside`.

    Args:
        pool: `(N, H, W, values)`, single images.
        sources: As in `read`.
        frames: As in `read`.
        numbers: As in `regions.Quadrants`, or one number.
        inside: bool `(B, H)` and `(B, W)`, the rows and columns of the quadrants.
        nearest: As in `read`.
        dtype: The dtype to convert to; None leaves interpolated values as floats.
    """
    exists = tf.reduce_any(frames[..., 2:] > 0)
    images, columns = apart(exists, _first_pass, pool, sources, frames, numbers, inside, nearest)
    return apart(exists, _second_pass, images, columns, inside, nearest, dtype)


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


def _second_pass(images, columns, inside, nearest, dtype):
    """Resamples along the horizontal axis: `(B, H, W, values)`."""
    number, height, width, values = tf.unstack(tf.shape(images))
    size = tf.shape(columns[0].low)[0]
    lines = [_Line(line.low[:, None], line.weight[:, None]) for line in columns]
    line = _select(inside[0][..., None], lines)
    rows = width * tf.reshape(tf.range(size * height), [size, height, 1])
    pixels = tf.reshape(images, [number * height * width, values])
    value = _interpolated(pixels, line.shifted(rows), nearest)
    return value if dtype is None else convert(value, dtype)


def _line(frames, axis, size, nearest):
    """The pixels that positions along an axis read from each source: a `_Line` `(B, S, size)`."""
    # A frame without extent is not visible; the division must be finite nevertheless.
    start, extent = frames[..., axis, None], frames[..., 2 + axis, None]
    extent = tf.where(extent < 0, tf.minimum(extent, -1e-6), tf.maximum(extent, 1e-6))
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
