"""Metrics for mixed labels, and for retrieval between two modalities."""

from keras_mix.metrics.mixed_metric import MixedMetric
from keras_mix.metrics.retrieval import RecallAtK, retrieval_recall

__all__ = ["MixedMetric", "RecallAtK", "retrieval_recall"]


def __dir__():
    return __all__
