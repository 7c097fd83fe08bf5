"""Scores of trained networks on held-out samples, by the code that the package offers to all."""

import warnings

import numpy as np
from scipy.special import log_softmax

from keras_mix.calibration import TemperatureScaling, noise_floor
from keras_mix.evaluate import scores

FOLDS = 3  # of the held-out samples: each part is scaled by a temperature fitted on the others
SIMULATIONS = 50  # for the noise floor
# At this temperature or below, every held-out label was the most probable class.
UNDETERMINED = 0.0101


def of_logits(logits, ids, unseen_logits=None):
    """All scores of one network that need only its logits.

    Args:
        logits: Array `(N, K)`, for held-out samples.
        ids: Integers `(N,)`.
        unseen_logits: Array `(M, K)`, for samples of other classes; or None.

    Returns:
        Dict of floats.
    """
    with np.errstate(invalid="ignore"):  # Keras's `divide_no_nan` on NumPy
        return _of_logits(logits, ids, unseen_logits)


def _of_logits(logits, ids, unseen_logits):
    log_probabilities = log_softmax(np.asarray(logits, np.float64), axis=1)
    probabilities = np.exp(log_probabilities)
    with warnings.catch_warnings():
        # Counted as "undetermined" instead.
        warnings.filterwarnings("ignore", message="TemperatureScaling")
        scaled, temperatures = _scaled(log_probabilities, ids)
    found = {
        "accuracy": scores.accuracy(probabilities, ids),
        "nll": _nll(log_probabilities, ids),
        "nll_t": _nll(scaled, ids),
        "temperature": float(np.exp(np.mean(np.log(temperatures)))),
        "undetermined": float(np.mean(np.array(temperatures) < UNDETERMINED)),
        "ece": scores.expected_calibration_error(probabilities, ids),
        "floor": noise_floor(probabilities, simulations=SIMULATIONS).mean,
        "ece_mass": scores.expected_calibration_error(probabilities, ids, strategy="mass"),
        "gap": scores.signed_gap(probabilities, ids),
        "brier": scores.brier(probabilities, ids),
    }
    if unseen_logits is not None:
        outside = np.exp(log_softmax(np.asarray(unseen_logits, np.float64), axis=1))
        found["auroc"] = scores.auroc(probabilities.max(axis=1), outside.max(axis=1))
    return found


def _nll(log_probabilities, ids):
    # By the logarithms: a network trained long gives probabilities that round to 0.
    return float(-np.mean(log_probabilities[np.arange(len(ids)), ids]))


def _scaled(log_probabilities, ids):
    """Log-probabilities after temperature scaling, and the temperature of each fold."""
    fold = np.arange(len(ids)) % FOLDS
    scaled, temperatures = np.empty_like(log_probabilities), []
    for part in range(FOLDS):
        scaling = TemperatureScaling(from_logits=True)
        scaling.fit(log_probabilities[fold != part], ids[fold != part])
        temperatures.append(scaling.temperature)
        scaled[fold == part] = log_probabilities[fold == part] / temperatures[-1]
    return log_softmax(scaled, axis=1), temperatures
