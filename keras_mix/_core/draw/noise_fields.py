"""Smooth random fields, and masks of their highest values in an exact number of positions.

A field is a sum of at most 64 waves along each axis, or filtered noise on a coarse grid. Both are
small matrix products and need no Fourier transform. The last product, the largest, is one of whole
numbers, so that fields are the same in every mode. Only their order matters, so each has a unit of
its own. The noise is an argument.
"""

import math

import numpy as np

from keras_mix._core.backend import xp
from keras_mix._core.draw.top_values import top

# Waves with less than this fraction of a field's energy are left out.
_NEGLIGIBLE = 4e-6
_MOST_CYCLES = 64
# The values of a field are below it.
_LIMIT = 2.0**24
# Along an axis of more positions, neighbors differ so little that a field is computed in float64.
_LONG = 1024


def synthesize(coefficients, grid):
    """The field with the given coefficients.

    Args:
        coefficients: float64 `(B, n, ...)` with one axis for each axis of the grid: the
            coefficients of the functions 1, cos, sin, cos 2, sin 2, … along it. The squares of
            their amplitudes should sum to 1.
        grid: The sizes of the grid.

    Returns:
        float32 `(B, *grid)`.
    """
    *numbers, last = coefficients.shape[1:]
    field = coefficients
    for number, size in zip(numbers, grid, strict=False):
        # Replaces the first axis of waves by an axis of the grid, which becomes the last one.
        field = xp.tensordot(field, _waves(number, size), [[1], [0]])
    return _product(field, _waves(last, grid[-1])[None] / np.sqrt(2.0), grid)


def highest(coefficients, fraction, grid):
    """Selects a fraction of the positions, those where a field is highest.

    Args:
        coefficients: As in `synthesize`.
        fraction: float32 `(B,)` in [0, 1], rounded to a whole number of positions.
        grid: The sizes of the grid.

    Returns:
        bool `(B, *grid)`.
    """
    return _top_fraction(synthesize(coefficients, grid), fraction, grid)


def filtered(noise, sigma, grid):
    """White noise with a Gaussian filter, without noise beyond the borders.

    Args:
        noise: float64 `(B, n, n)`, standard normal, in n × n cells that cover the image. Four cells
            for each sigma are enough.
        sigma: float64 `(B,)`, the standard deviation of the filter relative to the longer side.
        grid: (height, width).

    Returns:
        float32 `(B, *grid)`.
    """
    longest = xp.cast(xp.reduce_max(xp.stack(grid)), "float64")
    filters = []
    for size in grid:
        size = xp.cast(size, "float64")
        pixel, cell = _centers(size), _centers(xp.cast(noise.shape[1], "float64"))
        distance = (pixel - cell[:, None]) * size / longest
        filters.append(xp.exp(-0.5 * xp.square(distance / sigma[:, None, None])))
    down, columns = filters
    rows = xp.matmul(noise, down, transpose_a=True)
    # Wide filters are almost constant. The mean of each column is a product of its own, and that of
    # the field, which no mask depends on, is left out: what remains is precise for any filter.
    mean = xp.reduce_mean(columns, axis=2, keepdims=True)
    level = xp.reduce_sum(rows * mean, axis=1, keepdims=True)
    level = level - xp.reduce_mean(level, axis=2, keepdims=True)
    columns = columns - mean
    largest = xp.reduce_max(xp.abs(columns), axis=[1, 2], keepdims=True)
    columns = xp.divide_no_nan(columns, largest)
    rows = xp.concat([rows * largest, level], axis=1)
    columns = xp.concat([columns, xp.ones_like(columns[:, :1])], axis=1)
    return _product(rows, columns, grid)


def filtered_highest(noise, sigma, fraction, grid):
    """Selects a fraction of the positions, those where the field of `filtered` is highest.

    Args:
        noise: As in `filtered`.
        sigma: As in `filtered`.
        fraction: As in `highest`.
        grid: (height, width).

    Returns:
        bool `(B, *grid)`.
    """
    return _top_fraction(filtered(noise, sigma, grid), fraction, grid)


