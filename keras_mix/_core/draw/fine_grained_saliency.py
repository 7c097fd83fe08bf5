"""Fine-grained saliency: the contrast of each pixel with its surroundings at six scales.

Montabone and Soto, "Human detection using a mobile platform and novel features derived from a
visual saliency mechanism", Image and Vision Computing 28, 2010. The steps and their rounding are
those of OpenCV's `StaticSaliencyFineGrained` (opencv/opencv_contrib,
`modules/saliency/src/staticSaliencyFineGrained.cpp`), and the map of a uint8 image equals OpenCV's,
but that OpenCV keeps it modulo 256. Floats are integers below 2**24, which float32 represents
exactly, so the map is the same in every mode.
"""

import functools
import operator

from keras_mix._core import dtypes
from keras_mix._core.backend import xp

# Half the side of the window of each scale, in pixels.
_RADII = (12, 24, 48, 28, 56, 112)
# OpenCV's weights of the channels B, G and R, multiplied by 2**15.
_WEIGHTS = (3735, 19235, 9798)
# Above the contrasts of six scales, of at most 255 each.
_LIGHTER = 2.0**11
# Cumulative sums are computed in blocks of this many pixels.
_BLOCK = 16
# Added before rounding, since float64 may compute a half as slightly less.
_TIE = 2.0**-20


