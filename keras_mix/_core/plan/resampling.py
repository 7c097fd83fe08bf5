"""Bilinear resampling of resized frames in two passes: whole rows first, then pixels along rows.

Whole rows are copied at memory speed, and the second pass reads two pixels for each position, where
a single pass would read four. Compiled, only the bands of rows that a box crosses are resampled.
"""

from typing import NamedTuple

from keras_mix._core import dtypes
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.plan.blending import convert, precise

# The most rows in a band: between the passes they stay in a cache, and few of them miss the box.
_BAND = 16


class _Line(NamedTuple):
    """The pixels that the positions along an axis read, both tensors `(..., size)`.

    Attributes:
        low: int32, the pixel (or row) at or before each position; or the nearest one.
        weight: float32, the weight of the next pixel; 0 beyond the border.
    """

    low: Tensor
    weight: Tensor

    def of(self, source):
        """The line of one source."""
        return _Line(self.low[:, source], self.weight[:, source])

    def at(self, place):
        """The lines at a place, or at several."""
        return _Line(xp.gather(self.low, place), xp.gather(self.weight, place))

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
    number, images, *shape = xp.unstack(xp.shape(pool))
    size = xp.shape(sources)[0]
    # No size is inferred by -1, which fails for an empty batch.
    arguments = (
        xp.reshape(pool, [number * images, *shape]),
        xp.reshape(
            sources[:, None] * images + xp.range(images)[:, None],
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
        dense = _for_images(xp.cast(source.dense(), "int32"), size, images)[..., None]
        value = _read_one(*arguments, 0, nearest)
        for number in range(1, sources.shape[1]):
            value = xp.where(dense == number, _read_one(*arguments, number, nearest), value)
    return xp.reshape(value, [size, images, *shape])


def _for_images(tensor, size, images):
    """Repeats the rows of a tensor `(B or 1, ...)` for each image: `(B · images, ...)`."""
    shape = xp.unstack(xp.shape(tensor))[1:]
    return xp.repeat(xp.broadcast_to(tensor, [size, *shape]), images, axis=0)


def _read_one(pool, sources, frames, source, nearest):
    """All positions from one source."""
    nothing = xp.zeros([1, 1], "bool")
    return _read(pool, sources, frames, ((source,),), (nothing, nothing), nearest)


def _read_quadrants(pool, sources, frames, numbers, inside, nearest):
    """As `_read`, in the dtype of the pool; compiled, a box is read by `_read_box`."""

    def whole(pool):
        return _read(pool, sources, frames, numbers, inside, nearest, pool.dtype)

    if not xp.compiling() or numbers != ((0, 0), (0, 1)):
        return whole(pool)

    def by_bands(pool):
        return _read_box(pool, sources, frames, inside, nearest)

    @xp.custom_gradient
    def differentiable(pool):
        # XLA cannot compile the gradient of a loop of unknown length.
        def gradient(result):
            with xp.GradientTape() as tape:
                tape.watch(pool)
                again = whole(pool)
            return tape.gradient(again, pool, result)

        return by_bands(pool), gradient

    return (differentiable if dtypes.is_floating(pool) else by_bands)(pool)


def _read_box(pool, sources, frames, inside, nearest):
    """A box of source 1 over source 0; only the bands of rows that the box crosses are resampled.

    Arguments and result as in `_read_quadrants`.
    """
    number, height, width, values = xp.unstack(xp.shape(pool))
    size = xp.shape(sources)[0]
    whole = xp.cast(xp.stack([0, 0, height, width]), "float32")
    below = xp.cond(
        xp.reduce_all(xp.equal(frames[:, 0], whole)),
        lambda: xp.gather(pool, sources[:, 0]),
        lambda: convert(_read_one(pool, sources, frames, 0, nearest), pool.dtype),
    )
    # An empty batch has a band, too, since XLA compiles a loop that never runs.
    samples = xp.maximum(size, 1)
    count = (height + _BAND - 1) // _BAND
    band = (height + count - 1) // count

    def banded(tensor):
        """Divides the rows `(B, H, ...)` into bands: `(samples · count, band, ...)`."""
        rest = xp.unstack(xp.shape(tensor))[2:]
        padding = [[0, samples - size], [0, count * band - height]] + [[0, 0]] * len(rest)
        return xp.reshape(xp.pad(tensor, padding), [samples * count, band, *rest])

    down = _line(frames, 0, height, nearest).shifted(sources[..., None] * height).of(1)
    down, across = _Line(*map(banded, down)), _line(frames, 1, width, nearest).of(1)
    in_row, in_column = banded(inside[0]), inside[1]
    crossed = xp.reduce_any(in_row, axis=1)
    order = xp.argsort(xp.cast(~crossed, "int32"), stable=True)
    images = xp.reshape(pool, [number * height, width * values])
    exists = xp.reduce_any(frames[..., 2:] > 0)

    def step(n, bands):
        # Not `order[n]`: XLA would treat the order as a constant, and compile for every batch.
        place = xp.gather(order, n)
        sample = place // count
        line = down.at(place)
        rows = xp.apart(exists, _interpolated, images, line, nearest)
        pixels = xp.reshape(rows, [band * width, values])
        line = across.at(sample[None]).shifted(width * xp.range(band)[:, None])
        value = convert(_interpolated(pixels, line, nearest), pool.dtype)
        box = xp.gather(in_row, place)[:, None] & xp.gather(in_column, sample)
        return n + 1, bands.write(place, xp.select(box[..., None], value, bands.read(place)))

    bands = xp.TensorArray(pool.dtype, size=samples * count, clear_after_read=False)
    bands = bands.unstack(banded(below))
    last = xp.count_nonzero(crossed, dtype="int32")
    _, bands = xp.while_loop(lambda n, _: n < last, step, (0, bands))
    result = xp.reshape(bands.stack(), [samples, count * band, width, values])
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
    exists = xp.reduce_any(frames[..., 2:] > 0)
    images, columns = xp.apart(exists, _first_pass, pool, sources, frames, numbers, inside, nearest)
    return xp.apart(exists, _second_pass, images, columns, inside, nearest, dtype)


def _first_pass(pool, sources, frames, numbers, inside, nearest):
    """Resamples along the vertical axis.

    Returns:
        `(columns · B, H, W, values)`: for each column of `numbers`, an image for each sample whose
        rows come from the sources in that column. And for each row of `numbers` a `_Line` `(B, W)`,
        the pixels that the second pass reads from these images, relative to a sample's row.
    """
    number, height, width, values = xp.unstack(xp.shape(pool))
    down, across = _line(frames, 0, height, nearest), _line(frames, 1, width, nearest)
    down = down.shifted(sources[..., None] * height)
    rows = [
        _select(inside[0], [down.of(number) for number in column])
        for column in zip(*numbers, strict=True)
    ]
    rows = _Line(*(xp.concat(parts, axis=0) for parts in zip(*rows, strict=True)))
    image = xp.shape(sources)[0] * height * width
    columns = [
        _select(inside[1], [across.of(n).shifted(image * i) for i, n in enumerate(row)])
        for row in numbers
    ]
    images = _interpolated(xp.reshape(pool, [number * height, width * values]), rows, nearest)
    return xp.reshape(images, [xp.shape(images)[0], height, width, values]), columns


def _second_pass(images, columns, inside, nearest, dtype):
    """Resamples along the horizontal axis: `(B, H, W, values)`."""
    number, height, width, values = xp.unstack(xp.shape(images))
    size = xp.shape(columns[0].low)[0]
    lines = [_Line(line.low[:, None], line.weight[:, None]) for line in columns]
    line = _select(inside[0][..., None], lines)
    rows = width * xp.reshape(xp.range(size * height), [size, height, 1])
    pixels = xp.reshape(images, [number * height * width, values])
    value = _interpolated(pixels, line.shifted(rows), nearest)
    return value if dtype is None else convert(value, dtype)


def _line(frames, axis, size, nearest):
    """The pixels that positions along an axis read from each source: a `_Line` `(B, S, size)`."""
    # A frame without extent is not visible; the division must be finite nevertheless.
    start, extent = frames[..., axis, None], frames[..., 2 + axis, None]
    extent = xp.where(extent < 0, xp.minimum(extent, -1e-6), xp.maximum(extent, 1e-6))
    last = xp.cast(size - 1, "float32")
    # Coordinates refer to the centers of pixels.
    position = xp.cast(xp.range(size), "float32") + 0.5 - start
    at = position * (xp.cast(size, "float32") / extent) - 0.5
    low = xp.floor(at + 0.5 if nearest else at)
    weight = xp.where((low >= 0.0) & (low < last), at - low, 0.0)
    return _Line(xp.cast(xp.clip_by_value(low, 0.0, last), "int32"), weight)


def _select(inside, lines):
    """The only line; or, of two, the second where `inside` is True and the first elsewhere."""
    if len(lines) == 1:
        return lines[0]
    return _Line(*(xp.where(inside, *parts[::-1]) for parts in zip(*lines, strict=True)))


def _interpolated(values, line, nearest):
    """The values `(number, ...)` at a line's pixels, interpolated with the next ones."""
    low = xp.gather(values, line.low)
    if nearest:
        return low
    following = xp.gather(values, xp.minimum(line.low + 1, xp.shape(values)[0] - 1))
    low, following, weight = precise(low), precise(following), line.weight[..., None]
    weight = xp.cast(weight, low.dtype)
    # As `blending.blend`, but the weight of the next pixel is always below 1.
    mixed = (1 - weight) * low + weight * following
    mixed = xp.where(xp.equal(following, low), low, mixed)
    return xp.select(weight == 0, low, mixed)
