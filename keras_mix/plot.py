"""Figures: batches with their mixed labels, and reliability diagrams.

The functions return a `matplotlib.figure.Figure` and do not use pyplot's state: show it as the last
line of a notebook cell after `%matplotlib inline`, or save it with `figure.savefig("batch.png")`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_mix._core.optional_imports import require

if TYPE_CHECKING:  # matplotlib is optional, and `evaluate` imports this module.
    from matplotlib.figure import Figure

    from keras_mix.evaluate.scores import Reliability

__all__ = ["batch", "reliability"]


def __dir__():
    return __all__


# Okabe and Ito's palette, for color-blind readers too.
BLUE, ORANGE, GREY, INK = "#0072B2", "#E69F00", "#999999", "#222222"
# A label lists at most so many classes, and none with a smaller weight.
MOST_CLASSES, LEAST_WEIGHT = 4, 0.005
# Sizes in inches, and the number of characters of a label in a cell.
CELL, GAP, LINE, HEADING, CHARACTERS = 1.35, 0.1, 0.15, 0.34, 18


# Names come from users: a $ in them is not a formula.
AS_WRITTEN = {"parse_math": False, "usetex": False}


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
    >>> figure = batch(np.zeros([1, 8, 8]), [[0.25, 0.75]], class_names=["cat", "dog"])
    >>> figure.axes[0].get_xlabel()
    'dog: 0.75\ncat: 0.25'
    """
    images = pixels(images)
    texts = _label_texts(np.asarray(labels), len(images), class_names)
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


def reliability(diagrams: Mapping[str, "Reliability"], *, columns: int = 3) -> "Figure":
    r"""Draws accuracy against confidence, and the number of predictions in each bin.

    A bar on the diagonal means that, of the predictions made with a confidence of 80 %, 80 % are
    correct; a bar below it means overconfidence. The title shows the expected calibration error.
    A whisker spans where 95 % of the bars of a calibrated model end by chance, with as many
    independent predictions (Bröcker and Smith 2007).

    Args:
        diagrams: Dict from titles to `keras_mix.evaluate.Reliability`, not empty.
        columns: Integer ≥ 1. Number of diagrams in a row. Defaults to 3.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib or scipy is missing.

    Example:

    >>> from keras_mix.evaluate import reliability as bins
    >>> figure = reliability({"none": bins([[0.9, 0.1], [0.6, 0.4]], [0, 1])})
    >>> figure.axes[0].get_title()
    'none\nECE 35.0 %'
    """
    columns = min(columns, len(diagrams))
    rows = -(-len(diagrams) // columns)
    figure = require("matplotlib.figure", "plot.reliability").Figure(
        (3.4 * columns, 4.8 * rows), dpi=150, facecolor="white", layout="constrained"
    )
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[3.2, 1] * rows)
    for index, (title, diagram) in enumerate(diagrams.items()):
        row, column = divmod(index, columns)
        bars = figure.add_subplot(grid[2 * row, column])
        counts = figure.add_subplot(grid[2 * row + 1, column], sharex=bars)
        _accuracy_bars(bars, diagram)
        bars.set_title(
            f"{title}\nECE {100 * diagram.calibration_error:.1f} %",
            fontsize=11,
            color=INK,
            **AS_WRITTEN,
        )
        counts.bar(_centers(diagram), diagram.counts, 0.9 / len(diagram.counts), color=GREY)
        counts.set_yscale("log")
        counts.set_ylim(0.7, 2.0 * max(diagram.counts))
        counts.set_xlabel("confidence", fontsize=10)
        if column == 0:
            bars.set_ylabel("accuracy", fontsize=10)
            counts.set_ylabel("predictions", fontsize=10)
        bars.tick_params(labelbottom=False)
        for axes in (bars, counts):
            axes.tick_params(labelsize=9)
            axes.spines[["top", "right"]].set_visible(False)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.align_ylabels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return figure


