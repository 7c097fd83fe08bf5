"""The most salient pixel of an image, by the spectral residual.

Hou and Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007, section 3: saliency is
the inverse transform of the difference between the log spectrum and its local mean.
"""

import numpy as np
import tensorflow as tf

# The paper resizes images to 64 pixels, where objects remain visible and textures do not.
_SIDE = 64
# Amplitudes below this fraction of the mean are rounding errors.
_NOISE = 3e-5


def peaks(light, grid):
    """The most salient pixel of each image.

    Args:
        light: float32 `(B, *grid)`, the brightness of each pixel.
        grid: (height, width).

    Returns:
        int32 `(B, 2)`, row and column.
    """
    # At most 127 pixels a side.
    small = shrunk(light, grid, [tf.maximum(size // _SIDE, 1) for size in grid])
    shape = tf.shape(small)
    levels = residual(small)
    best = tf.argmax(tf.reshape(levels, [shape[0], -1]), axis=1, output_type=tf.int32)
    # The center of the pixel of the small copy, in pixels of the image.
    row, column = best // shape[2], best % shape[2]
    scaled = [
        ((2 * index + 1) * size) // (2 * small_size)
        for index, size, small_size in zip((row, column), grid, (shape[1], shape[2]), strict=True)
    ]
    return tf.concat([index[:, None] for index in scaled], axis=1)


def residual(light):
    """int32 `(B, H, W)`, saliency in 256 levels; modes may differ where a level is rounded."""
    shape = tf.shape(light)
    size = tf.cast(shape[1] * shape[2], tf.float32)
    mean = tf.reduce_mean(light, axis=[1, 2], keepdims=True)
    # Without a taper, the discontinuity at the periodic border would be the most salient.
    tapered = (light - mean) * _taper(shape[1])[:, None] * _taper(shape[2])
    salient = magnitude(tapered, _NOISE * size * tf.abs(mean) + 1e-30)
    salient = blurred(tf.square(salient), _GAUSSIAN)
    # The rounding errors of a constant image are far below this limit, so its levels are 0.
    most = tf.maximum(tf.reduce_max(salient, axis=[1, 2], keepdims=True), 0.05 / size)
    return tf.cast(tf.round(255.0 * salient / most), tf.int32)


def magnitude(light, floor):
    """The magnitude of the inverse transform of the residual, with the phases of the image.

    Args:
        light: float32 or float64 `(B, H, W)`.
        floor: Amplitudes of the spectrum below it count as it.
    """
    dtype = tf.complex64 if light.dtype == tf.float32 else tf.complex128
    spectrum = tf.signal.fft2d(tf.cast(light, dtype))
    amplitude = tf.maximum(tf.abs(spectrum), floor)
    logarithm = tf.math.log(amplitude)
    residual = tf.exp(logarithm - blurred(logarithm, _THIRDS))
    return tf.abs(tf.signal.ifft2d(spectrum * tf.cast(residual / amplitude, dtype)))


def _taper(size):
    """float32 `(size,)`, a cosine taper over the first and the last 15 %."""
    position = (tf.cast(tf.range(size), tf.float32) + 0.5) / tf.cast(size, tf.float32)
    edge = tf.minimum(tf.minimum(position, 1.0 - position) / 0.15, 1.0)
    return 0.5 - 0.5 * tf.cos(np.pi * edge)


# The filters of the paper: a mean of 3 × 3 for the spectrum, and a Gaussian for the map.
_THIRDS = (1 / 3, 1 / 3, 1 / 3)
_GAUSSIAN = (0.011, 0.043, 0.114, 0.205, 0.254, 0.205, 0.114, 0.043, 0.011)


def blurred(image, weights):
    """Filters images `(B, H, W)` along both axes, with periodic borders."""
    for axis in (1, 2):
        shifts = range(-(len(weights) // 2), len(weights) // 2 + 1)
        image = sum(w * tf.roll(image, s, axis) for w, s in zip(weights, shifts, strict=True))
    return image


def shrunk(light, grid, steps):
    """Means `(B, rows, columns)` over blocks of `steps` pixels; incomplete blocks are dropped."""
    height, width = grid
    rows, columns = height // steps[0], width // steps[1]
    light = light[:, : rows * steps[0], : columns * steps[1]]
    squares = tf.reshape(light, [-1, rows, steps[0], columns, steps[1]])
    return tf.reduce_mean(squares, axis=[2, 4])
