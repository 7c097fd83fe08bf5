"""OverconfidenceError."""

from typing import Any

import keras

from keras_mix._core import checks
from keras_mix._core.ops import prediction_scores, score_tables
from keras_mix._core.options import argument_errors
from keras_mix.metrics._prediction_metric import PredictionMetric, weighted


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class OverconfidenceError(PredictionMetric):
    """The calibration error of over-confident bins, weighted by their confidence.

    The sum over bins of equal width of n/N · confidence · max(confidence - accuracy, 0), as in
    Thulasidasan et al. (2019): an under-confident network scores 0. The bins are those of
    `keras_mix.metrics.ExpectedCalibrationError`. Sums are exact integers, the same to the bit
    however the samples are batched.

    The result is NaN before the first sample, and after a sample that was refused: compiled code
    cannot raise errors about values. A warning says why when the result is computed eagerly, as it
    is at the end of `evaluate` and of an epoch.

    Args:
        bins: Integer ≥ 1. Number of bins of equal width. Defaults to 15.
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the metric. Defaults to `"overconfidence_error"`.
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

    >>> metric = keras_mix.metrics.OverconfidenceError()
    >>> metric.update_state([0, 1], np.array([[0.75, 0.25], [0.75, 0.25]]))
    >>> float(metric.result())
    0.1875

    Reference:
        Thulasidasan et al., "On Mixup Training: Improved Calibration and Predictive Uncertainty for
        Deep Neural Networks", NeurIPS 2019, arXiv:1905.11001, section 3.
    """

    columns = 3

    def __init__(
        self,
        bins: int = 15,
        *,
        from_logits: bool = False,
        name: str = "overconfidence_error",
        dtype: Any = None,
    ) -> None:
        self.bins = self.groups = checks.integer("bins", bins, low=1)
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def measured(self, rows):
        confidence = prediction_scores.confidence(rows.probabilities)
        hits = prediction_scores.hits(rows.probabilities, rows.ids)
        return score_tables.width_bins(confidence, self.bins), weighted(rows, confidence, hits)

    def score(self, sums):
        return score_tables.overconfidence(score_tables.Table(*sums))
