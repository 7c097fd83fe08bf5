"""Scores of predicted probabilities: accuracy, likelihood, Brier score, calibration.

Pure NumPy in float64. N predictions over K classes are an array `probabilities` of shape (N, K)
whose rows sum to 1; the truth is an array `ids` of N integers in 0..K-1.
"""

from typing import Any, NamedTuple

import numpy as np

BINS = 15
# A class that was given no probability at all costs 87.3 nats instead of infinitely many.
FLOOR = float(np.finfo(np.float32).tiny)


class Reliability(NamedTuple):
    """Predictions sorted by their confidence into M bins of equal width.

    Bin m, counted from 1, holds the predictions whose confidence lies in ((m - 1) / M, m / M].

    Attributes:
        counts: List of M integers. The number of predictions in each bin.
        confidence: List of M floats in [0, 1]. The mean confidence in each bin; 0 if it is empty.
        accuracy: List of M floats in [0, 1]. The fraction of correct predictions in each bin; 0 if
            it is empty.
    """

    counts: list
    confidence: list
    accuracy: list

    @property
    def calibration_error(self) -> float:
        """float in 0..1, the expected calibration error of these predictions."""
        counts, confidence, right = (np.asarray(values, np.float64) for values in self)
        return float(np.sum(counts * np.abs(right - confidence)) / max(counts.sum(), 1.0))


def accuracy(probabilities: Any, ids: Any) -> float:
    """Returns the fraction of samples whose most probable class is the true one, in 0..1.

    Among equally probable classes the first one is the prediction.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.

    Returns:
        Float in [0, 1]; higher is better.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> accuracy([[0.9, 0.1], [0.6, 0.4]], [0, 1])
    0.5
    """
    probabilities, ids = _checked(probabilities, ids)
    return float(np.mean(probabilities.argmax(axis=1) == ids))


def negative_log_likelihood(probabilities: Any, ids: Any) -> float:
    """Returns the mean of -log(probability of the true class), in nats.

    Probabilities are floored at float32's smallest normal number, 1.2e-38.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.

    Returns:
        Float ≥ 0; lower is better. A uniform guess scores log(K).

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> round(negative_log_likelihood([[0.5, 0.5]], [1]), 4)
    0.6931
    """
    probabilities, ids = _checked(probabilities, ids)
    true = probabilities[np.arange(len(ids)), ids]
    return float(-np.mean(np.log(np.maximum(true, FLOOR))))


def brier(probabilities: Any, ids: Any) -> float:
    """Returns the mean squared distance between the probabilities and the one-hot truth.

    Summed over the classes, as Brier (1950) defined it for several classes.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.

    Returns:
        Float in [0, 2]; lower is better.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> brier([[0.5, 0.5]], [1])
    0.5
    """
    probabilities, ids = _checked(probabilities, ids)
    truth = np.eye(probabilities.shape[1])[ids]
    return float(np.mean(np.sum((probabilities - truth) ** 2, axis=1)))


def reliability(probabilities: Any, ids: Any, *, bins: int = BINS) -> Reliability:
    """Sorts predictions by confidence, the probability of the most probable class.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.
        bins: Integer ≥ 1. Number of bins of equal width. Defaults to 15, as in Guo et al. (2017).

    Returns:
        A `Reliability`.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> reliability([[0.9, 0.1], [0.6, 0.4]], [0, 1], bins=2)
    Reliability(counts=[0, 2], confidence=[0.0, 0.75], accuracy=[0.0, 0.5])
    """
    probabilities, ids = _checked(probabilities, ids)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == ids
    # The left edge is open and the right one closed: 1/M belongs to the first bin.
    upper_edges = np.arange(1, bins) / bins
    index = np.searchsorted(upper_edges, confidence, side="left")
    counts = np.bincount(index, minlength=bins)
    filled = np.maximum(counts, 1)
    return Reliability(
        counts.tolist(),
        (np.bincount(index, confidence, bins) / filled).tolist(),
        (np.bincount(index, right, bins) / filled).tolist(),
    )


def pool(diagrams):
    """The `Reliability` of the predictions of several diagrams with the same bins together.

    Example:

    >>> pool([Reliability([1], [0.5], [0.0]), Reliability([1], [0.7], [1.0])])
    Reliability(counts=[2], confidence=[0.6], accuracy=[0.5])
    """
    counts = np.array([diagram.counts for diagram in diagrams])
    filled = np.maximum(counts.sum(axis=0), 1)
    confidence = (counts * [diagram.confidence for diagram in diagrams]).sum(axis=0) / filled
    right = (counts * [diagram.accuracy for diagram in diagrams]).sum(axis=0) / filled
    return Reliability(counts.sum(axis=0).tolist(), confidence.tolist(), right.tolist())


def expected_calibration_error(probabilities: Any, ids: Any, *, bins: int = BINS) -> float:
    """Returns the distance between confidence and accuracy, averaged over the predictions.

    The sum over the bins of (count / N) · |accuracy - confidence|, as in Naeini et al. (2015) and
    Guo et al. (2017), section 2. It depends on the number of bins, and it is blind to errors that
    cancel inside a bin.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.
        bins: Integer ≥ 1. Number of bins of equal width. Defaults to 15, as in Guo et al. (2017).

    Returns:
        Float in [0, 1]; lower is better.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> expected_calibration_error([[0.75, 0.25], [0.75, 0.25]], [0, 1])
    0.25

    Reference:
        Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
        Binning", AAAI 2015. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
        arXiv:1706.04599.
    """
    return reliability(probabilities, ids, bins=bins).calibration_error


def _checked(probabilities, ids):
    probabilities, ids = np.asarray(probabilities, np.float64), np.asarray(ids)
    if probabilities.ndim != 2 or ids.shape != probabilities.shape[:1] or not ids.size:
        raise ValueError(
            "scores: `probabilities` must have the shape (N, K) and `ids` the shape (N,), N > 0. "
            f"Received: probabilities.shape={probabilities.shape}, ids.shape={ids.shape}"
        )
    if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= probabilities.shape[1]:
        raise ValueError(
            f"scores: `ids` must be integers from 0 to {probabilities.shape[1] - 1}. "
            f"Received: dtype {ids.dtype}, from {ids.min()} to {ids.max()}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError(
            "scores: rows of `probabilities` must be finite and sum to 1; a training that diverged "
            "gives others, and a lower learning rate may help. Received: "
            f"{(~np.isfinite(probabilities)).any(axis=1).sum()} rows with NaN or infinity"
        )
    # 1e-2 lets float16 and bfloat16 softmaxes pass and no logits.
    sums = probabilities.sum(axis=1)
    if not (np.abs(sums - 1.0).max() < 1e-2 and probabilities.min() >= 0.0):
        raise ValueError(
            "scores: rows of `probabilities` must be at least 0 and sum to 1; end the model with "
            f"a softmax. Received: values from {probabilities.min():.3g} to "
            f"{probabilities.max():.3g}, rows that sum to {sums.min():.3g}..{sums.max():.3g}"
        )
    return probabilities, ids
