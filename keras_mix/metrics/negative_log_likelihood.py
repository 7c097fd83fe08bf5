"""NegativeLogLikelihood."""

from typing import Any

import keras

from keras_mix._core.ops import prediction_scores
from keras_mix.metrics._prediction_metric import PredictionMetric, one_group, weighted


@keras.saving.register_keras_serializable(package="keras_mix")
class NegativeLogLikelihood(PredictionMetric):
    """The mean of -log(probability of the true class), in nats.

    The class counts that labels name, without smoothing and, of mixed labels, the dominant one: so
    it can be compared in training and validation, where `keras.metrics.CategoricalCrossentropy`
    measures mixed labels. Probabilities are floored at float32's smallest normal number, 1.2e-38,
    so the largest loss is 87.3. Sums are exact integers, which neither saturate nor depend on the
    batches; the last bit of a sample's logarithm is the backend's.

    The result is NaN before the first sample, and after a sample that was refused: compiled code
    cannot raise errors about values. A warning says why when the result is computed eagerly, as it
    is at the end of `evaluate` and of an epoch.

    Args:
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the metric. Defaults to `"negative_log_likelihood"`.
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

    >>> metric = keras_mix.metrics.NegativeLogLikelihood()
    >>> metric.update_state([0, 1], np.array([[0.5, 0.5], [0.5, 0.5]]))
    >>> round(float(metric.result()), 4)
    0.6931
    """

    def __init__(
        self,
        *,
        from_logits: bool = False,
        name: str = "negative_log_likelihood",
        dtype: Any = None,
    ) -> None:
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def measured(self, rows):
        return one_group(rows), weighted(rows, prediction_scores.log_loss(rows.logs, rows.ids))

    def score(self, sums):
        return (sums[1] / sums[0])[0]