def softly_highest(coefficients, fraction, softness, grid):
    """The mask of `highest` with a soft edge.

    Args:
        coefficients: As in `synthesize`.
        fraction: float32 `(B,)` in [0, 1].
        softness: The fraction of all positions, on either side of the edge, over which the mask
            decreases from 1 to 0; clipped to `fraction` and 1 - `fraction`.
        grid: The sizes of the grid.

    Returns:
        float32 `(B, *grid, 2)`, the weight of the rest and of the selected positions.
    """
    field = xp.reshape(synthesize(coefficients, grid), [xp.shape(coefficients)[0], -1])
    # The rank of each value, from the largest on.
    rank = xp.argsort(xp.argsort(field, direction="DESCENDING", stable=True), stable=True)
    rank, total = xp.cast(rank, "float32") + 0.5, _size(grid)
    edge = xp.minimum(float(softness), xp.minimum(fraction, 1.0 - fraction))[:, None]
    inside = 0.5 + (fraction[:, None] * total - rank) / xp.maximum(2.0 * edge * total, 1.0)
    inside = xp.reshape(xp.clip_by_value(inside, 0.0, 1.0), [-1, *grid])
    return xp.stack([1.0 - inside, inside], axis=-1)


def frequencies(cycles, grid):
    """float64 `(1, n, ...)`, cycles per pixel of each product of waves; n = 2 · cycles + 1.

    Frequencies that the grid cannot represent are infinite.
    """
    number = _numbers(2 * cycles + 1)
    squares = xp.zeros([1] * (len(grid) + 1), "float64")
    for axis, size in enumerate(grid):
        size = xp.cast(size, "float64")
        along = xp.where(2 * number < size, xp.square(number / size), np.inf)
        squares = squares + xp.reshape(
            along, [1, *(-1 if a == axis else 1 for a in range(len(grid)))]
        )
    return xp.sqrt(squares)


def power_law(frequency, power, grid):
    """Amplitudes frequency ** -power in float64, constant below one cycle per longest side."""
    lowest = 1.0 / xp.cast(xp.reduce_max(xp.stack(grid)), "float64")
    return normal(xp.maximum(frequency, lowest) ** -float(power))


def one_wave_across(noise, power, grid):
    """The coefficients of the authors' code of FMix: any vertical waves, at most one across.

    The code uses two rows of its array, those of 0 and 1 vertical cycles, as the real and the
    imaginary part; so what it intends as horizontal cycles becomes vertical ones.

    Args:
        noise: float64 `(B, cycles + 1, 2, 2)`, standard normal: vertical cycles, 0 or 1 horizontal
            cycles, real or imaginary part.
        power: As in `power_law`.
        grid: (height, width).

    Returns:
        float64 `(B, n, 3)`.
    """
    height, width = (xp.cast(size, "float64") for size in grid)
    number = xp.constant(np.arange(noise.shape[1]), "float64")
    representable = (2 * number < height) & (2 * number <= width)
    parts = []
    for down in (0.0, 1.0):
        frequency = xp.sqrt(xp.square(down / height) + xp.square(number / width))
        amplitude = xp.maximum(frequency, 1.0 / xp.maximum(height, width)) ** -float(power)
        parts.append(xp.where(representable, amplitude, 0.0)[:, None] * noise[..., int(down)])
    real, imaginary = parts  # (B, cycles + 1, 2), vertical and horizontal cycles
    # Re (r + i m) e^iθ = r cos θ - m sin θ, with θ the sum of a vertical and a horizontal phase.
    constant = _vertical_waves(real[..., 0], -imaginary[..., 0])
    cosine = _vertical_waves(real[..., 1], -imaginary[..., 1])
    sine = _vertical_waves(-imaginary[..., 1], -real[..., 1])
    root = np.sqrt(2.0)
    return normal(xp.concat([constant, root * cosine, root * sine], axis=2))


def _vertical_waves(cosines, sines):
    """float64 `(B, n, 1)`, coefficients of 1, cos, sin, … from those of cosines and sines."""
    pairs = xp.concat([cosines[..., None], sines[..., None]], axis=2) / np.sqrt(2.0)
    waves = xp.reshape(pairs, [-1, 2 * cosines.shape[1], 1])
    # There is no sine of 0 cycles, and the constant 1 already has a mean square of 1.
    return xp.concat([np.sqrt(2.0) * waves[:, :1], waves[:, 2:]], axis=1)


def normal(amplitude):
    """Scales amplitudes `(B or 1, n, ...)` so that their squares sum to 1."""
    axes = list(range(1, len(amplitude.shape)))
    energy = xp.reduce_sum(xp.square(amplitude), axis=axes, keepdims=True)
    # A field of a single pixel has no waves: its energy is 0.
    return xp.divide_no_nan(amplitude, xp.sqrt(energy))


def cycles_of_power_law(power, rank):
    """The number of cycles along an axis that hold all but 4e-6 of the energy, at most 64.

    Args:
        power: As in `power_law`.
        rank: The number of axes of the grid.
    """
    radius = np.arange(1.0, 10_000.0)
    # The number of waves of a frequency grows with the surface of a sphere of this radius.
    energy = radius ** (rank - 1 - 2.0 * power)
    beyond = 1.0 - np.cumsum(energy) / energy.sum()
    return min(int(np.argmax(beyond < _NEGLIGIBLE)) + 1, _MOST_CYCLES)


