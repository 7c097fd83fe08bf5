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
    low, high = 0.0, 255.0
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        # A blend may leave 0..1 by a rounding error, which must not change the range.
        if images.min() < -1e-3 or images.max() > 255.5:
            low, high = images.min(), images.max()
        elif images.max() < 1.0 + 1e-3:
            high = 1.0
    images = np.clip((images.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    return images.reshape(images.shape[:3]) if gray else images
