"""Where an image is most salient, by the spectral residual.

Hou and Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007, section 3: what an
image's logarithmic spectrum has beyond its own local mean is what stands out of the image.
"""

import tensorflow as tf

# The paper works on images of 64 pixels, where the eye sees objects and not their texture.
_SIDE = 64
# Amplitudes below this share of the largest are rounding errors.
_NOISE = 1e-6


def peaks(light, grid):
    """int32 [B, 2], the row and column of the most salient place of each image.

    Args:
        light: float32 [B, *grid], how bright each place is.
        grid: (height, width).
    """
    small = _shrunk(light, grid)
    shape = tf.shape(small)
    levels = residual(small)
    best = tf.argmax(tf.reshape(levels, [shape[0], -1]), axis=1, output_type=tf.int32)
    # The middle of the place in the small copy, in pixels of the image.
    row, column = best // shape[2], best % shape[2]
    scaled = [
        ((2 * index + 1) * size) // (2 * small_size)
        for index, size, small_size in zip((row, column), grid, (shape[1], shape[2]), strict=True)
    ]
    return tf.concat([index[:, None] for index in scaled], axis=1)


def residual(light):
    """int32 [B, H, W], the saliency in 256 levels: alike in all modes but at a level's edge."""
    spectrum = tf.signal.fft2d(tf.cast(light, tf.complex64))
    amplitude = tf.abs(spectrum)
    largest = tf.reduce_max(amplitude, axis=[1, 2], keepdims=True)
    amplitude = tf.maximum(amplitude, _NOISE * largest + 1e-30)
    logarithm = tf.math.log(amplitude)
    residual = tf.exp(logarithm - _blurred(logarithm, _THIRDS))
    salient = tf.signal.ifft2d(spectrum * tf.cast(residual / amplitude, tf.complex64))
    salient = _blurred(tf.square(tf.abs(salient)), _GAUSSIAN)
    level = salient / tf.maximum(tf.reduce_max(salient, axis=[1, 2], keepdims=True), 1e-30)
    return tf.cast(tf.round(255.0 * level), tf.int32)


# The paper's filters: a mean of 3 × 3 for the spectrum, a Gaussian for the map.
_THIRDS = (1 / 3, 1 / 3, 1 / 3)
_GAUSSIAN = (0.011, 0.043, 0.114, 0.205, 0.254, 0.205, 0.114, 0.043, 0.011)


def _blurred(image, weights):
    """[B, H, W], filtered along both axes; sides go on at the opposite ones."""
    for axis in (1, 2):
        shifts = range(-(len(weights) // 2), len(weights) // 2 + 1)
        image = sum(w * tf.roll(image, s, axis) for w, s in zip(weights, shifts, strict=True))
    return image


def _shrunk(light, grid):
    """[B, ≤ 64, ≤ 64], the means of as many pixels as make a place."""
    for axis, size in enumerate(grid, start=1):
        step = tf.maximum(size // _SIDE, 1) if not isinstance(size, int) else max(size // _SIDE, 1)
        kept = size // step * step
        light = light[:, :kept] if axis == 1 else light[:, :, :kept]
        shape = tf.shape(light)
        split = (
            [shape[0], kept // step, step, shape[2]]
            if axis == 1
            else [shape[0], shape[1], kept // step, step]
        )
        light = tf.reduce_mean(tf.reshape(light, split), axis=axis + 1)
    return light
