"""The most salient pixel of an image, by the spectral residual.

Hou and Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007, section 3: saliency is
the inverse transform of the difference between the log spectrum and its local mean.
"""

import numpy as np

from keras_mix._core import dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import at_least_one

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
    small = shrunk(light, grid, [at_least_one(size // _SIDE) for size in grid])
    shape = xp.shape(small)
    levels = residual(small)
    best = xp.argmax(xp.reshape(levels, [shape[0], -1]), axis=1, output_type="int32")
    # The center of the pixel of the small copy, in pixels of the image.
    row, column = best // shape[2], best % shape[2]
    scaled = [
        ((2 * index + 1) * size) // (2 * small_size)
        for index, size, small_size in zip((row, column), grid, (shape[1], shape[2]), strict=True)
    ]
    return xp.concat([index[:, None] for index in scaled], axis=1)


def residual(light):
    """int32 `(B, H, W)`, saliency in 256 levels; modes may differ where a level is rounded."""
    shape = xp.shape(light)
    size = xp.cast(shape[1] * shape[2], "float32")
    mean = xp.reduce_mean(light, axis=[1, 2], keepdims=True)
    # Without a taper, the discontinuity at the periodic border would be the most salient.
    tapered = (light - mean) * _taper(shape[1])[:, None] * _taper(shape[2])
    salient = magnitude(tapered, _NOISE * size * xp.abs(mean) + 1e-30)
    salient = blurred(xp.square(salient), _GAUSSIAN)
    # The rounding errors of a constant image are far below this limit, so its levels are 0.
    most = xp.maximum(xp.reduce_max(salient, axis=[1, 2], keepdims=True), 0.05 / size)
    return xp.cast(xp.round(255.0 * salient / most), "int32")


def magnitude(light, floor):
    """The magnitude of the inverse transform of the residual, with the phases of the image.

    Args:
        light: float32 or float64 `(B, H, W)`.
        floor: Amplitudes of the spectrum below it count as it.
    """
    dtype = "complex64" if dtypes.of(light) == "float32" else "complex128"
    spectrum = xp.fft2d(xp.cast(light, dtype))
    amplitude = xp.maximum(xp.abs(spectrum), floor)
    logarithm = xp.log(amplitude)
    residual = xp.exp(logarithm - blurred(logarithm, _THIRDS))
    return xp.abs(xp.ifft2d(spectrum * xp.cast(residual / amplitude, dtype)))


def _taper(size):
    """float32 `(size,)`, a cosine taper over the first and the last 15 %."""
    position = (xp.cast(xp.range(size), "float32") + 0.5) / xp.cast(size, "float32")
    edge = xp.minimum(xp.minimum(position, 1.0 - position) / 0.15, 1.0)
    return 0.5 - 0.5 * xp.cos(np.pi * edge)


# The filters of the paper: a mean of 3 × 3 for the spectrum, and a Gaussian for the map.
_THIRDS = (1 / 3, 1 / 3, 1 / 3)
_GAUSSIAN = (0.011, 0.043, 0.114, 0.205, 0.254, 0.205, 0.114, 0.043, 0.011)


def blurred(image, weights):
    """Filters images `(B, H, W)` along both axes, with periodic borders."""
    for axis in (1, 2):
        shifts = range(-(len(weights) // 2), len(weights) // 2 + 1)
        image = sum(w * xp.roll(image, s, axis) for w, s in zip(weights, shifts, strict=True))
    return image


def shrunk(light, grid, steps):
    """Means `(B, rows, columns)` over blocks of `steps` pixels; incomplete blocks are dropped."""
    height, width = grid
    rows, columns = height // steps[0], width // steps[1]
    light = light[:, : rows * steps[0], : columns * steps[1]]
    squares = xp.reshape(light, [-1, rows, steps[0], columns, steps[1]])
    return xp.reduce_mean(squares, axis=[2, 4])
