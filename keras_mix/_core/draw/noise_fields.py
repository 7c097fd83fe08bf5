"""Smooth random fields and their cut at an exact share; the noise is given.

A field is a sum of waves whose periods divide the grid, a few along each axis, or filtered noise of
few cells. Either is made by small matrix products and needs no Fourier transform. It is computed in
float64 and rounded to integers, so that it is the same in every mode, which a field of float32 is
not.
"""

import functools

import numpy as np
import tensorflow as tf

from keras_mix._core.plan.counting import count as counted

# Waves that hold less than this share of a field's energy are left out.
_NEGLIGIBLE = 4e-6
_MOST_CYCLES = 64
# One standard deviation of a field, as an integer.
_UNIT = 2.0**26
# No field reaches it, and differences are still integers.
_LIMIT = 2**30
# A threshold is searched by so many bits at a time.
_DIGIT = 8


def synthesize(coefficients, grid):
    """int32 [B, *grid], the field with these coefficients.

    Args:
        coefficients: float64 [B, n, …] with an axis for each of the grid's, of the functions 1,
            cos, sin, cos 2, sin 2, … along it. The squares of their amplitudes should sum to 1.
        grid: The grid's sizes.
    """
    field = coefficients
    for axis, size in enumerate(grid):
        # The axis of the waves is summed away, that of the grid comes last.
        field = tf.tensordot(field, _waves(coefficients.shape[1 + axis], size), [[1], [0]])
    return _whole(field)


def highest(coefficients, share, grid):
    """bool [B, *grid], True where a field is highest, in a share of the places.

    Args:
        coefficients: As in `synthesize`.
        share: float32 [B] in [0, 1], of which the nearest whole number of places is taken.
        grid: The grid's sizes.
    """
    return _top_share(synthesize(coefficients, grid), share, grid)


def filtered(noise, sigma, grid):
    """int32 [B, *grid], white noise under a Gaussian filter; there is none beyond the borders.

    Args:
        noise: float64 [B, n, n], standard normal, in n × n cells that fill the image. Four cells
            for each sigma are enough.
        sigma: float64 [B], the filter's standard deviation as a share of the longer side.
        grid: (height, width).
    """
    longest = tf.cast(tf.reduce_max(tf.stack(grid)), tf.float64)
    filters = []
    for size in grid:
        size = tf.cast(size, tf.float64)
        place, cell = _centres(size), _centres(tf.cast(noise.shape[1], tf.float64))
        away = (place[:, None] - cell) * size / longest
        kernel = tf.exp(-0.5 * tf.square(away / sigma[:, None, None]))
        energy = tf.reduce_sum(tf.square(kernel), axis=2, keepdims=True)
        # The largest standard deviation along the axis becomes 1.
        filters.append(kernel / tf.sqrt(tf.reduce_max(energy, axis=1, keepdims=True)))
    rows, columns = filters
    return _whole(tf.matmul(tf.matmul(rows, noise), columns, transpose_b=True))


def filtered_highest(noise, sigma, share, grid):
    """bool [B, *grid], True where a field of `filtered` is highest, in a share of the places.

    Args:
        noise: As in `filtered`.
        sigma: As in `filtered`.
        share: As in `highest`.
        grid: (height, width).
    """
    return _top_share(filtered(noise, sigma, grid), share, grid)


def softly_highest(coefficients, share, softness, grid):
    """float32 [B, *grid, 2], what is left and what `highest` takes, with a soft edge.

    Args:
        coefficients: As in `synthesize`.
        share: float32 [B] in [0, 1].
        softness: The share of all places, to either side of the edge, over which the mask falls
            from 1 to 0; less where the rest is smaller.
        grid: The grid's sizes.
    """
    field = tf.reshape(synthesize(coefficients, grid), [tf.shape(coefficients)[0], -1])
    # The place of each value among the values, the largest first.
    rank = tf.argsort(tf.argsort(field, direction="DESCENDING", stable=True), stable=True)
    rank, places = tf.cast(rank, tf.float32) + 0.5, _places(grid)
    edge = tf.minimum(float(softness), tf.minimum(share, 1.0 - share))[:, None]
    inside = 0.5 + (share[:, None] * places - rank) / tf.maximum(2.0 * edge * places, 1.0)
    inside = tf.reshape(tf.clip_by_value(inside, 0.0, 1.0), [-1, *grid])
    return tf.stack([1.0 - inside, inside], axis=-1)


