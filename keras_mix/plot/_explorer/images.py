"""Images and masks as data URIs."""

import base64
import io

import numpy as np

from keras_mix._core.optional_imports import require
from keras_mix.plot._explorer.colors import rgb_of_class

# Larger images are shrunk for the screen.
LARGEST = 320
# How much a mask covers of its image, of 255.
VEIL = 140


class Encoder:
    """Writes images in a format of Pillow.

    Args:
        name: "PNG", without loss, or "WEBP".
        **options: Options of the format, such as the quality.
    """

    def __init__(self, name="PNG", **options):
        self.name, self.options = name, options

    def image(self, pixels):
        """A data URI of an image `(H, W)` or `(H, W, 3)` in 0..1."""
        return self._uri(np.round(255 * pixels).astype(np.uint8))

    def mask(self, probabilities):
        """A data URI of the colors of a mask `(H, W, M)`, clear where there is background."""
        colors = np.array([rgb_of_class(k) for k in range(probabilities.shape[-1])], np.float32)
        objects = np.clip(probabilities[..., 1:], 0.0, 1.0)
        total = objects.sum(-1, keepdims=True)
        mean = objects @ colors[1:] / np.maximum(total, 1e-6)
        return self._uri(np.concatenate([mean, VEIL * total], -1).round().astype(np.uint8))

    def _uri(self, pixels):
        image = require("PIL.Image", "plot.explore").fromarray(pixels)
        if max(image.size) > LARGEST:
            image.thumbnail((LARGEST, LARGEST))
        buffer = io.BytesIO()
        image.save(buffer, self.name, **self.options)
        data = base64.b64encode(buffer.getvalue()).decode()
        return f"data:image/{self.name.lower()};base64,{data}"


PNG = Encoder()
