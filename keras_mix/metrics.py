"""Metrics for packed targets, and of retrieval from one modality by another."""

import keras
from keras import ops

from keras_mix import retrieval
from keras_mix.retrieval import RecallAtK, retrieval_recall

__all__ = ["MixedMetric", "RecallAtK", "retrieval_recall"]


@keras.saving.register_keras_serializable(package="keras_mix")
class MixedMetric(keras.metrics.Metric):
    """Any Keras metric of class ids, read against the dominant source of packed targets.

    A mixed sample counts as its source of the largest weight, so that training accuracy means
    something. Labels that are not packed go to the metric as they are.

    Args:
        metric: A `keras.metrics.Metric` that takes class ids, or its name, such as
            "sparse_categorical_accuracy".
        name: Defaults to the metric's own name.
        dtype: Defaults to the metric's own.

    Example:

    >>> accuracy = keras_mix.metrics.MixedMetric("sparse_categorical_accuracy")
    >>> packed = np.array([[[2, 0], [0.7, 0.3]]], "float32")
    >>> accuracy.update_state(packed, np.array([[0.2, 0.2, 0.6]], "float32"))
    >>> float(accuracy.result())
    1.0
    """

    def __init__(self, metric, name=None, dtype=None):
        metric = keras.metrics.get(metric)
        if not isinstance(metric, keras.metrics.Metric):
            metric = keras.metrics.MeanMetricWrapper(metric, name=metric.__name__)
        super().__init__(name=name or metric.name, dtype=dtype or metric.dtype)
        self.metric = metric

    def update_state(self, y_true, y_pred, sample_weight=None):
        if len(ops.shape(y_true)) == 3:
            y_true = retrieval.dominant(y_true)
        return self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self):
        return {**super().get_config(), "metric": keras.metrics.serialize(self.metric)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["metric"] = keras.metrics.deserialize(config["metric"])
        return cls(**config)
