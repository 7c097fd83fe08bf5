"""The pixels of images as they are shown."""

import numpy as np


def pixels(images):
    """Returns (B, H, W) or (B, H, W, 3) float32 in 0..1, on the scale that `batch` describes."""
    images = np.asarray(images)
    gray = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 1)
    if not (gray or (images.ndim == 4 and images.shape[-1] == 3)) or 0 in images.shape:
        raise ValueError(
            "plot.batch: `images` must have the shape (B, H, W), (B, H, W, 1) or (B, H, W, 3), "
            f"B > 0. Received: images.shape={images.shape}"
        )
    return between(images, *black_and_white(images))


def black_and_white(images):
    """Returns the values of black and of white, on the scale that `batch` describes."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    # A blend may leave 0..1 by a rounding error, which must not change the range.
    low, high = float(images.min()), float(images.max())
    if low < -1e-3 or high > 255.5:
        return low, high
    return 0.0, 1.0 if high < 1.0 + 1e-3 else 255.0


def between(images, black, white):
    """Returns images as float32 in 0..1, gray ones without their last axis."""
    # The values of constant images may be black and white at once.
    span = white - black or 1.0
    images = np.clip((images.astype(np.float32) - black) / span, 0.0, 1.0)
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
