"""Whether a model sees an object where it is."""

from typing import Any, NamedTuple

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.optional_imports import require
from keras_mix._core.options import argument_errors
from keras_mix.robustness import _samples
from keras_mix.robustness._classifier import Classifier
from keras_mix.robustness._grad_cam import GradCam
from keras_mix.robustness._planes import by_plane


class Composed(NamedTuple):
    """Images in which the place of an object is known.

    Attributes:
        images: Array `(N, H, W, C)`.
        boxes: Integer array `(N, 4)`. Top, left, bottom and right of the object, in pixels, bottom
            and right excluded.
    """

    images: np.ndarray
    boxes: np.ndarray


class Localization(NamedTuple):
    """How much of a model's Grad-CAM lies on the object.

    Attributes:
        energy: Float in [0, 1]. The mean fraction of a map's energy that lies in the box.
        area: Float in [0, 1]. The mean fraction of the image that is in the box, which is the
            energy of a map that is the same everywhere: chance.
        hits: Float in [0, 1]. The fraction of maps whose largest value lies in the box.
        accuracy: Float in [0, 1]. The fraction of these images that are classified correctly.
        empty: Integer. Number of images whose map is zero everywhere; they count in `area` and
            `accuracy` alone.
        samples: Integer. Number of images.
    """

    energy: float
    area: float
    hits: float
    accuracy: float
    empty: int
    samples: int


def compose(
    x: Any,
    *,
    beside: Any = None,
    scale: float = 0.5,
    background: float = 0.0,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    seed: int = 0,
) -> Composed:
    """Returns images that show each given image smaller, at a known place.

    Each image is shrunk to round(scale · H) × round(scale · W) pixels and put on an empty image of
    its own size at a uniform place. With `beside`, the place is uniform in the left or right half,
    which is drawn, and an image of `beside` stands in the other half, shrunk alike.

    Args:
        x: Floats `(N, H, W, C)`. Images, within `value_range`.
        beside: Floats `(N, H, W, C)`. Images of other classes, to be told from `x`. Defaults to
            None: nothing else is in the image.
        scale: Float in (0, 1], with `beside` in (0, 0.5]. The size of what is shown. Defaults to
            0.5.
        background: Float. The value of all other pixels. Defaults to 0.
        value_range: Pair of floats, or None. The range of `x`; None for any. Defaults to (0, 1).
        seed: Integer. Seed of the places. Defaults to 0.

    Returns:
        A `keras_mix.robustness.Composed`.

    Raises:
        ValueError: If an argument is out of range; if `x` or `beside` hold integers or values
            outside `value_range`, or differ in shape.
        ImportError: If Pillow is missing, which the extra `evaluate` installs.

    Example:

    >>> composed = keras_mix.robustness.compose(np.ones((2, 8, 8, 1)), scale=0.25)
    >>> float(composed.images.sum()), composed.boxes.shape
    (8.0, (2, 4))
    """
    owner = "compose"
    with argument_errors.of(owner):
        scale = checks.number("scale", scale, high=1.0 if beside is None else 0.5)
        background = checks.number("background", background, low=-np.inf)
        seed = checks.integer("seed", seed, low=0)
        limits = _samples.value_range(value_range)
        images = _samples.images(owner, x, limits)
        other = None if beside is None else _samples.images(owner, beside, limits, "beside")
    if other is not None and other.shape != images.shape:
        checks.refuse(
            owner, "`beside` must have the shape of `x`", f"{other.shape} beside {images.shape}"
        )
    count, height, width, _ = images.shape
    tall, wide = max(round(scale * height), 1), max(round(scale * width), 1)
    half = width // 2
    wide = wide if other is None else min(wide, half)
    generator = np.random.default_rng(seed)
    room = (width if other is None else half) - wide
    tops = generator.integers(0, height - tall, (2, count), endpoint=True)
    lefts = generator.integers(0, room, (2, count), endpoint=True)
    if other is not None:
        side = generator.integers(0, 2, count)
        lefts += (width - half) * np.stack([side, 1 - side])
    composed = np.full_like(images, background)
    for shown, top, left in zip((images, other), tops, lefts, strict=True):
        if shown is not None:
            for row, picture in enumerate(_shrunk(owner, shown, tall, wide)):
                place = slice(top[row], top[row] + tall), slice(left[row], left[row] + wide)
                composed[row][place] = picture
    top, left = tops[0], lefts[0]
    return Composed(composed, np.stack([top, left, top + tall, left + wide], axis=1))


