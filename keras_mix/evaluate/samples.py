"""Previews of mixed samples, as a figure and for the report."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_mix import plot
from keras_mix._core.optional_imports import require
from keras_mix.evaluate import training
from keras_mix.evaluate.mixers import pictured
from keras_mix.plot._labels import label_parts
from keras_mix.plot._pixels import pixels as shown_pixels

# The default number of images in a row.
COLUMNS = 8
# Smaller images are enlarged to at least so many pixels a side, without smoothing.
LEAST_SIDE = 96


class Samples(NamedTuple):
    """The same samples under each mixer.

    Attributes:
        images: Dict from the name of each mixer to images `(N, H, W)` or `(N, H, W, C)`.
        labels: Dict from the name of each mixer to class weights `(N, K)`.
        class_names: List of K strings.
    """

    images: dict
    labels: dict
    class_names: list

    def rows(self):
        """Returns dict, mixer → list of (PNG as a data URI, list of `class: weight`)."""
        if not self.images:
            return {}
        # One scale for all mixers, as in a figure.
        pixels = shown_pixels(np.concatenate([*self.images.values()]))
        ends = np.cumsum([len(images) for images in self.images.values()])[:-1]
        return {
            name: [
                (_data_uri(image), parts)
                for image, parts in zip(
                    images, label_parts(self.labels[name], self.class_names), strict=True
                )
            ]
            for name, images in zip(self.images, np.split(pixels, ends), strict=True)
        }


def mixed_samples(
    train: tuple[Any, Any],
    mixers: Mapping[str, Any],
    class_names: Sequence[str],
    *,
    columns: int | None = None,
    rows: int = 1,
    seed: int = 0,
) -> Samples:
    """Mixes the same samples by each mixer.

    Args:
        train: As in `draw`, and so are the other arguments.
        mixers: Dict from names to mixers.
        class_names: Sequence of K strings.
        columns: Integer ≥ 1. Number of images in a row. Defaults to None: 8, or as many as there
            are.
        rows: Integer ≥ 1. Number of rows for each mixer. Defaults to 1.
        seed: Integer. Seed of the choice of images and of the mixing. Defaults to 0.

    Returns:
        `Samples`, for `write_report`.

    Raises:
        ValueError: If the grid is empty or larger than the number of images.

    Example:

    >>> from keras_mix.evaluate import datasets, mixers
    >>> digits = datasets.load("digits")
    >>> samples = mixed_samples(digits.train, mixers.parse("cutmix"), digits.class_names)
    >>> samples.labels["cutmix"].shape
    (8, 10)
    """
    given = "" if columns is None else f"columns={columns}, "
    columns = max(1, min(COLUMNS, len(train[1]) // max(rows, 1))) if columns is None else columns
    count = columns * rows
    if min(columns, rows) < 1:
        raise ValueError(
            f"samples.draw: `columns` and `rows` must be at least 1. Received: {given}rows={rows}"
        )
    if count > len(train[1]):
        raise ValueError(
            "samples.draw: the product of `columns` and `rows` must be at most "
            f"{len(train[1])}, the number of images. Received: {given}rows={rows}"
        )
    images, labels = {}, {}
    for name, mixer in pictured(mixers).items():
        batches = training.pipeline(train, len(class_names), mixer, seed, count)
        images[name], labels[name] = next(batches.as_numpy_iterator())
    return Samples(images, labels, list(class_names))


def draw(
    train: tuple[Any, Any],
    mixers: Mapping[str, Any],
    class_names: Sequence[str],
    *,
    columns: int | None = None,
    rows: int = 1,
    seed: int = 0,
) -> Any:
    """Draws the same samples under each mixer, with their labels.

    Args:
        train: Pair of an array of images `(N, H, W)` or `(N, H, W, C)` and an integer array of
            class ids `(N,)`. C is 1 or 3, and values are read as by `keras_mix.plot.batch`.
        mixers: Dict from names to layers of `keras_mix.layers`, or to None for unmixed images.
            Mixers of hidden states have no pictures and are left out.
        class_names: Sequence of K strings.
        columns: Integer ≥ 1. Number of images in a row. Defaults to None: 8, or as many as there
            are.
        rows: Integer ≥ 1. Number of rows for each mixer. Defaults to 1.
        seed: Integer. Seed of the choice of images and of the mixing. Defaults to 0.

    Returns:
        A `matplotlib.figure.Figure`, with the name of each mixer above its first row.

    Raises:
        ValueError: If the grid is empty or larger than the number of images.
        ImportError: If matplotlib is missing.

    Example:

    >>> from keras_mix.evaluate import datasets, mixers
    >>> digits = datasets.load("digits")
    >>> figure = draw(digits.train, mixers.parse("none,cutmix"), digits.class_names, columns=4)
    >>> len(figure.axes)
    8
    """
    samples = mixed_samples(train, mixers, class_names, columns=columns, rows=rows, seed=seed)
    names = [name for mixer in samples.images for name in (mixer, *[""] * (rows - 1))]
    return plot.batch(
        np.concatenate([*samples.images.values()]),
        np.concatenate([*samples.labels.values()]),
        class_names=class_names,
        columns=len(next(iter(samples.images.values()))) // rows,
        row_names=names,
    )


def _data_uri(pixels):
    """A `(H, W)` or `(H, W, 3)` image in 0..1 as the data URI of a PNG."""
    times = -(-LEAST_SIDE // min(pixels.shape[:2]))
    enlarged = np.round(255 * pixels).astype(np.uint8).repeat(times, 0).repeat(times, 1)
    buffer = io.BytesIO()
    require("PIL.Image", "The report").fromarray(enlarged).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
