"""What one trained network is measured by: `Scores` of its probabilities, and the `Run`."""

import dataclasses
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mix.calibration import NoiseFloor, TemperatureScaling, noise_floor
from keras_mix.evaluate import scores
from keras_mix.evaluate.robust import Robustness

# Of the cross-fitting of temperatures. A run with fewer errors has a fold that holds all of them.
FOLDS = 5
LEAST_ERRORS = 2
_SPLIT_SEED = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scores:
    """The quality of the probabilities that a network gives to a set of samples.

    Attributes:
        nll: Float ≥ 0. The negative log-likelihood in nats.
        brier: Float in [0, 2]. The Brier score.
        ece: Float in [0, 1]. The expected calibration error in 15 bins of equal width.
        floor: A `keras_mix.calibration.NoiseFloor`: the ECE that a perfectly calibrated network
            with the same confidences would show on as many samples.
        ece_mass: Float in [0, 1]. The expected calibration error in 15 bins of equal mass.
        gap: Float in [-1, 1]. The signed calibration gap, mean confidence minus accuracy: above 0
            the network is over-confident.
        gap_error: Float ≥ 0. The standard error of `gap` over the samples: the larger of that of
            these predictions and that of calibrated ones, since without a single error the first
            says nothing.
        overconfidence: Float in [0, 1]. The over-confidence error.
        aurc: Float in [0, 1]. The area under the risk-coverage curve: low if errors have the lowest
            confidences.
        reliability: A `keras_mix.evaluate.Reliability` of 15 bins.
    """

    nll: float
    brier: float
    ece: float
    floor: NoiseFloor
    ece_mass: float
    gap: float
    gap_error: float
    overconfidence: float
    aurc: float
    reliability: scores.Reliability


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run(Scores):
    """One trained network, and the scores of its probabilities as it gives them.

    Besides the attributes of its scores, such as `nll` and `ece`:

    Attributes:
        mixer: String. The name of the mixer.
        seed: Integer. The seed of the initial weights, the order of the samples and the mixing.
        accuracy: Float in [0, 1].
        temperature: Float > 0. The temperature that minimizes the NLL of all samples: below 1 the
            network is under-confident. None if the samples cannot tell it: with fewer than two
            errors, without which the NLL falls as T falls to 0, or with one class.
        scaled: The scores of the same samples after temperature scaling, None like `temperature`.
            The samples are split in five folds, in proportion to classes and errors; the logits of
            each are divided by the temperature that minimizes the NLL of the four others, so that
            no sample is scored with a temperature fitted on it, and all of them are scored.
        seconds: Float. The wall time of `fit`, including tracing and compiling graphs.
        losses: List of floats. The training loss of each epoch, on mixed samples.
        robustness: A `keras_mix.evaluate.Robustness`, or None where it was not measured.
    """

    mixer: str
    seed: int
    accuracy: float
    temperature: float | None
    scaled: Scores | None
    seconds: float = 0.0
    losses: list = dataclasses.field(default_factory=list)
    robustness: Robustness | None = None

    @classmethod
    def of_predictions(
        cls,
        mixer: str,
        probabilities: Any,
        ids: Any,
        *,
        seed: int = 0,
        seconds: float = 0.0,
        losses: Sequence[float] = (),
        robustness: Robustness | None = None,
    ) -> "Run":
        """Returns the run of a network that has made these predictions.

        Args:
            mixer: String. Name of the mixer.
            probabilities: Float array `(N, K)`; each row sums to 1.
            ids: Integer array `(N,)`. True classes.
            seed: Integer. Seed of the run. Defaults to 0.
            seconds: Float. Training time. Defaults to 0.
            losses: Sequence of floats. Training losses. Defaults to ().
            robustness: `keras_mix.evaluate.Robustness`. Defaults to None: not measured.

        Raises:
            ValueError: If shapes, dtypes or values are not as above.

        Example:

        >>> run = Run.of_predictions("none", [[0.9, 0.1], [0.2, 0.8]] * 4, [0, 1] * 4)
        >>> run.accuracy, round(run.gap, 2)
        (1.0, -0.15)
        """
        accuracy = scores.accuracy(probabilities, ids)
        probabilities, ids = np.asarray(probabilities, np.float64), np.asarray(ids)
        scaled, temperature = cross_fitted(probabilities, ids)
        return cls(
            mixer=mixer,
            seed=seed,
            accuracy=accuracy,
            temperature=temperature,
            scaled=None if scaled is None else Scores(**_scores(scaled, ids)),
            seconds=seconds,
            losses=[float(loss) for loss in losses],
            robustness=robustness,
            **_scores(probabilities, ids),
        )


def folds(ids, right):
    """Returns int `(N,)`, the fold of each sample, with classes and errors in proportion.

    Args:
        ids: Integer array `(N,)`.
        right: Boolean array `(N,)`. Whether the prediction is right.
    """
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(ids))
    # Dealt out in turn after sorting, the numbers of each kind in two folds differ by 1 at most.
    order = order[np.lexsort((ids[order], right[order]))]
    fold = np.empty(len(ids), np.int64)
    fold[order] = np.arange(len(ids)) % FOLDS
    return fold


def cross_fitted(probabilities, ids):
    """Returns (probabilities after temperature scaling, temperature), see `Run.scaled`."""
    right = probabilities.argmax(axis=1) == ids
    fold = folds(ids, right)
    classes = min(len(np.unique(ids[fold != part])) for part in range(FOLDS))
    if np.sum(~right) < LEAST_ERRORS or classes < 2:
        return None, None
    scaled = np.empty_like(probabilities)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of predictions that say nothing: the NLL shows it
        for part in np.unique(fold):
            fitted = TemperatureScaling().fit(probabilities[fold != part], ids[fold != part])
            scaled[fold == part] = fitted.predict(probabilities[fold == part])
        return scaled, TemperatureScaling().fit(probabilities, ids).temperature


def _scores(probabilities, ids):
    diagram = scores.reliability(probabilities, ids)
    confidence = probabilities.max(axis=1)
    surplus = confidence - (probabilities.argmax(axis=1) == ids)
    # One sample has no variance of its own.
    variance = np.var(surplus, ddof=min(1, len(ids) - 1))
    variance = max(variance, np.mean(confidence * (1.0 - confidence)))
    return {
        "nll": scores.negative_log_likelihood(probabilities, ids),
        "brier": scores.brier(probabilities, ids),
        "ece": diagram.calibration_error,
        "floor": noise_floor(probabilities, bins=scores.BINS),
        "ece_mass": scores.expected_calibration_error(probabilities, ids, strategy="mass"),
        "gap": scores.signed_gap(probabilities, ids),
        "gap_error": math.sqrt(max(variance, 0.0) / len(ids)),
        "overconfidence": scores.overconfidence_error(probabilities, ids),
        "aurc": scores.aurc(probabilities, ids),
        "reliability": diagram,
    }
