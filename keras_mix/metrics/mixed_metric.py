"""MixedMetric."""

from collections.abc import Callable
from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import hard_labels, loss_reduction, packed_labels
from keras_mix._core.options import argument_errors


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class MixedMetric(keras.metrics.Metric):
    """Any Keras metric of classes, computed against the dominant class of mixed labels.

    Keras's binary accuracy, AUC, F1, precision and recall expect labels of 0 and 1. A mixed label
    of 0.7 equals no prediction, so their values in training come out too low, and cannot be
    compared with those in validation. (The categorical accuracy of one-hot labels compares with
    their largest entry, so it needs no wrapper.) This wrapper first turns mixed labels into hard
    ones, in the form that the metric takes:

    - class ids: the class with the largest weight. Of equal weights the first class counts, or for
      packed targets that of the sample itself.
    - one-hot labels `(B, …, K)`: the one-hot label of the class with the largest weight.
    - indicators, each 0 or 1, such as binary labels `(B,)` or `(B, 1)`, or multi-label targets
      `(B, K)`: 1 where the mixed label is above 0.5; for packed targets, at the class with the
      largest weight.
    - values: the mixed labels themselves; for packed targets one-hot `(B, K)`, or for one output
      the weighted mean of 0 and 1.

    Labels may have any form: packed targets `(B, 2, S)`, class ids, one-hot labels or indicators.
    They are converted to the form that the metric takes. Where it takes classes, a row of zeros,
    such as that of an ignored pixel in a soft mask, has none and does not count.

    Args:
        metric: `keras.metrics.Metric`, its name, or a function `(y_true, y_pred) -> (B,)`. The
            metric to compute. `"accuracy"` is binary accuracy for predictions `(B,)` and `(B, 1)`,
            else categorical accuracy.
        name: String. Name of the metric. Defaults to None: the name of `metric`.
        dtype: Dtype of the result. Defaults to None: the dtype of `metric`.
        label_form: `"class_ids"`, `"one_hot"`, `"indicators"` or `"values"`. The form in which the
            metric takes labels. With one-hot labels of more than two sources,
            `label_form="one_hot"` gives `keras.metrics.AUC`, `Precision` and similar metrics the
            class with the largest weight, which may be below 0.5. Defaults to None: the form that
            Keras's own metrics take, which is indicators for those just named; class ids for any
            other metric, which needs `label_form` if labels are floats with the shape of the
            predictions.

    Raises:
        ValueError: If `label_form` is none of these; if it is unknown and labels are floats with
            the shape of the predictions; or if the dtype of packed targets cannot represent the
            ids.

    Example:

    >>> accuracy = keras_mix.metrics.MixedMetric("sparse_categorical_accuracy")
    >>> packed = np.array([[[2, 0], [0.7, 0.3]]], "float32")
    >>> accuracy.update_state(packed, np.array([[0.2, 0.2, 0.6]], "float32"))
    >>> float(accuracy.result())
    1.0
    >>> auc = keras_mix.metrics.MixedMetric(keras.metrics.AUC())
    >>> auc.update_state(np.array([[0.8], [0.3]]), np.array([[0.9], [0.2]]))
    >>> float(auc.result())
    1.0
    """

    def __init__(
        self,
        metric: keras.metrics.Metric | str | Callable[[Any, Any], Any],
        *,
        name: str | None = None,
        dtype: Any = None,
        label_form: Literal["class_ids", "one_hot", "indicators", "values"] | None = None,
    ) -> None:
        checks.given("metric", checks.instance("MixedMetric", "metric", metric), '"accuracy"')
        metric, function = _built(metric, dtype)
        super().__init__(name=name or metric.name, dtype=dtype or metric.dtype)
        self.metric = metric
        self.label_form = (
            label_form
            if label_form is None
            else checks.choice("label_form", label_form, hard_labels.FORMS)
        )
        self._reads = self.label_form or hard_labels.form_of(metric, function)
        self._by_predictions = function is _accuracy and label_form is None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        reads = self._reads
        if self._by_predictions:
            reads = "indicators" if packed_labels.classes_of(y_pred) == 1 else "class_ids"
        counted = hard_labels.counted(y_true, y_pred, reads)
        y_true = hard_labels.hardened(self.name, y_true, y_pred, reads)
        if counted is not None:
            # Keras's IoU counts by integers.
            dtype = self.metric.dtype if sample_weight is None else "float32"
            counted = ops.cast(counted, dtype)
            sample_weight = loss_reduction.weights_of_counts(counted, sample_weight, "none")
        return self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self) -> Any:
        return self.metric.result()

    def reset_state(self) -> None:
        self.metric.reset_state()

    def get_config(self):
        metric = keras.metrics.serialize(self.metric)
        return {**super().get_config(), "metric": metric, "label_form": self.label_form}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["metric"] = keras.metrics.deserialize(config["metric"])
        return cls(**config)


def _built(metric, dtype):
    """The metric as an object, and the function that it averages or None."""
    if metric in ("accuracy", "acc"):
        return keras.metrics.MeanMetricWrapper(_accuracy, name=metric, dtype=dtype), _accuracy
    metric = keras.metrics.get(metric)
    if not isinstance(metric, keras.metrics.Metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        return keras.metrics.MeanMetricWrapper(metric, name=name, dtype=dtype), metric
    if dtype not in (None, metric.dtype):
        metric = type(metric).from_config({**metric.get_config(), "dtype": dtype})
    return metric, keras_compat.function_of(metric)


@keras.saving.register_keras_serializable(package="keras_mix")
def _accuracy(y_true, y_pred):
    """The accuracy that Keras selects for "accuracy", of class ids or binary labels."""
    binary = packed_labels.classes_of(y_pred) == 1
    function = "binary_accuracy" if binary else "sparse_categorical_accuracy"
    return getattr(keras.metrics, function)(y_true, y_pred)
