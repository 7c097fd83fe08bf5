"""Metrics for mixed labels, of calibration, and for retrieval between two modalities."""

from keras_mix.metrics.aurc import AURC
from keras_mix.metrics.brier_score import BrierScore
from keras_mix.metrics.expected_calibration_error import ExpectedCalibrationError
from keras_mix.metrics.mixed_metric import MixedMetric
from keras_mix.metrics.negative_log_likelihood import NegativeLogLikelihood
from keras_mix.metrics.out_of_distribution_auroc import OutOfDistributionAUROC
from keras_mix.metrics.overconfidence_error import OverconfidenceError
from keras_mix.metrics.retrieval import RecallAtK, retrieval_recall
from keras_mix.metrics.signed_calibration_gap import SignedCalibrationGap

__all__ = [
    "AURC",
    "BrierScore",
    "ExpectedCalibrationError",
    "MixedMetric",
    "NegativeLogLikelihood",
    "OutOfDistributionAUROC",
    "OverconfidenceError",
    "RecallAtK",
    "SignedCalibrationGap",
    "retrieval_recall",
]


def __dir__():
    return __all__