def peaks(images, axes, grid, call):
    """The most salient pixel of each image; of equal ones the first.

    Args:
        images: `(B, ...)`, the images of a mixer.
        axes: The two spatial axes of the images.
        grid: (height, width).
        call: As in `saliency`.

    Returns:
        int32 `(B, 2)`, row and column.
    """
    salient = saliency(levels(images, axes, call), grid, call)
    # Not compiled, like the largest contrasts.
    flat = xp.reshape(salient, [-1, grid[0] * grid[1]])
    best = xp.argmax(flat, axis=1, output_type="int32")[:, None]
    return xp.concat([best // grid[1], best % grid[1]], axis=1)


def levels(images, axes, call):
    """Gray levels from 0 to 255.

    uint8 images keep their levels. Other images are scaled to the whole range, each on its own.

    Args:
        images: `(B, ...)`. Three channels are weighted; other channels and frames are averaged.
        axes: The two spatial axes.
        call: As in `saliency`.

    Returns:
        int16 `(B, H, W)`.
    """
    if dtypes.of(images) == "uint8":
        return call(lambda images: _rounded(_light(images, axes)), images)
    light = call(functools.partial(_finite_light, axes=axes), images)
    low, high = (
        reduce(light, axis=[1, 2], keepdims=True) for reduce in (xp.reduce_min, xp.reduce_max)
    )
    return call(_stretched, light, low, high)


def saliency(levels, grid, call):
    """The saliency of each pixel, 255 for the largest contrast of a lighter, or of a darker pixel.

    A pixel that is lighter than its surroundings at one scale and darker at another may exceed
    255, which OpenCV keeps modulo 256.

    Args:
        levels: int16 `(B, H, W)`, from 0 to 255.
        grid: (height, width).
        call: `call(function, *arguments)` calls the function, compiled by itself: XLA would compute
            a part again for each value that another part reads.

    Returns:
        float32 `(B, H, W)`, integers.
    """
    smooth = levels
    for _ in range(2):
        rows = call(functools.partial(_add_rows, height=grid[0]), smooth)
        smooth = call(functools.partial(_smooth, width=grid[1]), rows)
    sums = call(functools.partial(_padded_sums, grid=grid), smooth)
    contrast = call(functools.partial(_contrast, grid=grid), smooth, sums)
    # Not compiled: XLA compares one value at a time.
    largest = [xp.reduce_max(each, axis=[1, 2]) for each in (contrast, call(_darker, contrast))]
    return call(_saliency, contrast, *largest)


def _finite_light(images, axes):
    """float32, the brightness of each pixel, 0 where it is not finite."""
    # XLA flushes subnormal numbers to zero, so a subnormal range counts as 0.
    light = xp.cast(_light(images, axes), "float32")
    return xp.where(xp.is_finite(light), light, 0.0)


def _stretched(light, low, high):
    light, low, high = (xp.cast(each, "float64") for each in (light, low, high))
    extent = high - low
    return _rounded(255.0 * (light - low) / xp.where(extent > 1e-30, extent, 1.0))


def _rounded(light):
    return xp.cast(light + (0.5 + _TIE), "int16")


def _light(images, axes):
    """float64 `(B, H, W)`, the brightness of each pixel."""
    last = len(images.shape) - 1
    channels = last if axes[-1] < last else axes[0] - 1
    if channels > 0 and images.shape[channels] in (3, None):
        light = _weighted(images, channels)
        axes = [axis - (axis > channels) for axis in axes]
    else:
        light = xp.cast(images, "float64")
    others = [axis for axis in range(1, len(light.shape)) if axis not in axes]
    return xp.reduce_mean(light, axis=others) if others else light


def _weighted(images, channels):
    """The mean over the channel axis in float64, weighted if there are three channels."""
    if images.shape[channels] == 3:
        values = [xp.cast(each, "float64") for each in xp.unstack(images, axis=channels)]
        return sum(weight * each for weight, each in zip(_WEIGHTS, values, strict=True)) / 2.0**15
    number = xp.shape(images)[channels]
    of_three = xp.gather(xp.constant(_WEIGHTS, "float64"), xp.minimum(xp.range(number), 2))
    weights = xp.where(number == 3, of_three / 2.0**15, 1.0 / xp.cast(number, "float64"))
    weights = xp.reshape(weights, [-1] + [1] * (len(images.shape) - 1 - channels))
    return xp.reduce_sum(xp.cast(images, "float64") * weights, axis=channels)


def _add_rows(levels, height):
    """Sums of three rows with weights 1, 2, 1; borders are mirrored."""
    row, last = xp.range(height), height - 1
    before = xp.gather(levels, xp.minimum(xp.abs(row - 1), last), axis=1)
    after = xp.gather(levels, xp.maximum(last - xp.abs(last - 1 - row), 0), axis=1)
    return before + 2 * levels + after


def _smooth(sums, width):
    """The rounded levels from the sums of `_add_rows`, which it adds in the same way."""
    # XLA does not vectorize a read of columns, so all rows are joined and shifted by a pixel. What
    # a pixel at a border finds beyond it is of another row, and is replaced.
    shift = xp.minimum(1, width - 1)
    flat, beyond = xp.reshape(sums, [-1]), xp.zeros([shift], sums.dtype)
    flat = xp.concat([beyond, flat, beyond], axis=0)
    size = xp.size(sums)
    before, after = (xp.reshape(flat[first:][:size], xp.shape(sums)) for first in (0, 2 * shift))
    column = xp.range(width)[None, None]
    before, after = (
        xp.select(column == 0, after, before),
        xp.select(column == width - 1, before, after),
    )
    return xp.right_shift(before + 2 * sums + after + 8, 4)


def _padded_sums(values, grid):
    """Sums over the rows and columns before each pixel, padded to the left and to the right.

    Args:
        values: int16 `(B, H, W)`.
        grid: (height, width).

    Returns:
        int32 `(B, H + 1, W + 1 + 2 · padding)`. Sums may overflow; their differences are exact
        nevertheless.
    """
    (height, width), padding = grid, _padding(grid[1])
    rows = _sums_along_rows(xp.cast(values, "float32"), width)
    sums = _sums_along_columns(xp.cast(rows, "int32"), height)
    last = xp.tile(sums[:, :, -1:], [1, 1, padding])
    return xp.pad(xp.concat([sums, last], axis=2), [[0, 0], [1, 0], [1 + padding, 0]])


def _sums_along_rows(values, width):
    """float32, cumulative sums along the last axis, below 2**24. XLA's own take five times as long.

    In a block they are a matrix product, to which the sum of all blocks before is added.
    """
    blocks = _in_blocks(values, 2, width)
    number = xp.range(_BLOCK)
    inner = xp.tensordot(blocks, xp.cast(number[:, None] <= number, "float32"), 1)
    sums = inner + xp.cumsum(inner[..., -1:], axis=2, exclusive=True)
    return xp.reshape(sums, _whole_shape(blocks, 2))[:, :, :width]


def _sums_along_columns(values, height):
    """int32, cumulative sums along axis 1, which may overflow; by blocks too, but of whole rows."""
    blocks = _in_blocks(values, 1, height)
    number = xp.range(_BLOCK)[:, None]
    inner = sum(
        xp.where(number >= first, blocks[:, :, first : first + 1], 0) for first in range(_BLOCK)
    )
    sums = inner + xp.cumsum(inner[:, :, -1:], axis=1, exclusive=True)
    return xp.reshape(sums, _whole_shape(blocks, 1))[:, :height]


def _in_blocks(values, axis, size):
    """The values, with an axis of this size, padded with 0, divided into blocks."""
    number = (size + _BLOCK - 1) // _BLOCK
    paddings = [[0, number * _BLOCK - size if a == axis else 0] for a in range(3)]
    shape = xp.unstack(xp.shape(values))
    shape[axis : axis + 1] = [number, _BLOCK]
    return xp.reshape(xp.pad(values, paddings), shape)


def _whole_shape(blocks, axis):
    """The shape of blocks with the two axes joined."""
    shape = xp.unstack(xp.shape(blocks))
    shape[axis : axis + 2] = [shape[axis] * shape[axis + 1]]
    return shape


def _padding(width):
    """The number of columns beyond each border that windows read."""
    return xp.minimum(max(_RADII), width) if xp.is_tensor(width) else min(max(_RADII), width)


def _window(sums, radius, grid):
    """int32 `(B, H, W)`, the sum over the window around each pixel.

    A window extends from radius - 1 pixels before its center to radius pixels after it.

    Args:
        sums: The result of `_padded_sums`.
        radius: int, at least 1.
        grid: (height, width).
    """
    (height, width), padding = grid, _padding(grid[1])
    row = xp.range(height)
    below, above = xp.minimum(row + radius + 1, height), xp.maximum(row - radius + 1, 0)
    right = 1 + padding + xp.minimum(radius, padding)
    left = xp.maximum(1 + padding - radius, 0)
    # Whole rows are read at the speed of a copy, and so are columns at a fixed distance.
    before_right, before_left = (sums[:, :, start : start + width] for start in (right, left))
    strips = (
        xp.gather(columns, below, axis=1) - xp.gather(columns, above, axis=1)
        for columns in (before_right, before_left)
    )
    return operator.sub(*strips)


def _contrast(smooth, sums, grid):
    """float32 `(B, H, W)`, the contrast of each pixel to its surroundings, summed over all scales.

    One number holds two: the contrasts at the scales at which the pixel is the lighter one, times
    `_LIGHTER`, and those at the others. XLA does not vectorize a function with two results.
    """
    smooth = xp.cast(smooth, "float32")
    total = xp.zeros_like(smooth)
    for radius in _RADII:
        height, width = (_extents(size, radius) for size in grid)
        area = height[:, None] * width
        # The difference to the mean of the other pixels in the window, multiplied by their number.
        excess = smooth * area - xp.cast(_window(sums, radius, grid), "float32")
        contrast = _quotient(xp.abs(excess), xp.maximum(area - 1.0, 1.0))
        total = total + xp.where(excess > 0, _LIGHTER * contrast, contrast)
    return total


def _saliency(contrast, largest, largest_darker):
    """The sum of both contrasts of each pixel, the largest of each in an image scaled to 255."""
    parts = (_lighter(contrast), _darker(contrast))
    return sum(
        _quotient(255.0 * part, xp.maximum(most, 1.0)[:, None, None])
        for part, most in zip(parts, (_lighter(largest), largest_darker), strict=True)
    )


def _lighter(contrast):
    return _whole(contrast / _LIGHTER)


def _darker(contrast):
    return contrast - _LIGHTER * _lighter(contrast)


def _extents(size, radius):
    """float32 `(size,)`, the number of pixels of each window along an axis."""
    center = xp.range(size)
    extent = xp.minimum(center + radius + 1, size) - xp.maximum(center - radius + 1, 0)
    return xp.cast(extent, "float32")


def _quotient(dividend, divisor):
    """The floor of the quotient of two integers that are not negative.

    Graphs may multiply by an inexact reciprocal; the remainder corrects the result.
    """
    whole = _whole(dividend / divisor)
    rest = dividend - whole * divisor
    return whole + xp.cast(rest >= divisor, "float32") - xp.cast(rest < 0, "float32")


def _whole(values):
    """float32, the floor of values that are not negative, by casts: XLA's `tf.floor` is slower."""
    return xp.cast(xp.cast(values, "int32"), "float32")
