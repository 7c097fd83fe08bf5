"""The grid of images with their labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_mix._core.optional_imports import require
from keras_mix.plot._labels import label_texts
from keras_mix.plot._pixels import pixels
from keras_mix.plot._style import AS_WRITTEN, GREY, INK

if TYPE_CHECKING:  # matplotlib is optional, and `evaluate` imports this module.
    from matplotlib.figure import Figure

# Sizes in inches.
CELL, GAP, LINE, HEADING = 1.35, 0.1, 0.15, 0.34


def batch(
    images: Any,
    labels: Any,
    *,
    class_names: Sequence[str] | None = None,
    columns: int = 8,
    row_names: Sequence[str] | None = None,
) -> "Figure":
    r"""Draws a grid of images, each with its label below, such as `3: 0.68  7: 0.32`.

    A label lists the classes with a weight above 0.5 %, the largest first, and at most four.

    Args:
        images: Array `(B, H, W)` or `(B, H, W, 1)` (gray), or `(B, H, W, 3)` (RGB). uint8 is read
            as 0..255; floats as 0..1 if they are in that range, else as 0..255 if they are in that
            range, else (standardized images) from their minimum to their maximum.
        labels: Integer class ids `(B,)`, or class weights `(B, K)` such as one-hot or mixed labels.
        class_names: Sequence of K strings. Defaults to None: class ids.
        columns: Integer ≥ 1. Number of images in a row. Defaults to 8.
        row_names: Sequence of strings. Heading above each row, empty for none. Defaults to None: no
            headings.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a shape or dtype is not as above, or if names are missing.
        ImportError: If matplotlib is missing.

    Example:

    >>> import numpy as np
    >>> labels = [[0.25, 0.75]]
    >>> figure = keras_mix.plot.batch(np.zeros([1, 8, 8]), labels, class_names=["cat", "dog"])
    >>> figure.axes[0].get_xlabel()
    'dog: 0.75\ncat: 0.25'
    """
    images = pixels(images)
    texts = label_texts(np.asarray(labels), len(images), class_names)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    row_names = [""] * rows if row_names is None else row_names
    if len(row_names) != rows:
        raise ValueError(
            "plot.batch: `row_names` must hold one name for each row. "
            f"Received: {len(row_names)} names for {rows} rows"
        )
    height = CELL * images.shape[1] / images.shape[2]
    label = LINE * (1.5 + max(text.count("\n") for text in texts)) + GAP
    tops = GAP + np.cumsum([HEADING * bool(name) for name in row_names])
    tops += np.arange(rows) * (height + label)
    width, total = columns * (CELL + GAP) + GAP, tops[-1] + height + label
    figure = require("matplotlib.figure", "plot.batch").Figure(
        (width, total), dpi=150, facecolor="white"
    )
    for row, name in enumerate(row_names):
        place = (GAP / width, 1.0 - (tops[row] - 0.4 * HEADING) / total)
        figure.text(*place, name, fontsize=11, weight="bold", color=INK, **AS_WRITTEN)
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        row, column = divmod(index, columns)
        left, bottom = GAP + column * (CELL + GAP), total - tops[row] - height
        axes = figure.add_axes((left / width, bottom / total, CELL / width, height / total))
        axes.imshow(image, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="auto")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=GREY, linewidth=0.5)
        axes.set_xlabel(text, fontsize=9, color=INK, labelpad=3, **AS_WRITTEN)
    return figure
