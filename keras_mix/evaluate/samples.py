"""Mixed samples to look at."""

import numpy as np

from keras_mix import plot
from keras_mix.evaluate import training
from keras_mix.evaluate.mixers import pictured

# The images in a row where nothing is said.
COLUMNS = 8


def draw(train, mixers, class_names, *, columns=None, rows=1, seed=0):
    """Draws the same samples as each mixer mixes them, with their labels.

    Args:
        train: ([N, H, W] or [N, H, W, C] array of images, [N] integer array of class ids); C is 1
            or 3, values as `keras_mix.plot.batch` reads them.
        mixers: dict, name → layer of `keras_mix.layers`, or None for the images as they are.
            What mixes hidden states has no pictures and is left out.
        class_names: sequence of K str.
        columns: int from 1, the images in a row. Defaults to None: 8, or as many as there are.
        rows: int from 1, the rows of each mixer.
        seed: int, of the choice of the images and of the mixing.

    Returns:
        A `matplotlib.figure.Figure`, the name of each mixer above its first row.

    Raises:
        ValueError: if the grid is empty or has more places than there are images.
        ImportError: if matplotlib is missing.

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
