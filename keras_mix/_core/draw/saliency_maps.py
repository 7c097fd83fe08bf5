"""Maps of saliency by the spectral residual, as GuidedMixup compares and mixes by them.

They are computed in double precision and rounded to integers, so that they are the same eagerly, in
graphs and under XLA. What follows from them, shares and distances, is exact.
"""

import tensorflow as tf

from keras_mix._core.axes import axis_size
from keras_mix._core.draw.spectral_residual import blurred, magnitude, shrunk

# The most pixels along a side of a map; larger images are shrunk.
_SIDE = 128
# The mean level of a map. A level is below _SIDE² times the mean, so that int32 holds it.
_MEAN = 2**16
# Levels are divided by it before distances, which are then exact in double precision.
_COARSE = 2**5
# Amplitudes below this fraction of the mean are rounding errors of float32 images.
_NOISE = 3e-5
# A Gaussian with a standard deviation of 3 pixels, cut to 7.
_GAUSSIAN = (0.106288, 0.140321, 0.165770, 0.175241, 0.165770, 0.140321, 0.106288)


def levels(images, axes, grid):
    """int32 `(B, h, w)`, the saliency of each pixel, at least 1, with the same mean for all images.

    An image without a finite saliency, such as a black one, has the same level everywhere.

    Args:
        images: `(B, ...)`.
        axes: The axes of height and width.
        grid: (height, width).
    """
    others = [a for a in range(1, images.shape.rank) if a not in axes]
    light = tf.reduce_mean(tf.cast(images, tf.float64), axis=others)
    light = shrunk(light, grid, _steps(grid))
    mean = tf.reduce_mean(light, axis=[1, 2], keepdims=True)
    size = tf.cast(tf.shape(light)[1] * tf.shape(light)[2], tf.float64)
    map = magnitude(light, _NOISE * size * tf.abs(mean) + 1e-30)
    # The authors blur a map where they make it and where they use it.
    map = blurred(blurred(map, _GAUSSIAN), _GAUSSIAN)
    relative = map / tf.reduce_mean(map, axis=[1, 2], keepdims=True)
    relative = tf.where(tf.math.is_finite(relative), relative, tf.ones([], tf.float64))
    return tf.maximum(tf.cast(tf.round(_MEAN * relative), tf.int32), 1)


def distances(own, donors):
    """float64 `(B, D)`, whole numbers: the squared distance of each map from each other one."""
    own, donors = (tf.cast(_flat(levels) // _COARSE, tf.float64) for levels in (own, donors))
    products = tf.matmul(own, donors, transpose_b=True)
    return _squares(own)[:, None] + _squares(donors) - 2.0 * products


def shares(own, other, grid):
    """float32 `(B, *grid)`, the part of the partner in the saliency of each pixel of both."""
    both = tf.cast(own, tf.float64) + tf.cast(other, tf.float64)
    share = tf.cast(other, tf.float64) / both
    rows, columns = (
        _interpolation(size, axis_size(own, axis), step)
        for axis, (size, step) in enumerate(zip(grid, _steps(grid), strict=True), start=1)
    )
    share = tf.einsum("hr,brc,wc->bhw", rows, share, columns)
    return tf.clip_by_value(tf.cast(share, tf.float32), 0.0, 1.0)


def _steps(grid):
    """The side of the blocks of pixels that one pixel of the map stands for, along each axis."""
    return [tf.maximum((size + _SIDE - 1) // _SIDE, 1) for size in grid]


def _interpolation(size, small, step):
    """float64 `(size, small)`, the weights of bilinear interpolation along an axis."""
    # The centers of pixels, in pixels of the map.
    at = (tf.cast(tf.range(size), tf.float64) + 0.5) / tf.cast(step, tf.float64) - 0.5
    at = tf.clip_by_value(at, 0.0, tf.cast(small - 1, tf.float64))
    away = tf.abs(at[:, None] - tf.cast(tf.range(small), tf.float64))
    return tf.maximum(1.0 - away, 0.0)


def _flat(levels):
    shape = tf.shape(levels)
    return tf.reshape(levels, [shape[0], shape[1] * shape[2]])


def _squares(rows):
    return tf.reduce_sum(tf.square(rows), axis=1)
