"""Common corruptions of images, and the accuracy under them."""

import io
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.optional_imports import require
from keras_mix._core.options import argument_errors
from keras_mix.robustness import _samples
from keras_mix.robustness._classifier import Classifier
from keras_mix.robustness._planes import by_plane

SEVERITIES = (1, 2, 3, 4, 5)
# Images corrupted at a time: noise is drawn in float64.
_CHUNK = 256


class CorruptionAccuracy(NamedTuple):
    """Accuracy on corrupted images.

    Attributes:
        clean: Float in [0, 1]. The accuracy on the images as they are.
        severities: List of integers from 1 to 5.
        accuracy: Dict from the name of a corruption to a list of floats in [0, 1], its accuracy at
            each severity.
        mean: Float in [0, 1]. The mean over corruptions and severities.
        samples: Integer. Number of images.
    """

    clean: float
    severities: list
    accuracy: dict
    mean: float
    samples: int


class _Corruption(NamedTuple):
    """A function of (images in [0, 1], strength, generator), and its strengths by severity."""

    function: Callable[..., np.ndarray]
    cifar10: tuple
    imagenet: tuple


def corrupt(
    images: Any,
    name: str,
    severity: int,
    *,
    constants: Literal["cifar10", "imagenet"] = "cifar10",
    value_range: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
) -> np.ndarray:
    """Returns corrupted images, with the strengths of CIFAR-10-C or ImageNet-C.

    Of an image in [0, 1], with the strength c of the severity; all results are clipped to it:

    - `"gaussian_noise"`: x + c · N(0, 1).
    - `"shot_noise"`: Poisson(c · x) / c.
    - `"impulse_noise"`: each value becomes 0 or 1 with probability c / 2 each.
    - `"gaussian_blur"`: standard deviation of c pixels, edges repeated.
    - `"contrast"`: c · x + (1 - c) · mean, of each channel of each image.
    - `"brightness"`: c is added to the V of HSV, which for gray images is the image.
    - `"pixelate"`: to ⌊c · height⌋ × ⌊c · width⌋ pixels and back, by box filters.
    - `"jpeg_compression"`: JPEG of quality c, at 8 bits.

    Deviations from the authors' code: values stay floats, while the published sets are stored at 8
    bits; the other corruptions of the paper, which need photographs or other libraries, are left
    out. Equal seeds give equal noise for every model.

    Args:
        images: Floats `(N, H, W, 1)` or `(N, H, W, 3)`, within `value_range`.
        name: String. One of the above.
        severity: Integer from 1 to 5.
        constants: `"cifar10"` or `"imagenet"`. The strengths of CIFAR-10-C, for images of about 32
            pixels, or of ImageNet-C, for about 224. Defaults to `"cifar10"`.
        value_range: Pair of floats. The values of black and white. Defaults to (0, 1).
        seed: Integer. Seed of the noise. Defaults to 0.

    Returns:
        A NumPy array of the shape of `images`, in Keras's float dtype.

    Raises:
        ValueError: If the name, the severity or another argument is unknown; if `images` are none,
            hold integers or values outside `value_range`, or have another number of channels.
        ImportError: If Pillow or SciPy is missing, which the extra `evaluate` installs.

    Example:

    >>> images = np.full((2, 8, 8, 1), 0.5)
    >>> corrupted = keras_mix.robustness.corrupt(images, "brightness", 3)
    >>> round(float(corrupted.max()), 2)
    0.65

    Reference:
        Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
        Perturbations", ICLR 2019, arXiv:1903.12261, section 4; strengths of
        ImageNet-C/create_c/make_cifar_c.py and ImageNet-C/imagenet_c/imagenet_c/corruptions.py of
        hendrycks/robustness.
    """
    with argument_errors.of("corrupt"):
        name = checks.choice("name", name, list(CORRUPTIONS))
        severity = checks.integer("severity", severity, low=1, high=5)
        settings = _Settings.checked(constants, value_range, seed)
        images = _color_or_gray("corrupt", "images", images, settings.value_range)
    return _corrupted("corrupt", images, name, severity, settings)


