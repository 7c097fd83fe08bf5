"""MixedMetric."""

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import hard_labels, packed


@keras.saving.register_keras_serializable(package="keras_mix")
class MixedMetric(keras.metrics.Metric):
    """Any Keras metric of classes, read against the dominant class of mixed labels.

    Keras's accuracies and AUC take labels of 0 and 1: a mixed label of 0.7 equals no prediction,
    so they come out low in training and not in validation. This wrapper measures both alike. How a
    mixed label is read depends on what the metric reads:

    - class ids: the class with the largest weight (of equal ones the first; of packed targets
      the sample's own).
    - one-hot labels (B, …, K): one-hot again, the class with the largest weight.
    - indicators, each 0 or 1: binary labels (B,) or (B, 1), several labels a sample (B, K): 1
      where the mixed label is above 0.5.
    - values: as they are.

    Labels come in any form: packed targets (B, 2, S), class ids, one-hot labels, indicators; they
    are converted to the form that the metric reads.

    Args:
        metric: A `keras.metrics.Metric`, its name, or a function of (y_true, y_pred).
            "accuracy" is binary for predictions (B,) and (B, 1), else of the largest prediction.
        name: Defaults to the metric's own name.
        dtype: Defaults to the metric's own.
        label_form: "class_ids", "one_hot", "indicators" or "values", the form in which the metric
            takes labels. Defaults to None: known for Keras's metrics. `keras.metrics.AUC`,
            `Precision` and their kin take indicators; `label_form="one_hot"` suits one-hot labels
            of mixers with more than two sources. Any other metric takes class ids, and needs
            `label_form` for labels of floats with the shape of the predictions.

    Raises:
        ValueError: If `label_form` is none of these; if it is not known and labels are floats with
            the shape of the predictions; and if packed targets have a dtype that cannot hold the
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

    def __init__(self, metric, *, name=None, dtype=None, label_form=None):
        checks.instance("MixedMetric", "metric", metric)
        metric, function = _built(metric, dtype)
        super().__init__(name=name or metric.name, dtype=dtype or metric.dtype)
        self.metric = metric
        self.label_form = (
            label_form
            if label_form is None
            else checks.choice("label_form", label_form, hard_labels.READS)
        )
        self._reads = self.label_form or hard_labels.read_by(metric, function)
        self._by_predictions = function is _accuracy and label_form is None

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        reads = self._reads
        if self._by_predictions:
            reads = "indicators" if packed.classes_of(y_pred) == 1 else "class_ids"
        y_true = hard_labels.hardened(self.name, y_true, y_pred, reads)
        return self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
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
    """The metric as an object, and the function that it is the mean of, if it is such a mean."""
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
    """What Keras takes "accuracy" for, of class ids or binary labels."""
    binary = packed.classes_of(y_pred) == 1
    function = "binary_accuracy" if binary else "sparse_categorical_accuracy"
    return getattr(keras.metrics, function)(y_true, y_pred)
