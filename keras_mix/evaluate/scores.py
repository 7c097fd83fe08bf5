"""Scores of predicted probabilities: accuracy, likelihood, Brier score, calibration, ranking.

The numpy face of what `keras_mix.metrics` computes, for whole sets in memory: without sample
weights, in float64 where the backend of Keras has it. N predictions over K classes are an array
`probabilities` of shape (N, K) whose rows sum to 1; the truth is an array `ids` of N integers in
0..K-1.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import logits, prediction_scores, score_tables
from keras_mix._core.ops.calibration_tables import binned
from keras_mix._core.options import argument_errors
from keras_mix._core.predictions import checked

BINS = 15


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
        counts, *means = (np.asarray(values, np.float64) for values in self)
        sums = score_tables.Table(counts, *(counts * values for values in means))
        return _number(score_tables.calibration_error(_tensors(sums), 1))


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
    return _mean(prediction_scores.hits, probabilities, ids)


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
    return _mean(_log_loss, probabilities, ids)


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
    return _mean(prediction_scores.squared_distance, probabilities, ids)


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
    with argument_errors.of("scores"):
        table = binned(*checked("scores", probabilities, ids), bins=bins)
    filled = np.maximum(table.mass, 1)
    return Reliability(
        table.mass.astype(int).tolist(),
        (table.confidence / filled).tolist(),
        (table.hits / filled).tolist(),
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


def expected_calibration_error(
    probabilities: Any,
    ids: Any,
    *,
    bins: int = BINS,
    strategy: Literal["width", "mass"] = "width",
    over: Literal["top", "classes"] = "top",
    norm: Literal[1, 2, "max"] = 1,
) -> float:
    """Returns the distance between confidence and accuracy, averaged over the predictions.

    The sum over the bins of (count / N) · |accuracy - confidence|, as in Naeini et al. (2015) and
    Guo et al. (2017), section 2. It depends on the number of bins, and it is blind to errors that
    cancel inside a bin. It is above 0 even for a perfectly calibrated predictor:
    `keras_mix.calibration.noise_floor` says by how much. Other definitions and the names they go by
    are told apart in `keras_mix.metrics.ExpectedCalibrationError`.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.
        bins: Integer ≥ 1. Number of bins. Defaults to 15, as in Guo et al. (2017).
        strategy: `"width"` or `"mass"`. Bins of equal width, ((m - 1) / M, m / M]; or of equal
            numbers of predictions, where equal confidences are shared by the bins in proportion.
            Defaults to `"width"`.
        over: `"top"` or `"classes"`. The probability of the most probable class against how often
            it is the true one; or each class's probability against how often it is true, averaged
            over the classes. Defaults to `"top"`.
        norm: 1, 2 or `"max"`. The mean distance, the root of the mean squared distance, or the
            largest one in any bin. Defaults to 1.

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
    with argument_errors.of("scores"):
        checks.choice("norm", norm, score_tables.NORMS)
        probabilities, ids = checked("scores", probabilities, ids)
        table = binned(probabilities, ids, bins=bins, strategy=strategy, over=over)
    return _number(score_tables.calibration_error(_tensors(table), norm))


def signed_gap(probabilities: Any, ids: Any) -> float:
    """Returns the mean confidence minus the accuracy.

    Above 0 the predictor is over-confident, below 0 under-confident. Unlike the calibration error,
    it has no bins, and its expectation is 0 for a perfectly calibrated predictor.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.

    Returns:
        Float in [-1, 1]; 0 is best.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> signed_gap([[0.75, 0.25], [0.75, 0.25]], [0, 1])
    0.25
    """
    table = binned(*checked("scores", probabilities, ids), bins=1)
    return float((table.confidence[0] - table.hits[0]) / table.mass[0])


def overconfidence_error(probabilities: Any, ids: Any, *, bins: int = BINS) -> float:
    """Returns the calibration error of over-confident bins, weighted by their confidence.

    The sum over the bins of (count / N) · confidence · max(confidence - accuracy, 0), as in
    Thulasidasan et al. (2019), section 3.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.
        bins: Integer ≥ 1. Number of bins of equal width. Defaults to 15.

    Returns:
        Float in [0, 1]; lower is better.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> overconfidence_error([[0.75, 0.25], [0.75, 0.25]], [0, 1])
    0.1875

    Reference:
        Thulasidasan et al., "On Mixup Training: Improved Calibration and Predictive Uncertainty for
        Deep Neural Networks", NeurIPS 2019, arXiv:1905.11001, section 3.
    """
    with argument_errors.of("scores"):
        table = binned(*checked("scores", probabilities, ids), bins=bins)
    return _number(score_tables.overconfidence(_tensors(table)))


def auroc(inside: Any, outside: Any) -> float:
    """Returns how often an in-distribution sample has a higher score than an outlier.

    The area under the ROC curve; equal scores count one half.

    Args:
        inside: Float array `(N,)`. Scores of in-distribution samples, higher for more certain ones,
            such as the largest probability.
        outside: Float array `(M,)`. Scores of out-of-distribution samples.

    Returns:
        Float in [0, 1]; higher is better, 0.5 is chance.

    Raises:
        ValueError: If one of the arrays is empty, has another shape or is not finite.

    Example:

    >>> auroc([0.9, 0.8], [0.3, 0.8])
    0.875
    """
    inside, outside = _scores("inside", inside), _scores("outside", outside)
    _, index = np.unique(np.concatenate([inside, outside]), return_inverse=True)
    parts = np.split(index, [inside.size])
    masses = [np.bincount(part, minlength=index.max() + 1).astype(np.float64) for part in parts]
    return _number(score_tables.auroc(*_tensors(masses)))


def aurc(probabilities: Any, ids: Any) -> float:
    """Returns the area under the risk-coverage curve: the error rate while abstaining.

    The mean over the predictions of the error rate among those that are at least as confident, as
    in Geifman et al. (2019), section 3. Equal confidences share one threshold. It measures accuracy
    and the ranking by confidence together; a rescaling that keeps the order does not change it.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.

    Returns:
        Float in [0, 1]; lower is better.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> aurc([[0.9, 0.1], [0.6, 0.4]], [0, 1])
    0.25

    Reference:
        Geifman, Uziel and El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural
        Classifiers", ICLR 2019, arXiv:1805.08206, section 3.
    """
    table = binned(*checked("scores", probabilities, ids), bins=None)
    return _number(score_tables.aurc(*_tensors([table.mass, table.mass - table.hits])))


def _log_loss(probabilities, ids):
    return prediction_scores.log_loss(logits.of_classes(probabilities, False), ids)


def _mean(of_each, probabilities, ids):
    probabilities, ids = _tensors(checked("scores", probabilities, ids))
    return float(np.mean(ops.convert_to_numpy(of_each(probabilities, ids)), dtype=np.float64))


def _tensors(arrays):
    """The tensors of arrays, in a structure of the same type."""
    made = [ops.convert_to_tensor(np.asarray(array)) for array in arrays]
    return type(arrays)(*made) if hasattr(arrays, "_fields") else made


def _number(tensor):
    return float(ops.convert_to_numpy(tensor))


def _scores(name, values):
    """Float64 `(N,)`; refuses others."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size:
        checks.reject("scores", name, "must have the shape (N,), N > 0", f"shape {values.shape}")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        checks.reject("scores", name, "must be finite", f"{bad} of {values.size} NaN or infinite")
    return values
