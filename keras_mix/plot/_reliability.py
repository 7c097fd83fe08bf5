"""Reliability diagrams."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_mix._core.optional_imports import require
from keras_mix.plot._style import AS_WRITTEN, BLUE, GREY, INK, ORANGE

if TYPE_CHECKING:  # matplotlib is optional, and `evaluate` imports this module.
    from matplotlib.figure import Figure

    from keras_mix.evaluate.scores import Reliability


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
    >>> figure = keras_mix.plot.reliability({"none": bins([[0.9, 0.1], [0.6, 0.4]], [0, 1])})
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