def frequencies(cycles, grid):
    """float64 [1, n, …], cycles a pixel of each product of waves, n = 2 cycles + 1 along an axis.

    It is infinite for what pixels are too coarse to show.
    """
    number = _numbers(2 * cycles + 1)
    squares = tf.zeros([1] * (len(grid) + 1), tf.float64)
    for axis, size in enumerate(grid):
        size = tf.cast(size, tf.float64)
        along = tf.where(2 * number < size, tf.square(number / size), np.inf)
        squares += tf.reshape(along, [1, *(-1 if a == axis else 1 for a in range(len(grid)))])
    return tf.sqrt(squares)


def power_law(frequency, power, grid):
    """float64, amplitudes frequency ** -power, level below one cycle a longest side."""
    lowest = 1.0 / tf.cast(tf.reduce_max(tf.stack(grid)), tf.float64)
    return normal(tf.maximum(frequency, lowest) ** -float(power))


def one_wave_across(noise, power, grid):
    """float64 [B, n, 3], the coefficients of FMix's code: any waves down the image, one across it.

    The code takes two rows of its array, those of 0 and 1 cycles down the image, for the real and
    the imaginary part; so what it means as cycles across it becomes cycles down.

    Args:
        noise: float64 [B, cycles + 1, 2, 2], standard normal: cycles down, 0 or 1 across, real
            or imaginary part.
        power: As in `power_law`.
        grid: (height, width).
    """
    height, width = (tf.cast(size, tf.float64) for size in grid)
    number = tf.constant(np.arange(noise.shape[1]), tf.float64)
    shown = (2 * number < height) & (2 * number <= width)
    parts = []
    for down in (0.0, 1.0):
        frequency = tf.sqrt(tf.square(down / height) + tf.square(number / width))
        amplitude = tf.maximum(frequency, 1.0 / tf.maximum(height, width)) ** -float(power)
        parts.append(tf.where(shown, amplitude, 0.0)[:, None] * noise[..., int(down)])
    real, imaginary = parts  # [B, cycles + 1, 0 or 1 across]
    # Re (r + i m) e^iθ = r cos θ - m sin θ, for θ = down + across, in products of the waves.
    level = _waves_down(real[..., 0], -imaginary[..., 0])
    cosine = _waves_down(real[..., 1], -imaginary[..., 1])
    sine = _waves_down(-imaginary[..., 1], -real[..., 1])
    root = np.sqrt(2.0)
    return normal(tf.concat([level, root * cosine, root * sine], axis=2))


def _waves_down(cosines, sines):
    """float64 [B, n, 1], the coefficients of 1, cos, sin, … made of those of cosines and sines."""
    pairs = tf.concat([cosines[..., None], sines[..., None]], axis=2) / np.sqrt(2.0)
    waves = tf.reshape(pairs, [-1, 2 * cosines.shape[1], 1])
    # There is no sine of 0; and 1 is a wave with a mean square of 1 as it is.
    return tf.concat([np.sqrt(2.0) * waves[:, :1], waves[:, 2:]], axis=1)


def normal(amplitude):
    """The amplitudes [B or 1, n, …], scaled so that their squares sum to 1."""
    axes = list(range(1, amplitude.shape.rank))
    energy = tf.reduce_sum(tf.square(amplitude), axis=axes, keepdims=True)
    # A field of a single pixel has no waves.
    return tf.math.divide_no_nan(amplitude, tf.sqrt(energy))


def cycles_of_power_law(power, rank):
    """How many cycles along an axis hold all but 4 millionths of the energy, at most 64.

    Args:
        power: As in `power_law`.
        rank: The number of the grid's axes.
    """
    radius = np.arange(1.0, 10_000.0)
    # On a sphere of this radius lie about so many pairs of waves.
    energy = radius ** (rank - 1 - 2.0 * power)
    beyond = 1.0 - np.cumsum(energy) / energy.sum()
    return min(int(np.argmax(beyond < _NEGLIGIBLE)) + 1, _MOST_CYCLES)


