"""Maps of saliency by the spectral residual, as GuidedMixup compares and mixes by them.

They are computed in double precision and rounded to integers, so that they are the same eagerly, in
graphs and under XLA. What follows from them, shares and distances, is exact.
"""

from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import at_least_one, axis_size
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
    others = [a for a in range(1, len(images.shape)) if a not in axes]
    light = xp.reduce_mean(xp.cast(images, "float64"), axis=others)
    light = shrunk(light, grid, _steps(grid))
    mean = xp.reduce_mean(light, axis=[1, 2], keepdims=True)
    size = xp.cast(xp.shape(light)[1] * xp.shape(light)[2], "float64")
    map = magnitude(light, _NOISE * size * xp.abs(mean) + 1e-30)
    # The authors blur a map where they make it and where they use it.
    map = blurred(blurred(map, _GAUSSIAN), _GAUSSIAN)
    relative = map / xp.reduce_mean(map, axis=[1, 2], keepdims=True)
    relative = xp.where(xp.is_finite(relative), relative, xp.ones([], "float64"))
    return xp.maximum(xp.cast(xp.round(_MEAN * relative), "int32"), 1)


def distances(own, donors):
    """float64 `(B, D)`, whole numbers: the squared distance of each map from each other one."""
    own, donors = (xp.cast(_flat(levels) // _COARSE, "float64") for levels in (own, donors))
    products = xp.matmul(own, donors, transpose_b=True)
    return _squares(own)[:, None] + _squares(donors) - 2.0 * products


def shares(own, other, grid):
    """float32 `(B, *grid)`, the part of the partner in the saliency of each pixel of both."""
    both = xp.cast(own, "float64") + xp.cast(other, "float64")
    share = xp.cast(other, "float64") / both
    rows, columns = (
        _interpolation(size, axis_size(own, axis), step)
        for axis, (size, step) in enumerate(zip(grid, _steps(grid), strict=True), start=1)
    )
    share = xp.einsum("hr,brc,wc->bhw", rows, share, columns)
    return xp.clip_by_value(xp.cast(share, "float32"), 0.0, 1.0)


def _steps(grid):
    """The side of the blocks of pixels that one pixel of the map stands for, along each axis."""
    return [at_least_one((size + _SIDE - 1) // _SIDE) for size in grid]


def _interpolation(size, small, step):
    """float64 `(size, small)`, the weights of bilinear interpolation along an axis."""
    # The centers of pixels, in pixels of the map.
    at = (xp.cast(xp.range(size), "float64") + 0.5) / xp.cast(step, "float64") - 0.5
    at = xp.clip_by_value(at, 0.0, xp.cast(small - 1, "float64"))
    away = xp.abs(at[:, None] - xp.cast(xp.range(small), "float64"))
    # Keras compares numbers of 64 bits with others as 32 bits on PyTorch.
    return xp.cast(xp.maximum(1.0 - away, 0.0), "float64")


def _flat(levels):
    shape = xp.shape(levels)
    return xp.reshape(levels, [shape[0], shape[1] * shape[2]])


def _squares(rows):
    return xp.reduce_sum(xp.square(rows), axis=1)
