"""ExpectedCalibrationError."""

from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import confidence_cells, prediction_scores, score_tables
from keras_mix._core.options import argument_errors
from keras_mix.metrics._prediction_metric import PredictionMetric, weighted


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class ExpectedCalibrationError(PredictionMetric):
    """The distance between confidence and accuracy, averaged over bins of predictions.

    The sum over the bins of n/N · |accuracy - confidence|, where both are means over a bin. Bin m
    of M, counted from 1, holds confidences in ((m - 1)/M, m/M], as in Guo et al.; a confidence of 0
    is in the first. It is above 0 even for a perfectly calibrated predictor: read it beside
    `keras_mix.calibration.noise_floor` and `keras_mix.metrics.SignedCalibrationGap`.

    Papers and libraries mean different things by its names. The defaults are Guo's ECE.
    torchmetrics' `MulticlassCalibrationError` has bins [a, b), gives a confidence of exactly 1 a
    bin of its own, and is equal away from edges and 1; its binary variant bins the probability of
    the positive class, here `over="classes"`. `over="classes"` is the static calibration error
    (SCE) of Nixon et al., and with `strategy="mass"` their adaptive calibration error (ACE);
    netcal's "ACE" is the average calibration error instead, which weights all bins equally.
    `norm="max"` is the maximum calibration error (MCE), and `norm=2` the root of the mean square.

    Bins of equal mass need the order of all confidences, which a stream cannot keep. They are
    formed from 5,953 cells, 2^-12 wide or less, and narrower near 0 and 1: above 1 - 2^-17 each
    float32 has its own. The means of a cell are exact. A cell that an edge between bins falls in is
    shared by the bins in proportion, as equal confidences are. So with `norm=1` the result differs
    from `keras_mix.evaluate.expected_calibration_error` by no more than the fraction of samples in
    the cells with an edge. Sums are exact integers, the same to the bit however the samples are
    batched.

    The result is NaN before the first sample, and after a sample that was refused: compiled code
    cannot raise errors about values. A warning says why when the result is computed eagerly, as it
    is at the end of `evaluate` and of an epoch.

    Args:
        bins: Integer ≥ 1. Number of bins. Defaults to 15 (Guo et al.).
        strategy: `"width"` or `"mass"`. Bins of equal width, or of equal numbers of predictions.
            Defaults to `"width"`.
        over: `"top"` or `"classes"`. The probability of the most probable class against how often
            it is right; or each class's probability against how often it is true, averaged over
            the classes. The state is K times as large then, and with `strategy="mass"` 0.9 MB for
            each class on TensorFlow. Defaults to `"top"`.
        norm: 1, 2 or `"max"`. The mean distance, the root of the mean squared distance, or the
            largest one in any bin. Defaults to 1.
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the metric. Defaults to `"expected_calibration_error"`.
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

    >>> metric = keras_mix.metrics.ExpectedCalibrationError()
    >>> metric.update_state([0, 1], np.array([[0.75, 0.25], [0.75, 0.25]]))
    >>> float(metric.result())
    0.25

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599,
        section 2. Nixon et al., "Measuring Calibration in Deep Learning", 2019, arXiv:1904.01685,
        section 3.
    """

    columns = 3

    def __init__(
        self,
        bins: int = 15,
        *,
        strategy: Literal["width", "mass"] = "width",
        over: Literal["top", "classes"] = "top",
        norm: Literal[1, 2, "max"] = 1,
        from_logits: bool = False,
        name: str = "expected_calibration_error",
        dtype: Any = None,
    ) -> None:
        self.bins = checks.integer("bins", bins, low=1)
        self.strategy = checks.choice("strategy", strategy, score_tables.STRATEGIES)
        self.over = checks.choice("over", over, score_tables.OVER)
        self.norm = checks.choice("norm", norm, score_tables.NORMS)
        self._cells = bins if strategy == "width" else confidence_cells.COUNT
        # The number of classes is that of the first batch.
        self.groups = self._cells if over == "top" else None
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def measured(self, rows):
        probabilities = rows.probabilities
        if self.over == "top":
            confidence = prediction_scores.confidence(probabilities)
            hits = prediction_scores.hits(probabilities, rows.ids)
            return self._cell(confidence), weighted(rows, confidence, hits)
        classes = probabilities.shape[-1]
        if self._sums is None:
            self.make_sums(self._cells * classes)
        index = self._cell(probabilities) + self._cells * ops.arange(classes, dtype="int32")
        one_hot = prediction_scores.one_hot(probabilities, rows.ids)
        weights = rows.weights[:, None] * ops.ones_like(probabilities)
        values = ops.stack([weights, weights * probabilities, weights * one_hot], axis=-1)
        return ops.reshape(index, [-1]), ops.reshape(values, [-1, self.columns])

    def score(self, sums):
        table = score_tables.Table(*(ops.reshape(column, [-1, self._cells]) for column in sums))
        if self.strategy == "mass":
            table = score_tables.mass_bins(table, self.bins)
        table = score_tables.Table(*(ops.reshape(column, [-1]) for column in table))
        return score_tables.calibration_error(table, self.norm)

    def _cell(self, confidence):
        if self.strategy == "width":
            return score_tables.width_bins(confidence, self.bins)
        return confidence_cells.index(confidence)
