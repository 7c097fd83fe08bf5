"""BrierScore."""

from typing import Any

import keras

from keras_mix._core.ops import prediction_scores
from keras_mix.metrics._prediction_metric import PredictionMetric, one_group, weighted


@keras.saving.register_keras_serializable(package="keras_mix")
class BrierScore(PredictionMetric):
    """The mean squared distance between the probabilities and the one-hot truth.

    Summed over the classes, as Brier (1950) defined it: from 0 to 2. scikit-learn's
    `brier_score_loss` of two classes counts one of the two, which is half of this. Sums are exact
    integers, which neither saturate nor depend on the batches; the last bit of a sample's score is
    the backend's.

    The result is NaN before the first sample, and after a sample that was refused: compiled code
    cannot raise errors about values. A warning says why when the result is computed eagerly, as it
    is at the end of `evaluate` and of an epoch.

    Args:
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the metric. Defaults to `"brier_score"`.
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

    >>> metric = keras_mix.metrics.BrierScore()
    >>> metric.update_state([0, 1], np.array([[0.5, 0.5], [0.0, 1.0]]))
    >>> float(metric.result())
    0.25

    Reference:
        Brier, "Verification of Forecasts Expressed in Terms of Probability", Monthly Weather Review
        78 (1950).
    """

    def __init__(
        self,
        *,
        from_logits: bool = False,
        name: str = "brier_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def measured(self, rows):
        distance = prediction_scores.squared_distance(rows.probabilities, rows.ids)
        return one_group(rows), weighted(rows, distance)

    def score(self, sums):
        return (sums[1] / sums[0])[0]