def gaussian(frequency, sigma, grid):
    """The amplitudes of white noise with a Gaussian filter, without the constant wave.

    Args:
        frequency: The result of `frequencies`.
        sigma: float64 `(B, 1, ...)`, the standard deviation of the filter relative to the longest
            side.
        grid: The sizes of the grid.

    Returns:
        float64 `(B, n, ...)`.
    """
    longest = xp.cast(xp.reduce_max(xp.stack(grid)), "float64")
    # Relative to the lowest wave, since a common factor cancels and could underflow.
    exponent = xp.square(frequency * longest) - 1.0
    amplitude = xp.exp(-2.0 * (np.pi * sigma) ** 2 * exponent)
    return normal(xp.where(frequency == 0, xp.zeros([], "float64"), amplitude))


def cycles_of_gaussian(sigma):
    """The number of cycles that pass a filter of this relative deviation, at most 64."""
    return min(int(np.ceil(np.sqrt(-np.log(_NEGLIGIBLE)) / (2.0 * np.pi * sigma))), _MOST_CYCLES)


def _centers(number):
    """float64 `(number,)`, the centers of equal intervals of [0, 1]."""
    return (xp.range(number) + 0.5) / number


def _product(rows, columns, grid):
    """The sums over n of rows times columns, in a unit of their own for each sample.

    A product of whole numbers is the same in every mode, so both factors are scaled and rounded. A
    field of standard deviation 1 thereby changes by about a thousandth, in the quadratic mean; on a
    grid with a long axis, by 1e-7.

    Args:
        rows: float64 `(B, n, ...)`.
        columns: float64 `(1 or B, n, size)`, from -1 to 1.
        grid: The sizes of the grid.

    Returns:
        float32 `(B, ..., size)`, between -`_LIMIT` and `_LIMIT`.
    """

    def whole(dtype, limit):
        # No sum of products of a row and a column reaches the limit, up to which the dtype
        # represents whole numbers.
        rounded = xp.round(columns * limit ** (5 / 12))
        batch, number, *others = xp.unstack(xp.shape(rows))
        flat = xp.reshape(rows, [batch, number, math.prod(others)])
        bound = xp.reduce_max(xp.reduce_sum(xp.abs(flat), axis=1), axis=1)[:, None, None]
        # Rounding may enlarge each number by a half, for which this leaves room if n is below 300.
        flat = xp.round(xp.divide_no_nan(flat, bound) * (0.99 * limit ** (7 / 12)))
        product = xp.matmul(xp.cast(flat, dtype), xp.cast(rounded, dtype), transpose_a=True)
        product = xp.cast(product * (_LIMIT / limit), "float32")
        return xp.reshape(product, [batch, *others, xp.shape(columns)[2]])

    return _by_length(grid, lambda: whole("float32", 2.0**24), lambda: whole("float64", 2.0**48))


def _top_fraction(field, fraction, grid):
    """Selects a fraction of the positions, rounded to a whole number, where a field is highest."""
    count = xp.cast(xp.round(fraction * _size(grid)), "int32")
    return _by_length(
        grid, lambda: top(field, _LIMIT, count), lambda: top(field, _LIMIT, count, precise=True)
    )


def _by_length(grid, short, long):
    """`long()` if an axis of the grid is long, else `short()`."""
    if any(xp.is_tensor(size) for size in grid):
        return xp.cond(xp.reduce_max(xp.stack(grid)) > _LONG, long, short)
    return long() if max(grid) > _LONG else short()


def _size(grid):
    """float32, the number of positions."""
    return xp.cast(xp.reduce_prod(xp.stack(grid)), "float32")


def _numbers(count):
    """float64 `(count,)`, the cycles 0, 1, 1, 2, 2, … of the functions 1, cos, sin, cos 2, …."""
    return xp.constant(np.arange(1, count + 1) // 2, "float64")


def _waves(count, size):
    """float64 `(count, size)`, the functions 1, cos, sin, cos 2, … of mean square 1."""
    position = xp.cast(xp.range(size), "float64") / xp.cast(size, "float64")
    phase = 2.0 * np.pi * _numbers(count)[:, None] * position
    is_sine = np.arange(count)[:, None] % 2 == 0
    waves = np.sqrt(2.0) * xp.where(is_sine, xp.sin(phase), xp.cos(phase))
    return xp.where(np.arange(count)[:, None] == 0, xp.ones([], "float64"), waves)
