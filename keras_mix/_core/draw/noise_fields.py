"""Smooth random fields, and masks of their highest values in an exact number of positions.

A field is a sum of at most 64 waves along each axis, or filtered noise on a coarse grid. Both are
small matrix products and need no Fourier transform. Fields are computed in float64 and rounded to
integers, so that they are the same in every mode, unlike float32 fields. The noise is an argument.
"""

import functools

import numpy as np
import tensorflow as tf

from keras_mix._core.plan.counting import count as counted

# Waves with less than this fraction of a field's energy are left out.
_NEGLIGIBLE = 4e-6
_MOST_CYCLES = 64
# One standard deviation of a field as an integer.
_UNIT = 2.0**26
# Fields are clipped to it, so that differences do not overflow.
_LIMIT = 2**30
# The number of bits of a threshold that are searched at a time.
_DIGIT = 8


def synthesize(coefficients, grid):
    """The field with the given coefficients.

    Args:
        coefficients: float64 `(B, n, ...)` with one axis for each axis of the grid: the
            coefficients of the functions 1, cos, sin, cos 2, sin 2, … along it. The squares of
            their amplitudes should sum to 1.
        grid: The sizes of the grid.

    Returns:
        int32 `(B, *grid)`.
    """
    field = coefficients
    for axis, size in enumerate(grid):
        # Replaces the first axis of waves by an axis of the grid, which becomes the last one.
        field = tf.tensordot(field, _waves(coefficients.shape[1 + axis], size), [[1], [0]])
    return _whole(field)


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
        int32 `(B, *grid)`.
    """
    longest = tf.cast(tf.reduce_max(tf.stack(grid)), tf.float64)
    filters = []
    for size in grid:
        size = tf.cast(size, tf.float64)
        pixel, cell = _centers(size), _centers(tf.cast(noise.shape[1], tf.float64))
        distance = (pixel[:, None] - cell) * size / longest
        kernel = tf.exp(-0.5 * tf.square(distance / sigma[:, None, None]))
        energy = tf.reduce_sum(tf.square(kernel), axis=2, keepdims=True)
        # Scaled so that the largest standard deviation along the axis is 1.
        filters.append(kernel / tf.sqrt(tf.reduce_max(energy, axis=1, keepdims=True)))
    rows, columns = filters
    return _whole(tf.matmul(tf.matmul(rows, noise), columns, transpose_b=True))


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
    field = tf.reshape(synthesize(coefficients, grid), [tf.shape(coefficients)[0], -1])
    # The rank of each value, from the largest on.
    rank = tf.argsort(tf.argsort(field, direction="DESCENDING", stable=True), stable=True)
    rank, total = tf.cast(rank, tf.float32) + 0.5, _size(grid)
    edge = tf.minimum(float(softness), tf.minimum(fraction, 1.0 - fraction))[:, None]
    inside = 0.5 + (fraction[:, None] * total - rank) / tf.maximum(2.0 * edge * total, 1.0)
    inside = tf.reshape(tf.clip_by_value(inside, 0.0, 1.0), [-1, *grid])
    return tf.stack([1.0 - inside, inside], axis=-1)


def frequencies(cycles, grid):
    """float64 `(1, n, ...)`, cycles per pixel of each product of waves; n = 2 · cycles + 1.

    Frequencies that the grid cannot represent are infinite.
    """
    number = _numbers(2 * cycles + 1)
    squares = tf.zeros([1] * (len(grid) + 1), tf.float64)
    for axis, size in enumerate(grid):
        size = tf.cast(size, tf.float64)
        along = tf.where(2 * number < size, tf.square(number / size), np.inf)
        squares += tf.reshape(along, [1, *(-1 if a == axis else 1 for a in range(len(grid)))])
    return tf.sqrt(squares)


def power_law(frequency, power, grid):
    """Amplitudes frequency ** -power in float64, constant below one cycle per longest side."""
    lowest = 1.0 / tf.cast(tf.reduce_max(tf.stack(grid)), tf.float64)
    return normal(tf.maximum(frequency, lowest) ** -float(power))


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
    height, width = (tf.cast(size, tf.float64) for size in grid)
    number = tf.constant(np.arange(noise.shape[1]), tf.float64)
    representable = (2 * number < height) & (2 * number <= width)
    parts = []
    for down in (0.0, 1.0):
        frequency = tf.sqrt(tf.square(down / height) + tf.square(number / width))
        amplitude = tf.maximum(frequency, 1.0 / tf.maximum(height, width)) ** -float(power)
        parts.append(tf.where(representable, amplitude, 0.0)[:, None] * noise[..., int(down)])
    real, imaginary = parts  # (B, cycles + 1, 2), vertical and horizontal cycles
    # Re (r + i m) e^iθ = r cos θ - m sin θ, with θ the sum of a vertical and a horizontal phase.
    constant = _vertical_waves(real[..., 0], -imaginary[..., 0])
    cosine = _vertical_waves(real[..., 1], -imaginary[..., 1])
    sine = _vertical_waves(-imaginary[..., 1], -real[..., 1])
    root = np.sqrt(2.0)
    return normal(tf.concat([constant, root * cosine, root * sine], axis=2))


def _vertical_waves(cosines, sines):
    """float64 `(B, n, 1)`, coefficients of 1, cos, sin, … from those of cosines and sines."""
    pairs = tf.concat([cosines[..., None], sines[..., None]], axis=2) / np.sqrt(2.0)
    waves = tf.reshape(pairs, [-1, 2 * cosines.shape[1], 1])
    # There is no sine of 0 cycles, and the constant 1 already has a mean square of 1.
    return tf.concat([np.sqrt(2.0) * waves[:, :1], waves[:, 2:]], axis=1)


def normal(amplitude):
    """Scales amplitudes `(B or 1, n, ...)` so that their squares sum to 1."""
    axes = list(range(1, amplitude.shape.rank))
    energy = tf.reduce_sum(tf.square(amplitude), axis=axes, keepdims=True)
    # A field of a single pixel has no waves: its energy is 0.
    return tf.math.divide_no_nan(amplitude, tf.sqrt(energy))


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
    longest = tf.cast(tf.reduce_max(tf.stack(grid)), tf.float64)
    # Relative to the lowest wave, since a common factor cancels and could underflow.
    exponent = tf.square(frequency * longest) - 1.0
    amplitude = tf.exp(-2.0 * (np.pi * sigma) ** 2 * exponent)
    return normal(tf.where(frequency == 0, tf.zeros([], tf.float64), amplitude))


def cycles_of_gaussian(sigma):
    """The number of cycles that pass a filter of this relative deviation, at most 64."""
    return min(int(np.ceil(np.sqrt(-np.log(_NEGLIGIBLE)) / (2.0 * np.pi * sigma))), _MOST_CYCLES)


def top(field, count):
    """Selects the `count` largest values of each sample; of equal values, the first ones.

    The threshold is searched digit by digit, and a digit bit by bit: about thirty fast passes over
    bytes, where sorting costs hundreds.

    Args:
        field: int32 `(B, *grid)`, a result of `synthesize`.
        count: int32 `(B,)`.

    Returns:
        bool of the shape of `field`.
    """
    values = tf.reshape(field, [tf.shape(field)[0], -1])
    threshold = _threshold(values, count)[:, None]
    inside = values > threshold
    missing = count - counted(inside)
    take_first = functools.partial(_take_first, inside, values == threshold, missing)
    inside = tf.cond(tf.reduce_any(missing > 0), take_first, lambda: inside)
    return tf.reshape(inside, tf.shape(field))


def _take_first(inside, equal, missing):
    """Adds the first of the equal values, as many as are missing."""
    size = tf.shape(equal)[1]
    earliness = tf.where(equal, size - tf.range(size), 0)
    return inside | (earliness > _threshold(earliness, missing)[:, None])


def _threshold(values, count):
    """int32 `(B,)`, the smallest number that at most `count` of the values `(B, n)` exceed."""
    find = functools.partial(_next_digit, values, count)
    threshold = tf.fill([tf.shape(values)[0]], -_LIMIT)
    return tf.while_loop(lambda shift, _: shift >= 0, find, [32 - _DIGIT, threshold])[1]


def _centers(number):
    """float64 `(number,)`, the centers of equal intervals of [0, 1]."""
    return (tf.range(number) + 0.5) / number


def _whole(field):
    """Rounds a field of standard deviation 1 to int32, in units of 1 / `_UNIT`."""
    return tf.cast(tf.round(tf.clip_by_value(field * _UNIT, -_LIMIT, _LIMIT - 1)), tf.int32)


def _top_fraction(field, fraction, grid):
    """Selects a fraction of the positions, rounded to a whole number, where a field is highest."""
    return top(field, tf.cast(tf.round(fraction * _size(grid)), tf.int32))


def _size(grid):
    """float32, the number of positions."""
    return tf.cast(tf.reduce_prod(tf.stack(grid)), tf.float32)


def _next_digit(values, count, shift, threshold):
    """The shift of the next digit, and the threshold with this digit."""
    digits = tf.bitwise.right_shift(values - threshold[:, None], shift)
    digits = tf.cast(tf.clip_by_value(digits, 0, 2**_DIGIT - 1), tf.uint8)
    find = functools.partial(_next_bit, digits, count)
    digit = tf.zeros_like(threshold)
    _, digit = tf.while_loop(lambda bit, _: bit > 0, find, [2 ** (_DIGIT - 1), digit])
    return shift - _DIGIT, threshold + tf.bitwise.left_shift(digit, shift)


def _next_bit(digits, count, bit, digit):
    """The next bit, and the digit with this bit."""
    too_low = counted(digits >= tf.cast(digit + bit, tf.uint8)[:, None]) > count
    return bit // 2, tf.where(too_low, digit + bit, digit)


def _numbers(count):
    """float64 `(count,)`, the cycles 0, 1, 1, 2, 2, … of the functions 1, cos, sin, cos 2, …."""
    return tf.constant(np.arange(1, count + 1) // 2, tf.float64)


def _waves(count, size):
    """float64 `(count, size)`, the functions 1, cos, sin, cos 2, … of mean square 1."""
    position = tf.cast(tf.range(size), tf.float64) / tf.cast(size, tf.float64)
    phase = 2.0 * np.pi * _numbers(count)[:, None] * position
    is_sine = np.arange(count)[:, None] % 2 == 0
    waves = np.sqrt(2.0) * tf.where(is_sine, tf.sin(phase), tf.cos(phase))
    return tf.where(np.arange(count)[:, None] == 0, tf.ones([], tf.float64), waves)
