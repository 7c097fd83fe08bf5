"""Scores of sets of predictions, from sums over groups of predictions of similar confidence."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

NORMS = (1, 2, "max")
STRATEGIES = ("width", "mass")
OVER = ("top", "classes")


class Table(NamedTuple):
    """Sums over the predictions of each group, `(..., groups)`, in ascending confidence.

    Attributes:
        mass: The sum of the sample weights; without weights the number of predictions.
        confidence: The weighted sum of their confidences.
        hits: The weighted number of right predictions.
    """

    mass: Any
    confidence: Any
    hits: Any


def width_bins(confidence, bins):
    """int32, the bin ((m - 1) / M, m / M] of each confidence, from 0; that of 0 is the first."""
    return ops.clip(edges_below(confidence, np.arange(bins) / bins) - 1, 0, bins - 1)


def edges_below(values, edges):
    """int32 in the shape of the values, the number of edges, which ascend, below each of them."""
    edges = ops.convert_to_tensor(edges, values.dtype)
    # TensorFlow takes several axes for several lists of edges.
    found = ops.searchsorted(edges, ops.reshape(values, [-1]), side="left")
    return ops.reshape(ops.cast(found, "int32"), ops.shape(values))


def mass_bins(table, bins):
    """The `Table` of bins of equal mass, formed from groups in ascending confidence.

    A group that an edge falls in is divided between the bins, with its confidence and hits in
    proportion: the order of equal confidences means nothing.
    """
    part = parts(table.mass, bins)
    return Table(*(ops.sum(part * sums[..., None, :], axis=-1) for sums in table))


def parts(mass, bins):
    """`(..., bins, groups)` in [0, 1], how much of each group lies in each bin of equal mass."""
    upper = ops.cumsum(mass, axis=-1)
    lower = (upper - mass)[..., None, :]
    edges = ops.convert_to_tensor(np.arange(bins + 1) / bins, mass.dtype)[:, None]
    edges = edges * upper[..., -1:, None]
    covered = ops.divide_no_nan(edges - lower, mass[..., None, :])
    covered = ops.clip(covered, 0.0, 1.0)
    return covered[..., 1:, :] - covered[..., :-1, :]


def calibration_error(table, norm):
    """The norm of the distance from confidence to accuracy, over the last axis.

    Args:
        table: A `Table` of bins, `(..., bins)`; with several classes the bins of all of them.
        norm: One of `NORMS`: the mean, the root of the mean square, or the maximum.
    """
    gap = ops.divide_no_nan(ops.abs(table.confidence - table.hits), table.mass)
    if norm == "max":
        return ops.max(gap, axis=-1)
    weight = _shares(table.mass)
    if norm == 1:
        return ops.sum(weight * gap, axis=-1)
    return ops.sqrt(ops.sum(weight * ops.square(gap), axis=-1))


def overconfidence(table):
    """Σ n/N · confidence · max(confidence - accuracy, 0), over the last axis of a `Table`."""
    confidence, accuracy = (
        ops.divide_no_nan(sums, table.mass) for sums in (table.confidence, table.hits)
    )
    over = confidence * ops.maximum(confidence - accuracy, 0.0)
    return ops.sum(_shares(table.mass) * over, axis=-1)


def _shares(mass):
    return ops.divide_no_nan(mass, ops.sum(mass, axis=-1, keepdims=True))


def auroc(positive, negative):
    """P(score of a positive > that of a negative) + ½ P(equal), from masses in ascending score.

    Args:
        positive: `(groups,)`, the mass of positives of each score.
        negative: The same of the negatives.
    """
    positive, negative = _shares(positive), _shares(negative)
    below = ops.cumsum(negative) - negative / 2
    return ops.sum(positive * below)


def aurc(mass, errors):
    """The mean over predictions of the risk of those at least as confident.

    Args:
        mass: `(groups,)` in ascending confidence.
        errors: The weighted number of wrong predictions of each group.
    """
    covered, wrong = (ops.flip(ops.cumsum(ops.flip(sums))) for sums in (mass, errors))
    return ops.sum(_shares(mass) * ops.divide_no_nan(wrong, covered))
