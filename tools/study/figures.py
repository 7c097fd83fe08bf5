"""The figures of the page, as SVG: colors that color-blind readers tell apart, and markers."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from tools.static_pages import COLORS, MARKERS, STYLE
from tools.study import grid
from tools.study.data import IMAGES
from tools.study.differences import NONE, fall, gain, only
from tools.study.predictions import FITTED, MIXUP, WIDE

TITLES = {
    "cancer": "breast cancer",
    "wine": "wine",
    "gaussians": "two Gaussians",
    "digits": "digits",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
}
# Of lines that stand for methods, the same in every figure.
PLACES = ("none", "mixup .2", "mixup 1", "mixup 1, off", "regmixup", "cutmix", "smoothing")
ORDER = (
    *("none", "smoothing", "mixup .2", "mixup 1", "keep-major", "mixup 1, off"),
    *("manifold", "regmixup", "cutmix", "fmix", "switched"),
)


def draw(scores, folder):
    """Draws all figures.

    Args:
        scores: A `tools.study.table.Scores`.
        folder: `pathlib.Path`.

    Returns:
        List of (file name, caption).
    """
    drawn = []
    with plt.rc_context(STYLE):
        for function in (noise, lengths, gaps, temperature, unseen):
            figure = function(scores)
            if figure is None:
                continue
            path = Path(folder) / f"{function.__name__}.svg"
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
            plt.close(figure)
            drawn.append((path.name, " ".join(function.__doc__.split())))
    return drawn


def noise(scores):
    """What MixUp (α = 1) gains over none, by training size and label noise.

    Wide networks, trained to interpolation. Above 0 is better; bars are 95 % intervals, paired over
    10 seeds.
    """
    rows = (
        ("accuracy", gain, "accuracy gain"),
        ("nll", fall, "NLL gain"),
        ("nll_t", fall, "NLL gain after T"),
    )
    figure, axes = _panels(scores, rows=len(rows))
    for row, (score, change, label) in zip(axes, rows, strict=True):
        for axis, name in zip(row, _data(scores), strict=True):
            _ticks(axis, [str(size) for size in grid.SIZES])
            if score == "nll_t" and name == "wine":
                axis.text(0.5, 0.6, "T not determined", ha="center", transform=axis.transAxes)
                continue
            for series, level in enumerate(grid.NOISES):
                points = {
                    size: scores.paired(
                        change(MIXUP, FITTED, score),
                        only(data=(name,), size=(size,), noise=(level,), width=WIDE),
                    )
                    for size in grid.SIZES
                }
                _line(axis, grid.SIZES, points, series, f"{level:.0%} drawn anew", len(grid.NOISES))
        row[0].set_ylabel(label)
    return _finished(figure, axes, "training samples")


def lengths(scores):
    """The error on held-out samples, by length of training.

    Wide networks, clean labels, mean over the training sizes.
    """
    return _by_length(scores, PLACES[:-1], _error, "error")


def gaps(scores):
    """Mean confidence minus accuracy, by length of training.

    Above 0 a network is over-confident, below it under-confident. Wide networks, clean labels, mean
    over the training sizes.
    """
    return _by_length(scores, PLACES, _signed_gap, "signed gap")


def temperature(scores):
    """NLL before and after a temperature, less that of none before it.

    Below 0 is better. Wide networks, trained to interpolation; each method's mean over the data
    sets and sizes where it was run, for the last three the images.
    """
    data = [name for name in _data(scores) if name != "wine"]
    levels = [level for level in grid.NOISES if any(cell.noise == level for cell in scores.cells)]
    figure, axes = plt.subplots(1, len(levels), figsize=(12, 3.8), squeeze=False, sharey=True)
    for axis, level in zip(axes[0], levels, strict=True):
        for place, method in enumerate(reversed(ORDER)):
            for score, filled in (("nll", "none"), ("nll_t", None)):
                found = scores.paired(
                    _above_none(method, score),
                    only(data=data, noise=(level,), width=WIDE),
                )
                color = COLORS[1] if filled else COLORS[0]
                axis.errorbar(
                    found.mean,
                    place,
                    xerr=[[found.mean - found.low], [found.high - found.mean]],
                    fmt="o",
                    color=color,
                    markerfacecolor=filled or color,
                    label=_first(
                        axis is axes[0, 0] and not place, "before T" if filled else "after T"
                    ),
                )
        axis.axvline(0, color="#666666", linewidth=1)
        axis.set_title(f"{level:.0%} of the labels drawn anew" if level else "clean labels")
        axis.set_xlabel("NLL − NLL of none")
    axes[0, 0].set_yticks(range(len(ORDER)), reversed(ORDER))
    figure.tight_layout()
    figure.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    return figure


def unseen(scores):
    """Gains over none on images: unseen classes, attacks, and hidden parts.

    Clean labels, wide networks, trained to interpolation. AUROC of unseen classes by the maximum
    probability; accuracy under FGSM and PGD (ε = 0.1), and with a quarter of the image hidden. Each
    method is compared with none in the cells where both were run.
    """
    columns = (
        ("auroc", "AUROC, unseen classes"),
        ("fgsm", "accuracy, FGSM"),
        ("pgd", "accuracy, PGD"),
        ("occlusion", "accuracy, occlusion"),
    )
    if not any(cell.data in IMAGES for cell in scores.cells):
        return None
    figure, axes = plt.subplots(1, len(columns), figsize=(12, 3.4), sharey=True)
    clean = only(noise=(0.0,), width=WIDE, data=IMAGES)
    methods = [method for method in reversed(ORDER) if method != "none"]
    for axis, (score, title) in zip(axes, columns, strict=True):
        for place, method in enumerate(methods):
            found = scores.paired(gain(method, FITTED, score), clean)
            bars = [[found.mean - found.low], [found.high - found.mean]]
            axis.errorbar(found.mean, place, xerr=bars, fmt="o", color=COLORS[0])
        axis.axvline(0, color="#666666", linewidth=1)
        axis.set_title(title)
        axis.set_xlabel("method − none")
    axes[0].set_yticks(range(len(methods)), methods)
    figure.tight_layout()
    return figure


def _first(first, label):
    """A label for the legend, which names each thing once."""
    return label if first else None


def _error(method, length):
    return lambda get: 1 - get(method, length, "accuracy")


def _signed_gap(method, length):
    return lambda get: get(method, length, "gap")


def _above_none(method, score):
    return lambda get: get(method, FITTED, score) - get(NONE, FITTED, "nll")


def _by_length(scores, methods, value, label):
    figure, axes = _panels(scores, rows=1)
    for axis, name in zip(axes[0], _data(scores), strict=True):
        drawn = [m for m in methods if m != "cutmix" or name in IMAGES]
        for series, method in enumerate(methods):
            if method not in drawn:
                continue
            points = {
                length: scores.paired(
                    value(method, length), only(data=(name,), noise=(0.0,), width=WIDE)
                )
                for length in grid.LENGTHS
            }
            _line(axis, tuple(grid.LENGTHS), points, series, method, len(methods))
        axis.axhline(0, color="#666666", linewidth=1)
        _ticks(axis, ["short", "interp.", "10 ×"])
    axes[0, 0].set_ylabel(label)
    return _finished(figure, axes, "length of training")


def _data(scores):
    return [name for name in TITLES if any(cell.data == name for cell in scores.cells)]


def _panels(scores, rows):
    columns = len(_data(scores))
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.4 * columns + 0.8, 2.2 * rows + 0.6), squeeze=False, sharey="row"
    )
    for axis, name in zip(axes[0], _data(scores), strict=True):
        axis.set_title(TITLES[name])
    return figure, axes


def _line(axis, keys, points, series, label, count):
    """A line with intervals; series are set side by side, so that bars do not cover each other."""
    places = np.arange(len(keys)) + (series - (count - 1) / 2) * 0.06
    found = [points[key] for key in keys]
    mean = np.array([each.mean for each in found])
    bars = [mean - [each.low for each in found], [each.high for each in found] - mean]
    axis.errorbar(
        places,
        mean,
        yerr=bars,
        color=COLORS[series],
        marker=MARKERS[series],
        markersize=4,
        linewidth=1.2,
        elinewidth=1,
        label=label,
    )


def _ticks(axis, labels):
    axis.set_xticks(range(len(labels)), labels)
    axis.set_xlim(-0.4, len(labels) - 0.6)


def _finished(figure, axes, label):
    for axis in axes[-1]:
        axis.set_xlabel(label)
    if "gain" in axes[0, 0].get_ylabel():
        for axis in axes.flat:
            axis.axhline(0, color="#666666", linewidth=1)
    handles, labels = max(
        (axis.get_legend_handles_labels() for axis in axes.flat), key=lambda a: len(a[1])
    )
    figure.tight_layout()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(labels))
    return figure
