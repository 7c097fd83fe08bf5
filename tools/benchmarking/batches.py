"""The arrays that every contender of a group mixes, also those without TensorFlow."""

from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """Images and their labels.

    Attributes:
        batch: The number of samples B.
        side: The height and width of the images.
        dtype: The dtype of the images, "float32" or "uint8".
        classes: The number of classes K.
    """

    batch: int
    side: int
    dtype: str
    classes: int

    @property
    def shape(self):
        """The shape of the images."""
        return (self.batch, self.side, self.side, 3)

    def arrays(self):
        """Images and class ids, always the same."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, self.shape, "uint8").astype(self.dtype)
        return images, rng.integers(0, self.classes, self.batch)
