"""Whole sets of predictions, in NumPy, as the tables that calibration errors are computed from."""

import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import prediction_scores, score_tables


def claims(probabilities, over):
    """What predictions `(N, K)` claim: the probability of the top class `(N, 1)`, or of each."""
    checks.choice("over", over, score_tables.OVER)
    if over == "classes":
        return probabilities
    return ops.convert_to_numpy(prediction_scores.confidence(probabilities))[:, None]


def truths(probabilities, ids, over):
    """Whether each claim is true, floats in the shape of `claims`."""
    if over == "classes":
        return ops.convert_to_numpy(prediction_scores.one_hot(probabilities, ids))
    return ops.convert_to_numpy(prediction_scores.hits(probabilities, ids))[:, None]


def binned(probabilities, ids, *, bins, strategy="width", over="top"):
    """The `score_tables.Table` of checked predictions, `(bins,)`, over classes `(K · bins,)`.

    Args:
        probabilities: Float64 array `(N, K)`.
        ids: Integer array `(N,)`.
        bins: Integer; None makes a group of each confidence.
        strategy: "width" or "mass".
        over: "top" or "classes".
    """
    claimed = claims(probabilities, over)
    true = truths(ops.convert_to_tensor(probabilities), ids, over)
    tables = [
        Binning(confidence, bins, strategy).table(hits)
        for confidence, hits in zip(claimed.T, true.T, strict=True)
    ]
    return score_tables.Table(*map(np.concatenate, zip(*tables, strict=True)))


class Binning:
    """The bins of a set of confidences, whatever the truth is.

    Args:
        confidence: Array `(N,)`.
        bins: Integer ≥ 1; None makes a group of each confidence.
        strategy: "width" or "mass".
    """

    def __init__(self, confidence, bins, strategy):
        if bins is not None:
            checks.integer("bins", bins, low=1)
        checks.choice("strategy", strategy, score_tables.STRATEGIES)
        self.parts = None
        if bins is not None and strategy == "width":
            index = score_tables.width_bins(ops.convert_to_tensor(confidence), bins)
            self.index, self.groups = ops.convert_to_numpy(index), bins
        else:
            values, self.index = np.unique(confidence, return_inverse=True)
            self.groups = len(values)
        if bins is not None and strategy == "mass":
            mass = ops.convert_to_tensor(self.sums(None))
            self.parts = ops.convert_to_numpy(score_tables.parts(mass, bins))
        self.mass, self.confidence = self.sums(None), self.sums(confidence)

    def table(self, hits):
        """The `score_tables.Table` with a truth `(N,)`, 1 where a prediction is right."""
        return score_tables.Table(self.mass, self.confidence, self.sums(hits))

    def sums(self, values):
        """The sums `(bins,)` of values `(N,)`; of None, the numbers of predictions."""
        sums = np.bincount(self.index, values, self.groups).astype(np.float64)
        return sums if self.parts is None else self.parts @ sums