def _accuracy_bars(axes, diagram):
    filled = np.asarray(diagram.counts) > 0
    centers, width = _centers(diagram)[filled], 0.9 / len(diagram.counts)
    right = np.asarray(diagram.accuracy)[filled]
    gap = np.asarray(diagram.confidence)[filled] - right
    axes.bar(centers, right, width, color=BLUE, label="accuracy")
    axes.bar(
        centers, gap, width, bottom=right, facecolor="none", edgecolor=ORANGE, hatch="////",
        linewidth=1.0, label="gap to the confidence",
    )  # fmt: skip
    counts, confidence = (np.asarray(values)[filled] for values in diagram[:2])
    low, high = np.transpose([chance_band(*pair) for pair in zip(counts, confidence, strict=True)])
    axes.errorbar(
        centers, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=INK, capsize=3,
        label="95 % by chance",
    )  # fmt: skip
    axes.plot([0, 1], [0, 1], "--", color=INK, linewidth=1.0, label="calibrated")
    axes.set(xlim=(0, 1), ylim=(0, 1))


def chance_band(count, probability):
    """Returns the 2.5 % and 97.5 % quantiles of the fraction of hits in `count` trials."""
    trials = max(round(count), 1)
    binomial = require("scipy.stats", "A reliability diagram").binom(trials, probability)
    return tuple(float(binomial.ppf(quantile)) / trials for quantile in (0.025, 0.975))


def _centers(diagram):
    bins = len(diagram.counts)
    return (np.arange(bins) + 0.5) / bins


def pixels(images):
    """Returns (B, H, W) or (B, H, W, 3) float32 in 0..1, on the scale that `batch` describes."""
    images = np.asarray(images)
    gray = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 1)
    if not (gray or (images.ndim == 4 and images.shape[-1] == 3)) or 0 in images.shape:
        raise ValueError(
            "plot.batch: `images` must have the shape (B, H, W), (B, H, W, 1) or (B, H, W, 3), "
            f"B > 0. Received: images.shape={images.shape}"
        )
    low, high = 0.0, 255.0
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        # A blend may leave 0..1 by a rounding error, which must not change the range.
        if images.min() < -1e-3 or images.max() > 255.5:
            low, high = images.min(), images.max()
        elif images.max() < 1.0 + 1e-3:
            high = 1.0
    images = np.clip((images.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    return images.reshape(images.shape[:3]) if gray else images


def _label_texts(labels, count, class_names):
    """Returns the text below each image."""
    ids = labels.ndim == 1 and labels.dtype.kind in "iu"
    if not (ids or labels.ndim == 2) or len(labels) != count:
        raise ValueError(
            f"plot.batch: `labels` must be ({count},) integer ids or ({count}, K) class weights.  "
            f"Received: labels.shape={labels.shape}, dtype {labels.dtype}"
        )
    classes = int(labels.max()) + 1 if ids else labels.shape[1]
    if class_names is not None and len(class_names) < classes:
        raise ValueError(
            "plot.batch: `class_names` must name every class. "
            f"Received: {len(class_names)} names for {classes} classes"
        )
    names = range(classes) if class_names is None else class_names
    if ids:
        names = _one_line(names)
        return [_shortened(names[k], CHARACTERS) for k in labels]
    parts = label_parts(labels, names)
    one_line = all(len("  ".join(part)) <= CHARACTERS for part in parts)
    return [("  " if one_line else "\n").join(part) for part in parts]


def label_parts(labels, class_names):
    """Returns list of lists such as `["3: 0.68", "7: 0.32"]`, of class weights `(B, K)`."""
    names = _one_line(class_names)
    return [_weights(np.asarray(shares, np.float32), names) for shares in labels]


def _one_line(names):
    return [" ".join(str(name).split()) for name in names]


def _weights(shares, names):
    order = [k for k in np.argsort(-shares, kind="stable") if shares[k] > LEAST_WEIGHT]
    texts = [
        f"{_shortened(names[k], CHARACTERS - len(': 0.00'))}: {shares[k]:.2f}"
        for k in order[:MOST_CLASSES]
    ]
    rest = shares[order[MOST_CLASSES:]].sum()
    return texts + [f"others: {rest:.2f}"] * bool(rest > LEAST_WEIGHT)


def _shortened(name, length):
    return name if len(name) <= length else name[: length - 1] + "…"