def corruption_accuracy(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    names: Sequence[str] | None = None,
    severities: Sequence[int] = (1, 2, 3, 4, 5),
    constants: Literal["cifar10", "imagenet"] = "cifar10",
    value_range: tuple[float, float] = (0.0, 1.0),
    from_logits: bool = False,
    seed: int = 0,
    batch_size: int = 128,
) -> CorruptionAccuracy:
    """Returns the accuracy on images corrupted as by `keras_mix.robustness.corrupt`.

    The mean over corruptions and severities is 1 - the mean error. The paper's mean corruption
    error divides the errors of each corruption by those of an AlexNet first.

    Args:
        model: Keras model with one input and one output `(B, K)`, or `(B, 1)` for one sigmoid unit.
        x: Floats `(N, H, W, 1)` or `(N, H, W, 3)`. Images, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        names: Sequence of strings. Corruptions. Defaults to None: all that `corrupt` lists.
        severities: Sequence of integers from 1 to 5. Defaults to (1, 2, 3, 4, 5).
        constants: `"cifar10"` or `"imagenet"`. The strengths, as in `corrupt`. Defaults to
            `"cifar10"`.
        value_range: Pair of floats. The values of black and white. Defaults to (0, 1).
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        seed: Integer. Seed of the noise. Defaults to 0.
        batch_size: Integer ≥ 1. Number of images at a time. Defaults to 128.

    Returns:
        A `keras_mix.robustness.CorruptionAccuracy`.

    Raises:
        ValueError: As `corrupt` does; if a label is no class of the model; if outputs are NaN, or
            neither probabilities nor, with `from_logits=True`, logits.
        ImportError: If Pillow or SciPy is missing, which the extra `evaluate` installs.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...     keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> images, ids = np.random.rand(20, 8, 8, 1), np.arange(20) % 3
    >>> result = keras_mix.robustness.corruption_accuracy(
    ...     model, images, ids, names=["contrast", "pixelate"], severities=[1, 5]
    ... )
    >>> {name: len(accuracy) for name, accuracy in result.accuracy.items()}
    {'contrast': 2, 'pixelate': 2}

    Reference:
        Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
        Perturbations", ICLR 2019, arXiv:1903.12261, section 4.
    """
    owner = "corruption_accuracy"
    with argument_errors.of(owner):
        names = list(CORRUPTIONS) if names is None else checks.names("names", names)
        for name in names:
            checks.choice("names", name, list(CORRUPTIONS))
        severities = [checks.integer("severities", each, low=1, high=5) for each in severities]
        if not names or not severities:
            raise ValueError(
                "`names` and `severities` must hold at least one each. "
                f"Received: names={names!r}, severities={severities!r}"
            )
        settings = _Settings.checked(constants, value_range, seed)
        images = _color_or_gray(owner, "x", x, settings.value_range)
        classifier = Classifier(
            owner, model, from_logits=from_logits, samples=images, batch_size=batch_size
        )
    ids = _samples.class_ids(owner, y, len(images), classifier.classes)
    clean = classifier.accuracy(images, ids)
    accuracy = {
        name: [
            classifier.accuracy(_corrupted(owner, images, name, severity, settings), ids)
            for severity in severities
        ]
        for name in names
    }
    mean = float(np.mean(list(accuracy.values())))
    return CorruptionAccuracy(clean, severities, accuracy, mean, len(images))


class _Settings(NamedTuple):
    """Whose strengths, the values of black and white, and the seed."""

    constants: str
    value_range: tuple[float, float]
    seed: int

    @classmethod
    def checked(cls, constants, value_range, seed):
        constants = checks.choice("constants", constants, ("cifar10", "imagenet"))
        low, high = checks.interval("value_range", value_range, low=-np.inf)
        if low == high:
            raise ValueError(
                "`value_range` must be a pair (black, white) that differ. "
                f"Received: value_range={value_range!r}"
            )
        return cls(constants, (low, high), checks.integer("seed", seed, low=0))


def _color_or_gray(owner, name, x, value_range):
    images = _samples.images(owner, x, value_range, name)
    if images.shape[-1] not in (1, 3):
        checks.refuse(
            owner, f"`{name}` must have 1 or 3 channels", f"{name} of shape {images.shape}"
        )
    return images


def _corrupted(owner, images, name, severity, settings):
    corruption = CORRUPTIONS[name]
    strength = getattr(corruption, settings.constants)[severity - 1]
    low, high = settings.value_range
    generator = np.random.default_rng([settings.seed, list(CORRUPTIONS).index(name), severity])
    corrupted = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        chunk = (images[start : start + _CHUNK].astype(np.float64) - low) / (high - low)
        chunk = corruption.function(owner, chunk, strength, generator).clip(0.0, 1.0)
        corrupted[start : start + _CHUNK] = low + (high - low) * chunk
    return corrupted.clip(*np.asarray(settings.value_range, images.dtype))


def _gaussian_noise(owner, images, scale, generator):
    return images + scale * generator.standard_normal(images.shape)


def _shot_noise(owner, images, rate, generator):
    return generator.poisson(rate * images) / rate


def _impulse_noise(owner, images, amount, generator):
    drawn = generator.random(images.shape)
    return np.where(drawn < amount, (drawn < amount / 2).astype(float), images)


def _gaussian_blur(owner, images, sigma, generator):
    ndimage = require("scipy.ndimage", owner)
    return ndimage.gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest", truncate=4.0)


def _contrast(owner, images, factor, generator):
    means = images.mean(axis=(1, 2), keepdims=True)
    return means + factor * (images - means)


def _brightness(owner, images, shift, generator):
    """HSV with another V: the channels keep their ratios; black becomes gray."""
    value = images.max(axis=-1, keepdims=True)
    brighter = np.minimum(value + shift, 1.0)
    ratios = np.divide(images, value, out=np.ones_like(images), where=value > 0)
    return brighter * ratios


def _pixelate(owner, images, factor, generator):
    image_module = require("PIL.Image", owner)
    height, width = images.shape[1:3]
    small = (max(int(width * factor), 1), max(int(height * factor), 1))
    box = image_module.Resampling.BOX

    def pixelated(plane):
        picture = image_module.fromarray(plane.astype(np.float32))
        return np.asarray(picture.resize(small, box).resize((width, height), box))

    return by_plane(pixelated, images)


def _jpeg_compression(owner, images, quality, generator):
    image_module = require("PIL.Image", owner)

    def compressed(image):
        buffer = io.BytesIO()
        pixels = np.round(255.0 * image).astype(np.uint8)
        # A gray picture has no axis of channels.
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        image_module.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        return np.asarray(image_module.open(buffer)).reshape(image.shape) / 255.0

    return np.stack([compressed(image) for image in images])


CORRUPTIONS = {
    "gaussian_noise": _Corruption(
        _gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)
    ),
    "shot_noise": _Corruption(_shot_noise, (500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
    "impulse_noise": _Corruption(
        _impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)
    ),
    "gaussian_blur": _Corruption(_gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1.0), (1, 2, 3, 4, 6)),
    "contrast": _Corruption(_contrast, (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "brightness": _Corruption(_brightness, (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "pixelate": _Corruption(_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)),
    "jpeg_compression": _Corruption(_jpeg_compression, (80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
}
