"""OutOfDistributionAUROC."""

from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import (
    confidence_cells,
    labeled_predictions,
    prediction_scores,
    score_tables,
)
from keras_mix._core.options import argument_errors
from keras_mix.metrics._prediction_metric import PredictionMetric


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class OutOfDistributionAUROC(PredictionMetric):
    """How often a sample from the distribution is predicted with more certainty than an outlier.

    The area under the ROC curve of the network's certainty as a detector of unfamiliar samples
    (Hendrycks and Gimpel); 0.5 is chance. Evaluate it on samples of the test set and of another
    data set, whose labels say which of them are from the distribution. Plain MixUp lowers it (Pinto
    et al.), since it makes all predictions less certain.

    Certainties are kept in 5,953 cells, 2^-12 wide or less, and narrower near 0 and 1, as in
    `keras_mix.metrics.ExpectedCalibrationError`. Those of one cell count as equal, one half, so the
    result is off by at most half the product of the two fractions in a cell, summed over the cells;
    `keras_mix.evaluate.auroc` is exact. Sums are exact integers, the same to the bit however the
    samples are batched.

    The result is NaN before the first sample, and after a sample that was refused: compiled code
    cannot raise errors about values. A warning says why when the result is computed eagerly, as it
    is at the end of `evaluate` and of an epoch.

    Args:
        by: `"max_probability"` or `"entropy"`. What certainty is: the largest probability, or the
            negative entropy. Defaults to `"max_probability"` (Hendrycks and Gimpel).
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the metric. Defaults to `"out_of_distribution_auroc"`.
        dtype: Dtype of the result. Defaults to None: Keras's default. Scores are computed in
            float32.

    Call arguments:
        y_true: `(B,)` or `(B, 1)`, 1 or True for samples from the distribution, 0 for outliers.
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

    >>> metric = keras_mix.metrics.OutOfDistributionAUROC()
    >>> predictions = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    >>> metric.update_state([1, 1, 0], predictions)
    >>> float(metric.result())
    1.0

    Reference:
        Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
        Examples in Neural Networks", ICLR 2017, arXiv:1610.02136, section 2. Pinto et al.,
        "RegMixup", NeurIPS 2022, arXiv:2206.14502, abstract.
    """

    groups = confidence_cells.COUNT
    read_labels = staticmethod(labeled_predictions.indicators)

    def __init__(
        self,
        by: Literal["max_probability", "entropy"] = "max_probability",
        *,
        from_logits: bool = False,
        name: str = "out_of_distribution_auroc",
        dtype: Any = None,
    ) -> None:
        self.by = checks.choice("by", by, prediction_scores.CERTAINTIES)
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def measured(self, rows):
        inside = ops.cast(rows.ids, "float32")
        certainty = prediction_scores.certainty(rows.probabilities, self.by)
        values = ops.stack([inside, 1.0 - inside], axis=-1) * rows.weights[:, None]
        return confidence_cells.index(certainty), values

    def counted(self, sums):
        return ops.logical_and(ops.sum(sums[0]) > 0, ops.sum(sums[1]) > 0)

    def score(self, sums):
        return score_tables.auroc(*sums)