def localization(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    boxes: Any,
    layer: keras.layers.Layer | str | None = None,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    from_logits: bool = False,
    batch_size: int = 128,
) -> Localization:
    """Returns how much of the model's Grad-CAM of the true class lies in the object's box.

    Grad-CAM is ReLU(Σ_k α_k A_k): A_k are the feature maps of a layer, α_k the mean over places of
    the gradient of the true class's logit. The map is enlarged to the image by bilinear
    interpolation; the energy in the box is the sum of its values there over the sum of all. The
    boxes may be those of `keras_mix.robustness.compose`, or known otherwise.

    Deviations from Score-CAM's pointing game: no image is left out for the size of its object;
    `area` beside `energy` says what chance would give. A model of which no layer ends with the
    softmax has log p in place of the logit.

    Args:
        model: Keras model with one input and one output `(B, K)`, or `(B, 1)` for one sigmoid unit,
            and feature maps `(B, H, W, C)`: functional, sequential or subclassed.
        x: Floats `(N, H, W, C)`. Images, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        boxes: Integers `(N, 4)`. Top, left, bottom and right of each object, in pixels, bottom and
            right excluded.
        layer: Layer, or its name. The layer of the feature maps. Defaults to None: the last one
            with a feature map of more than one place.
        value_range: Pair of floats, or None. The range of the model's inputs; None for any.
            Defaults to (0, 1).
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        batch_size: Integer ≥ 1. Number of images at a time. Defaults to 128.

    Returns:
        A `keras_mix.robustness.Localization`.

    Raises:
        ValueError: If an argument is out of range; if `x` is not a batch of images, or holds
            integers, values outside `value_range` or no image; if a box is empty or reaches out of
            its image; if a label is no class of the model; if the model has no such layer; if
            outputs are NaN, or neither probabilities nor, with `from_logits=True`, logits; if all
            maps are zero.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((16, 16, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
    ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> composed = keras_mix.robustness.compose(np.random.rand(8, 16, 16, 1))
    >>> result = keras_mix.robustness.localization(
    ...     model, composed.images, np.arange(8) % 2, boxes=composed.boxes
    ... )
    >>> result.area, result.samples
    (0.25, 8)

    Reference:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based
        Localization", ICCV 2017, arXiv:1610.02391, section 3. Wang et al., "Score-CAM:
        Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops 2020,
        arXiv:1910.01279, section 4, the energy-based pointing game.
    """
    owner = "localization"
    with argument_errors.of(owner):
        images = _samples.images(owner, x, _samples.value_range(value_range))
        inside = _inside(owner, boxes, images.shape)
        classifier = Classifier(
            owner, model, from_logits=from_logits, samples=images, batch_size=batch_size
        )
        ids = _samples.class_ids(owner, y, len(images), classifier.classes)
        maps = GradCam(owner, classifier, images, layer).maps(images, ids)
    total = maps.sum(axis=(1, 2))
    seen = total > 0
    if not seen.any():
        checks.refuse(
            owner,
            "Grad-CAM must be positive somewhere",
            f"maps that are zero for all {len(images)} images",
            "Pass another layer, or train the model first.",
        )
    energy = (maps * inside).sum(axis=(1, 2))[seen] / total[seen]
    best = maps.reshape(len(maps), -1).argmax(axis=1)
    hits = inside.reshape(len(maps), -1)[np.arange(len(maps)), best][seen]
    return Localization(
        energy=float(energy.mean()),
        area=float(inside.mean()),
        hits=float(hits.mean()),
        accuracy=classifier.accuracy(images, ids),
        empty=int(np.count_nonzero(~seen)),
        samples=len(images),
    )


def _inside(owner, boxes, shape):
    """Boolean `(N, H, W)`, the pixels of the boxes."""
    boxes = np.asarray(boxes)
    count, height, width, _ = shape
    if boxes.shape != (count, 4) or boxes.dtype.kind not in "iu":
        checks.refuse(
            owner,
            f"`boxes` must be integers ({count}, 4), the top, left, bottom and right of each image",
            f"dtype {boxes.dtype}, shape {boxes.shape}",
        )
    top, left, bottom, right = (boxes[:, place, None] for place in range(4))
    bad = (top < 0) | (left < 0) | (bottom > height) | (right > width)
    bad |= (top >= bottom) | (left >= right)
    if bad.any():
        checks.refuse(
            owner,
            f"`boxes` must hold pixels, within the image of {height} × {width}",
            f"{np.count_nonzero(bad)} of {count} that are empty or reach out of it",
        )
    rows, columns = np.arange(height), np.arange(width)
    in_rows = (rows >= top) & (rows < bottom)
    in_columns = (columns >= left) & (columns < right)
    return in_rows[:, :, None] & in_columns[:, None, :]


def _shrunk(owner, images, height, width):
    image_module = require("PIL.Image", owner)
    bilinear = image_module.Resampling.BILINEAR  # Pillow widens it when it shrinks.

    def shrunk(plane):
        picture = image_module.fromarray(plane.astype(np.float32))
        return np.asarray(picture.resize((width, height), bilinear))

    return by_plane(shrunk, images)
