"""Measures the effect of mixing on a model: runs, scores, reports.

`compare` trains and scores, `write_report` writes the page, `draw` and `mixed_samples` show mixed
samples. The data sets and networks of the command `keras-mix` are in `datasets` and `networks`.
"""

from keras_mix.evaluate import datasets, mixers, networks
from keras_mix.evaluate.answer import Answer, Outcome, answer
from keras_mix.evaluate.compare import compare
from keras_mix.evaluate.report import write_report
from keras_mix.evaluate.results import Results, Score, Spread
from keras_mix.evaluate.robust import Robustness
from keras_mix.evaluate.run import Run, Scores
from keras_mix.evaluate.samples import Samples, draw, mixed_samples
from keras_mix.evaluate.score_model import score_model
from keras_mix.evaluate.scores import (
    Reliability,
    accuracy,
    aurc,
    auroc,
    brier,
    expected_calibration_error,
    negative_log_likelihood,
    overconfidence_error,
    reliability,
    signed_gap,
)

__all__ = [
    "Answer",
    "Outcome",
    "Reliability",
    "Results",
    "Robustness",
    "Run",
    "Samples",
    "Score",
    "Scores",
    "Spread",
    "accuracy",
    "answer",
    "aurc",
    "auroc",
    "brier",
    "compare",
    "datasets",
    "draw",
    "expected_calibration_error",
    "mixed_samples",
    "mixers",
    "negative_log_likelihood",
    "networks",
    "overconfidence_error",
    "reliability",
    "score_model",
    "signed_gap",
    "write_report",
]


def __dir__():
    return __all__
