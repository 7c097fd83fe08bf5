"""One image file, decoded to RGB at the scale that its format defines."""

import warnings
from typing import NamedTuple

import numpy as np

from keras_mix._core.optional_imports import require

# Scales that images without a defined white are known to use.
USUAL_WHITES = (1.0, 255.0, 65535.0)
_NEEDED_BY = "Reading a folder of images"
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _UNSIGNED = 0, 1


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: [height, width, 3] float32 array; 0 is black.
        white: Float, the value of white, or None where the format defines none, as for floats.
    """

    pixels: np.ndarray
    white: float | None


def decode(file, size):
    """Decodes an image file, upright by its EXIF data and resized to (height, width).

    Of an animation or a file of several pages the first one counts. Transparent pixels show a
    white background. Images of 8 bits or fewer a channel and 16-bit ones keep their own scale;
    a white of 12 bits in a 12-bit TIFF is 4095.

    Returns None if the file is no readable image or holds NaN or infinity.
    """
    pillow = require("PIL.Image", _NEEDED_BY)
    transpose = require("PIL.ImageOps", _NEEDED_BY).exif_transpose
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on odd metadata and on large images
            with pillow.open(file) as image:
                white, tags = _white(image), getattr(image, "tag_v2", {})
                upright = transpose(image)
                if image.mode[0] in "IF":  # I, I;16 and its kin, F: a single deep channel
                    return _deep(pillow, upright, size, white, tags)
                resized = _rgb(pillow, upright).resize(size[::-1], pillow.BILINEAR)
    except Exception:  # a broken file raises anything, from OSError to struct.error
        return None
    return Decoded(np.asarray(resized, np.float32), white)


def span(images):
    """(black, white) of the images without a defined white; None if every image defines its own.

    It is 0..1, 0..255 or 0..65535 if their values fill it, else it reaches from their least
    value, or 0, to their largest.
    """
    extremes = [(image.pixels.min(), image.pixels.max()) for image in images if image.white is None]
    if not extremes:
        return None
    least, most = float(np.min(extremes)), float(np.max(extremes))
    for white in USUAL_WHITES:
        # At least a sixteenth: 12-bit numbers do not fill 16 bits.
        filled = most >= white / 16.0 or white == 1.0
        if filled and least >= -0.05 * white and most <= 1.05 * white:
            return 0.0, white
    return min(least, 0.0), max(most, least + 1.0)


def scaled(images):
    """`Decoded` images of one size in 0..1: those without a white are scaled by their `span`."""
    common = span(images)
    pixels = np.stack([image.pixels for image in images])
    for index, image in enumerate(images):
        black, white = common if image.white is None else (0.0, image.white)
        pixels[index] = (pixels[index] - black) / (white - black)
    return np.clip(pixels, 0.0, 1.0, out=pixels)


def _white(image):
    if image.mode.startswith("I;16"):
        bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (16,))
        return 2.0 ** bits[0] - 1.0
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        return 65535.0  # Pillow's older 16-bit mode
    return None if image.mode in ("I", "F") else 255.0


def _deep(pillow, image, size, white, tags):
    values = np.asarray(image)
    if image.mode == "I" and tags.get(_TIFF_SAMPLE_FORMAT, (0,))[0] == _UNSIGNED:
        values = values.view(np.uint32)
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        return None
    if white is not None and tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = white - values  # Pillow inverts such files of 8 bits only
    resized = pillow.fromarray(values).resize(size[::-1], pillow.BILINEAR)
    return Decoded(np.repeat(np.asarray(resized)[..., None], 3, axis=-1), white)


def _rgb(pillow, image):
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
