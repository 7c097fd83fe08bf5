"""Accuracy on images of which a part is hidden."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.robustness import _samples
from keras_mix.robustness._classifier import Classifier


class OcclusionAccuracy(NamedTuple):
    """Accuracy by how much of each image is hidden.

    Attributes:
        fractions: List of floats in [0, 1]. The fraction of the pixels that is hidden, counted; it
            differs from the one asked for by rounding to whole pixels or patches.
        accuracy: List of floats in [0, 1]. The fraction of images that are classified correctly.
        samples: Integer. Number of images.
    """

    fractions: list
    accuracy: list
    samples: int


def occlusion(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    fractions: Sequence[float] = (0.0, 0.1, 0.25, 0.5, 0.75),
    patch_size: int | None = None,
    fill_value: float | Literal["mean"] = 0.0,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    from_logits: bool = False,
    seed: int = 0,
    batch_size: int = 128,
) -> OcclusionAccuracy:
    """Returns the accuracy on images of which a random part is hidden.

    A rectangle, placed uniformly so that it lies in the image, or with `patch_size` as many cells
    of a grid, drawn without replacement. A rectangle for the fraction f of an image `(H, W)` has
    the height round(H · √f) and the width round(f · H · W / height), each at least 1 for f > 0 and
    within the image. Of G cells round(f · G) are hidden; cells at the right and lower edges are
    smaller where `patch_size` does not divide the image. The result holds the fractions that were
    hidden, counted in pixels and averaged over the images. Equal seeds hide the same pixels from
    every model.

    Args:
        model: Keras model with one input and one output `(B, K)`, or `(B, 1)` for one sigmoid unit.
        x: Floats `(N, H, W, C)`. Images, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        fractions: Sequence of floats in [0, 1]. How much of each image to hide. Defaults to
            (0, 0.1, 0.25, 0.5, 0.75).
        patch_size: Integer ≥ 1. Side of the grid's cells, in pixels. Defaults to None: one
            rectangle.
        fill_value: Float, or `"mean"`. Value of hidden pixels; `"mean"` is the mean of each channel
            of each image. Defaults to 0.
        value_range: Pair of floats, or None. The range of the model's inputs; None for any.
            Defaults to (0, 1).
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        seed: Integer. Seed of the places. Defaults to 0.
        batch_size: Integer ≥ 1. Number of images at a time. Defaults to 128.

    Returns:
        A `keras_mix.robustness.OcclusionAccuracy`, in the order of `fractions`.

    Raises:
        ValueError: If an argument is out of range; if `x` is not a batch of images, or holds
            integers, values outside `value_range` or no image; if a label is no class of the model;
            if outputs are NaN, or neither probabilities nor, with `from_logits=True`, logits.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...     keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> images, ids = np.random.rand(20, 8, 8, 1), np.arange(20) % 3
    >>> result = keras_mix.robustness.occlusion(model, images, ids, fractions=[0, 0.25, 1])
    >>> result.fractions
    [0.0, 0.25, 1.0]

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features", ICCV 2019, arXiv:1905.04899, section 4, hides the center or the border of images
        by zeros. Naseer et al., "Intriguing Properties of Vision Transformers", NeurIPS 2021,
        arXiv:2105.10497, section 3, hides random patches.
    """
    with argument_errors.of("occlusion"):
        hidden = _fractions(fractions)
        patch_size = checks.integer("patch_size", patch_size, low=1, optional=True)
        fill_value = checks.fill_value("fill_value", fill_value)
        seed = checks.integer("seed", seed, low=0)
        images = _samples.images("occlusion", x, _samples.value_range(value_range))
        classifier = Classifier(
            "occlusion", model, from_logits=from_logits, samples=images, batch_size=batch_size
        )
    ids = _samples.class_ids("occlusion", y, len(images), classifier.classes)
    filling = images.mean(axis=(1, 2), keepdims=True) if fill_value == "mean" else fill_value
    counted, accuracy = [], []
    for fraction in hidden:
        generator = np.random.default_rng(seed)
        shape = images.shape[:3]
        if patch_size is None:
            mask = _rectangles(generator, shape, fraction)
        else:
            mask = _cells(generator, shape, fraction, patch_size)
        occluded = np.where(mask[..., None], filling, images).astype(images.dtype)
        counted.append(float(mask.mean()))
        accuracy.append(classifier.accuracy(occluded, ids))
    return OcclusionAccuracy(counted, accuracy, len(images))


def _fractions(values):
    if isinstance(values, str) or not hasattr(values, "__iter__") or not len(values):
        raise ValueError(
            f"`fractions` must be a list of numbers between 0 and 1. Received: fractions={values!r}"
        )
    return [checks.number("fractions", float(value), high=1.0) for value in values]


def _rectangles(generator, shape, fraction):
    """True `(N, H, W)` within one rectangle of each image."""
    count, height, width = shape
    if not fraction:
        return np.zeros(shape, bool)
    tall = min(max(round(height * fraction**0.5), 1), height)
    wide = min(max(round(fraction * height * width / tall), 1), width)
    top = generator.integers(0, height - tall, count, endpoint=True)[:, None]
    left = generator.integers(0, width - wide, count, endpoint=True)[:, None]
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top) & (rows < top + tall)
    inside_columns = (columns >= left) & (columns < left + wide)
    return inside_rows[:, :, None] & inside_columns[:, None, :]


def _cells(generator, shape, fraction, side):
    """True `(N, H, W)` within some cells of a grid over each image."""
    count, height, width = shape
    down, across = -(-height // side), -(-width // side)
    order = generator.random((count, down * across)).argsort(axis=1).argsort(axis=1)
    cells = (order < round(fraction * down * across)).reshape(count, down, across)
    return cells.repeat(side, axis=1).repeat(side, axis=2)[:, :height, :width]
