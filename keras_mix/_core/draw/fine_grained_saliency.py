"""Fine-grained saliency: the contrast of each pixel with its surroundings at six scales.

Montabone and Soto, "Human detection using a mobile platform and novel features derived from a
visual saliency mechanism", Image and Vision Computing 28, 2010. The steps and their rounding are
those of OpenCV's `StaticSaliencyFineGrained` (opencv/opencv_contrib,
`modules/saliency/src/staticSaliencyFineGrained.cpp`), and the map of a uint8 image equals OpenCV's.
All numbers are integers below 2**24, which float32 represents exactly, so the map is the same in
every mode.
"""

import tensorflow as tf

# Half the side of the window of each scale, in pixels.
_RADII = (12, 24, 48, 28, 56, 112)
# OpenCV's weights of the channels B, G and R, multiplied by 2**15.
_WEIGHTS = (3735, 19235, 9798)
# Added before rounding, since float64 may compute a half as slightly less.
_TIE = 2.0**-20


def peaks(images, axes, grid):
    """The most salient pixel of each image; of equal ones the first.

    Args:
        images: `(B, ...)`, the images of a mixer.
        axes: The two spatial axes of the images.
        grid: (height, width).

    Returns:
        int32 `(B, 2)`, row and column.
    """
    salient = saliency(levels(images, axes), grid)
    flat = tf.reshape(salient, [-1, grid[0] * grid[1]])
    best = tf.argmax(flat, axis=1, output_type=tf.int32)[:, None]
    return tf.concat([best // grid[1], best % grid[1]], axis=1)


def levels(images, axes):
    """Gray levels from 0 to 255.

    uint8 images keep their levels. Other images are scaled to the whole range, each on its own.

    Args:
        images: `(B, ...)`. Three channels are weighted; other channels and frames are averaged.
        axes: The two spatial axes.

    Returns:
        float32 `(B, H, W)`.
    """
    light = _light(images, axes)
    if images.dtype != tf.uint8:
        # XLA flushes subnormal numbers to zero, so a subnormal range counts as 0.
        light = tf.cast(light, tf.float32)
        light = tf.cast(tf.where(tf.math.is_finite(light), light, 0.0), tf.float64)
        low = tf.reduce_min(light, axis=[1, 2], keepdims=True)
        extent = tf.reduce_max(light, axis=[1, 2], keepdims=True) - low
        light = 255.0 * (light - low) / tf.where(extent > 1e-30, extent, 1.0)
    return tf.cast(tf.floor(light + (0.5 + _TIE)), tf.float32)


def saliency(levels, grid):
    """The saliency of each pixel, 255 for the largest contrast to lighter or darker surroundings.

    A pixel that is lighter than its surroundings at one scale and darker at another may exceed
    255, which OpenCV keeps modulo 256.

    Args:
        levels: float32 `(B, H, W)`, integers from 0 to 255.
        grid: (height, width).

    Returns:
        float32 `(B, H, W)`, integers.
    """
    smooth = _smoothed(_smoothed(levels, grid), grid)
    sums = tf.cumsum(tf.cumsum(tf.cast(smooth, tf.int32), axis=1), axis=2)
    sums = tf.pad(sums, [[0, 0], [1, 0], [1, 0]])
    lighter = darker = tf.zeros_like(smooth)
    for radius in _RADII:
        window = _windows(_windows(sums, 1, radius), 2, radius)
        height, width = (_extents(size, radius) for size in grid)
        area = height[:, None] * width
        # The difference to the mean of the other pixels in the window, multiplied by their number.
        excess = smooth * area - tf.cast(window, tf.float32)
        contrast = _quotient(tf.abs(excess), tf.maximum(area - 1.0, 1.0))
        lighter += tf.where(excess > 0, contrast, 0.0)
        darker += tf.where(excess < 0, contrast, 0.0)
    return _of_255(lighter) + _of_255(darker)


def _light(images, axes):
    """float64 `(B, H, W)`, the brightness of each pixel."""
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
    """The mean over the channel axis in float64, weighted if there are three channels."""
    if images.shape[channels] == 3:
        values = [tf.cast(each, tf.float64) for each in tf.unstack(images, axis=channels)]
        return sum(weight * each for weight, each in zip(_WEIGHTS, values, strict=True)) / 2.0**15
    number = tf.shape(images)[channels]
    of_three = tf.gather(tf.constant(_WEIGHTS, tf.float64), tf.minimum(tf.range(number), 2))
    weights = tf.where(number == 3, of_three / 2.0**15, 1.0 / tf.cast(number, tf.float64))
    weights = tf.reshape(weights, [-1] + [1] * (images.shape.rank - 1 - channels))
    return tf.reduce_sum(tf.cast(images, tf.float64) * weights, axis=channels)


def _smoothed(levels, grid):
    """Rounded means with weights 1, 2, 1 along both axes; borders are mirrored."""
    for axis, size in enumerate(grid, start=1):
        second = tf.gather(levels, [tf.minimum(1, size - 1)], axis=axis)
        last_but_one = tf.gather(levels, [tf.maximum(size - 2, 0)], axis=axis)
        padded = tf.concat([second, levels, last_but_one], axis=axis)
        before, at, after = (
            padded[:, first:end] if axis == 1 else padded[:, :, first:end]
            for first, end in ((None, -2), (1, -1), (2, None))
        )
        levels = before + 2.0 * at + after
    return tf.floor(levels / 16.0 + 0.5)


def _windows(sums, axis, radius):
    """int32, the sum over each window, from radius - 1 pixels before its center to radius after it.

    Args:
        sums: int32 `(B, rows, columns)`, cumulative sums along the axis, starting with 0. They may
            overflow; their differences are exact nevertheless.
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
    """float32 `(size,)`, the number of pixels of each window along an axis."""
    center = tf.range(size)
    extent = tf.minimum(center + radius + 1, size) - tf.maximum(center - radius + 1, 0)
    return tf.cast(extent, tf.float32)


def _of_255(contrast):
    """Scales contrasts so that the largest of each image is 255, rounded down."""
    most = tf.reduce_max(contrast, axis=[1, 2], keepdims=True)
    return _quotient(255.0 * contrast, tf.maximum(most, 1.0))


def _quotient(dividend, divisor):
    """The floor of the quotient of two integers.

    Graphs may multiply by an inexact reciprocal; the remainder corrects the result.
    """
    whole = tf.floor(dividend / divisor)
    rest = dividend - whole * divisor
    return whole + tf.cast(rest >= divisor, tf.float32) - tf.cast(rest < 0, tf.float32)
