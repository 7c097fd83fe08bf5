"""Previews of mixed samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_mix import plot
from keras_mix.evaluate import training
from keras_mix.evaluate.mixers import pictured

# The default number of images in a row.
COLUMNS = 8


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
    images, labels, names = [], [], []
    for name, mixer in pictured(mixers).items():
        batches = training.pipeline(train, len(class_names), mixer, seed, count)
        mixed_images, mixed_labels = next(batches.as_numpy_iterator())
        images.append(mixed_images)
        labels.append(mixed_labels)
        names += [name, *[""] * (rows - 1)]
    return plot.batch(
        np.concatenate(images),
        np.concatenate(labels),
        class_names=class_names,
        columns=columns,
        row_names=names,
    )
