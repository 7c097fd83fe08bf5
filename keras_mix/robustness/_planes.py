"""Functions of single planes, for libraries that know no batches."""

import numpy as np


def by_plane(function, images):
    """Applies a function of `(H, W)` to each channel of each image `(N, H, W, C)`."""
    planes = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3])
    planes = np.stack([function(plane) for plane in planes])
    planes = planes.reshape(len(images), images.shape[-1], *planes.shape[1:])
    return np.moveaxis(planes, 1, -1)