def gaussian(frequency, sigma, grid):
    """float64 [B, n, …], the amplitudes of white noise under a Gaussian filter, without its level.

    Args:
        frequency: As `frequencies` returns it.
        sigma: float64 [B, 1, …], the filter's standard deviation as a share of the longest side.
        grid: The grid's sizes.
    """
    longest = tf.cast(tf.reduce_max(tf.stack(grid)), tf.float64)
    # Of the lowest wave: what all waves have in common does not matter, and would underflow.
    exponent = tf.square(frequency * longest) - 1.0
    amplitude = tf.exp(-2.0 * (np.pi * sigma) ** 2 * exponent)
    return normal(tf.where(frequency == 0, tf.zeros([], tf.float64), amplitude))


def cycles_of_gaussian(sigma):
    """How many cycles a filter of this standard deviation (of the side) lets pass, at most 64."""
    return min(int(np.ceil(np.sqrt(-np.log(_NEGLIGIBLE)) / (2.0 * np.pi * sigma))), _MOST_CYCLES)


def top(field, count):
    """bool like `field`, True for the `count` largest values of each sample.

    Of equal values the first places are taken. The edge is searched digit by digit, and a digit
    bit by bit: some thirty quick passes over bytes, where sorting costs hundreds.

    Args:
        field: int32 [B, *grid], as `synthesize` returns it.
        count: int32 [B].
    """
    values = tf.reshape(field, [tf.shape(field)[0], -1])
    edge = _edge(values, count)[:, None]
    inside = values > edge
    missing = count - counted(inside)
    take_first = functools.partial(_take_first, inside, values == edge, missing)
    inside = tf.cond(tf.reduce_any(missing > 0), take_first, lambda: inside)
    return tf.reshape(inside, tf.shape(field))


def _take_first(inside, equal, missing):
    """Takes as many of the equal values as are missing, the first ones."""
    places = tf.shape(equal)[1]
    earliness = tf.where(equal, places - tf.range(places), 0)
    return inside | (earliness > _edge(earliness, missing)[:, None])


def _edge(values, count):
    """int32 [B], the least number that at most `count` of the values [B, n] exceed."""
    find = functools.partial(_next_digit, values, count)
    edge = tf.fill([tf.shape(values)[0]], -_LIMIT)
    return tf.while_loop(lambda shift, _: shift >= 0, find, [32 - _DIGIT, edge])[1]


def _centres(number):
    """float64 [number], the centres of as many equal parts of a side of length 1."""
    return (tf.range(number) + 0.5) / number


def _whole(field):
    """int32, a field of standard deviation 1 in units of which sums and orders are exact."""
    return tf.cast(tf.round(tf.clip_by_value(field * _UNIT, -_LIMIT, _LIMIT - 1)), tf.int32)


def _top_share(field, share, grid):
    """bool like the field, where it is highest, in the nearest whole number of places."""
    return top(field, tf.cast(tf.round(share * _places(grid)), tf.int32))


def _places(grid):
    return tf.cast(tf.reduce_prod(tf.stack(grid)), tf.float32)


def _next_digit(values, count, shift, edge):
    """The shift of the digit after this one, and the edge with this digit."""
    digits = tf.bitwise.right_shift(values - edge[:, None], shift)
    digits = tf.cast(tf.clip_by_value(digits, 0, 2**_DIGIT - 1), tf.uint8)
    find = functools.partial(_next_bit, digits, count)
    digit = tf.zeros_like(edge)
    _, digit = tf.while_loop(lambda bit, _: bit > 0, find, [2 ** (_DIGIT - 1), digit])
    return shift - _DIGIT, edge + tf.bitwise.left_shift(digit, shift)


def _next_bit(digits, count, bit, digit):
    """The bit after this one, and the digit with this bit."""
    too_low = counted(digits >= tf.cast(digit + bit, tf.uint8)[:, None]) > count
    return bit // 2, tf.where(too_low, digit + bit, digit)


def _numbers(count):
    """float64 [count], the cycles of the functions 1, cos, sin, cos 2 and so on: 0, 1, 1, 2, 2."""
    return tf.constant(np.arange(1, count + 1) // 2, tf.float64)


def _waves(count, size):
    """float64 [count, size], the functions 1, cos, sin, cos 2, … each with a mean square of 1."""
    place = tf.cast(tf.range(size), tf.float64) / tf.cast(size, tf.float64)
    turn = 2.0 * np.pi * _numbers(count)[:, None] * place
    is_sine = np.arange(count)[:, None] % 2 == 0
    waves = np.sqrt(2.0) * tf.where(is_sine, tf.sin(turn), tf.cos(turn))
    return tf.where(np.arange(count)[:, None] == 0, tf.ones([], tf.float64), waves)
