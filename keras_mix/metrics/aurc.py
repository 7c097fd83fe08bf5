"""AURC: the area under the risk-coverage curve."""

from typing import Any

import keras

from keras_mix._core.ops import confidence_cells, prediction_scores, score_tables
from keras_mix.metrics._prediction_metric import PredictionMetric, weighted


@keras.saving.register_keras_serializable(package="keras_mix")
class AURC(PredictionMetric):
    """The area under the risk-coverage curve: the error rate while abstaining when unsure.

    The mean over the predictions of the error rate among those at least as confident (Geifman et
    al.). It measures accuracy and the ranking by confidence together; no temperature of two classes
    changes it. Equal confidences share one threshold, so their order means nothing.

    Confidences are kept in 5,953 cells, 2^-12 wide or less, and narrower near 0 and 1, as in
    `keras_mix.metrics.ExpectedCalibrationError`. Those of one cell count as equal;
    `keras_mix.evaluate.aurc` is exact. Sums are exact integers, the same to the bit however the
    samples are batched.

    The result is NaN before the first sample, and after a sample that was refused: compiled code
    cannot raise errors about values. A warning says why when the result is computed eagerly, as it
    is at the end of `evaluate` and of an epoch.

    Args:
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the metric. Defaults to `"aurc"`.
        dtype: Dtype of the result. Defaults to None: Keras's default. Scores are computed in
            float32.

    Call arguments:
        y_true: Class ids `(B,)` or `(B, 1)`; one-hot or mixed labels `(B, K)`, of which the largest
            counts, or packed targets `(B, 2, S)`, of which the dominant source counts, as in
            `keras_mix.metrics.MixedMetric`; for one sigmoid unit labels from 0 to 1, of which those
            above 0.5 are 1.
        y_pred: Predictions `(B, K)`, or `(B, 1)` or `(B,)` of one sigmoid unit, which stands for
            the two classes 1 - p and p.
        sample_weight: Floats from 0 to 2^24, `(B,)`. Defaults to None.

    Attributes:
        refused: How many samples were refused: `nan_predictions`, `not_probabilities` (negative, or
            a sum that is not 1), `bad_labels` and `bad_weights`. Samples of weight 0 are not
            looked at.

    Raises:
        ValueError: If an argument is out of range, or labels and predictions have other shapes.

    Example:

    >>> metric = keras_mix.metrics.AURC()
    >>> metric.update_state([0, 1], np.array([[0.9, 0.1], [0.6, 0.4]]))
    >>> float(metric.result())
    0.25

    Reference:
        Geifman, Uziel and El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural
        Classifiers", ICLR 2019, arXiv:1805.08206, section 3.
    """

    groups = confidence_cells.COUNT

    def __init__(self, *, from_logits: bool = False, name: str = "aurc", dtype: Any = None) -> None:
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def measured(self, rows):
        confidence = prediction_scores.confidence(rows.probabilities)
        errors = 1.0 - prediction_scores.hits(rows.probabilities, rows.ids)
        return confidence_cells.index(confidence), weighted(rows, errors)

    def score(self, sums):
        return score_tables.aurc(*sums)
