"""Fine-grained saliency: the contrast of a pixel with its surroundings at six scales.

Montabone and Soto, "Human detection using a mobile platform and novel features derived from a
visual saliency mechanism", Image and Vision Computing 28, 2010. The steps and their rounding are
those of OpenCV's `StaticSaliencyFineGrained` (opencv/opencv_contrib,
`modules/saliency/src/staticSaliencyFineGrained.cpp`), and the map of a uint8 image equals OpenCV's.
All numbers are whole and below 2**24, which float32 represents exactly, so the map is the same in
every mode.
"""

import tensorflow as tf

# Half of the side of each scale's window, in pixels.
_RADII = (12, 24, 48, 28, 56, 112)
# OpenCV's weights of the channels B, G and R, in parts of 2**15.
_WEIGHTS = (3735, 19235, 9798)
# A margin for halves, which float64 may compute as a little less.
_TIE = 2.0**-20


def peaks(images, axes, grid):
    """int32 [B, 2], the row and column of each image's most salient pixel, the first of several.

    Args:
        images: [B, …], as a mixer's images.
        axes: The two spatial axes of the images.
        grid: (height, width).
    """
    salient = saliency(levels(images, axes), grid)
    flat = tf.reshape(salient, [-1, grid[0] * grid[1]])
    best = tf.argmax(flat, axis=1, output_type=tf.int32)[:, None]
    return tf.concat([best // grid[1], best % grid[1]], axis=1)


def levels(images, axes):
    """float32 [B, height, width], gray levels from 0 to 255.

    uint8 images keep their levels. Other images are stretched, each to the whole range.

    Args:
        images: [B, …]. Three channels are weighted; other channels and frames are averaged.
        axes: The two spatial axes.
    """
    light = _light(images, axes)
    if images.dtype != tf.uint8:
        # A subnormal range counts as none, since XLA flushes subnormal numbers to zero.
        light = tf.cast(light, tf.float32)
        light = tf.cast(tf.where(tf.math.is_finite(light), light, 0.0), tf.float64)
        low = tf.reduce_min(light, axis=[1, 2], keepdims=True)
        extent = tf.reduce_max(light, axis=[1, 2], keepdims=True) - low
        light = 255.0 * (light - low) / tf.where(extent > 1e-30, extent, 1.0)
    return tf.cast(tf.floor(light + (0.5 + _TIE)), tf.float32)


def saliency(levels, grid):
    """float32 [B, height, width], whole numbers, 255 for what is lightest and what is darkest.

    A pixel that is lighter than its surroundings at one scale and darker at another may exceed
    255, which OpenCV keeps modulo 256.

    Args:
        levels: float32 [B, height, width], whole numbers from 0 to 255.
        grid: (height, width).
    """
    smooth = _smoothed(_smoothed(levels, grid), grid)
    sums = tf.cumsum(tf.cumsum(tf.cast(smooth, tf.int32), axis=1), axis=2)
    sums = tf.pad(sums, [[0, 0], [1, 0], [1, 0]])
    lighter = darker = tf.zeros_like(smooth)
    for radius in _RADII:
        window = _windows(_windows(sums, 1, radius), 2, radius)
        height, width = (_extents(size, radius) for size in grid)
        area = height[:, None] * width
        # The pixel's excess over the mean of the other pixels in its window, times their number.
        excess = smooth * area - tf.cast(window, tf.float32)
        contrast = _quotient(tf.abs(excess), tf.maximum(area - 1.0, 1.0))
        lighter += tf.where(excess > 0, contrast, 0.0)
        darker += tf.where(excess < 0, contrast, 0.0)
    return _of_255(lighter) + _of_255(darker)


def _light(images, axes):
    """float64 [B, height, width], the brightness of each pixel."""
    last = images.shape.rank - 1
    channels = last if axes[-1] < last else axes[0] - 1
    if channels > 0 and images.shape[channels] in (3, None):
        light = _weighted(images, channels)
        axes = [axis - (axis > channels) for axis in axes]
    else:
        light = tf.cast(images, tf.float64)
    others = [axis for axis in range(1, light.shape.rank) if axis not in axes]
    return tf.reduce_mean(light, axis=others) if others else light


def _weighted(images, channels):
    """float64, the mean over the axis of channels, weighted where there are three of them."""
    if images.shape[channels] == 3:
        parts = [tf.cast(part, tf.float64) for part in tf.unstack(images, axis=channels)]
        return sum(weight * part for weight, part in zip(_WEIGHTS, parts, strict=True)) / 2.0**15
    number = tf.shape(images)[channels]
    of_three = tf.gather(tf.constant(_WEIGHTS, tf.float64), tf.minimum(tf.range(number), 2))
    weights = tf.where(number == 3, of_three / 2.0**15, 1.0 / tf.cast(number, tf.float64))
    weights = tf.reshape(weights, [-1] + [1] * (images.shape.rank - 1 - channels))
    return tf.reduce_sum(tf.cast(images, tf.float64) * weights, axis=channels)


def _smoothed(levels, grid):
    """Rounded means with the weights 1, 2, 1 along both axes; borders mirror the inside."""
    for axis, size in enumerate(grid, start=1):
        second = tf.gather(levels, [tf.minimum(1, size - 1)], axis=axis)
        last_but_one = tf.gather(levels, [tf.maximum(size - 2, 0)], axis=axis)
        padded = tf.concat([second, levels, last_but_one], axis=axis)
        before, at, behind = (
            padded[:, first:end] if axis == 1 else padded[:, :, first:end]
            for first, end in ((None, -2), (1, -1), (2, None))
        )
        levels = before + 2.0 * at + behind
    return tf.floor(levels / 16.0 + 0.5)


def _windows(sums, axis, radius):
    """int32, the sum over each window: radius - 1 pixels before the centre, radius pixels after it.

    Args:
        sums: int32 [B, rows, columns], cumulative sums along the axis, the first of them 0. They
            may overflow: their differences are exact nevertheless.
        axis: 1 or 2.
        radius: int, at least 1.
    """
    size = tf.shape(sums)[axis] - 1
    beyond, before = tf.minimum(radius + 1, size), tf.minimum(radius - 1, size)
    last = tf.split(sums, [size, 1], axis)[1]
    repeated = tf.tile(last, [beyond - 1 if a == axis else 1 for a in range(3)])
    high = tf.concat([tf.split(sums, [beyond, size + 1 - beyond], axis)[1], repeated], axis)
    low = tf.split(sums, [size - before, before + 1], axis)[0]
    low = tf.pad(low, [[before, 0] if a == axis else [0, 0] for a in range(3)])
    return high - low


def _extents(size, radius):
    """float32 [size], the number of pixels in each window along an axis."""
    place = tf.range(size)
    extent = tf.minimum(place + radius + 1, size) - tf.maximum(place - radius + 1, 0)
    return tf.cast(extent, tf.float32)


def _of_255(contrast):
    """Contrasts in 255ths of the image's largest, rounded down."""
    most = tf.reduce_max(contrast, axis=[1, 2], keepdims=True)
    return _quotient(255.0 * contrast, tf.maximum(most, 1.0))


def _quotient(dividend, divisor):
    """The whole part of a quotient of whole numbers.

    Graphs may multiply by a reciprocal, which is inexact; the remainder corrects that.
    """
    whole = tf.floor(dividend / divisor)
    rest = dividend - whole * divisor
    return whole + tf.cast(rest >= divisor, tf.float32) - tf.cast(rest < 0, tf.float32)
