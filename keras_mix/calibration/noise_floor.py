"""The calibration error that a perfectly calibrated predictor has by chance."""

from typing import Any, Literal, NamedTuple

import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import score_tables
from keras_mix._core.ops.calibration_tables import Binning, claims
from keras_mix._core.options import argument_errors
from keras_mix._core.predictions import checked_probabilities


class NoiseFloor(NamedTuple):
    """Calibration errors of a perfectly calibrated predictor, by simulation.

    Attributes:
        mean: Float. The mean over the simulations.
        low: Float. Their 2.5 % quantile.
        high: Float. Their 97.5 % quantile: a calibration error above it is not chance.
    """

    mean: float
    low: float
    high: float


def noise_floor(
    probabilities: Any,
    *,
    bins: int = 15,
    strategy: Literal["width", "mass"] = "width",
    over: Literal["top", "classes"] = "top",
    norm: Literal[1, 2, "max"] = 1,
    simulations: int = 200,
    seed: int = 0,
) -> NoiseFloor:
    """Returns the calibration error to be expected if these probabilities were exactly right.

    A calibration error is a mean of absolute values, so it is above 0 even for a perfect predictor:
    with 15 bins and 360 samples it is typically 3 to 6 %. Here the true classes are drawn from the
    predicted probabilities themselves, again and again, and the error is computed for each draw. An
    error below `high` does not tell the predictor from a perfectly calibrated one. It is the
    consistency resampling of Bröcker and Smith (2007), applied to the calibration error.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        bins: Integer ≥ 1. Number of bins. Defaults to 15.
        strategy: `"width"` or `"mass"`, as in `keras_mix.evaluate.expected_calibration_error`.
            Defaults to `"width"`.
        over: `"top"` or `"classes"`, likewise. Defaults to `"top"`.
        norm: 1, 2 or `"max"`, likewise. Defaults to 1.
        simulations: Integer ≥ 1. Number of draws. Defaults to 200.
        seed: Integer ≥ 0. Seed of the draws. Defaults to 0.

    Returns:
        A `NoiseFloor` of the mean, the 2.5 % and the 97.5 % quantile.

    Raises:
        ValueError: If the probabilities are not as above, or an argument is out of range.

    Example:

    >>> probabilities = np.random.default_rng(0).dirichlet([0.3] * 10, size=360)
    >>> floor = keras_mix.calibration.noise_floor(probabilities)
    >>> 0.02 < floor.low < floor.mean < floor.high < 0.1
    True

    Reference:
        Bröcker and Smith, "Increasing the Reliability of Reliability Diagrams", Weather and
        Forecasting 22 (2007).
    """
    with argument_errors.of("noise_floor"):
        checks.choice("norm", norm, score_tables.NORMS)
        checks.integer("simulations", simulations, low=1)
        rng = np.random.default_rng(checks.integer("seed", seed, low=0))
        probabilities = checked_probabilities("noise_floor", probabilities)
        claimed = claims(probabilities, over)
        binnings = [Binning(confidence, bins, strategy) for confidence in claimed.T]
    hits = np.stack(
        [
            np.concatenate([b.sums(true) for b, true in zip(binnings, truth.T, strict=True)])
            for truth in _truths(rng, claimed, simulations)
        ]
    )
    mass = np.concatenate([binning.mass for binning in binnings])
    confidence = np.concatenate([binning.confidence for binning in binnings])
    table = score_tables.Table(*map(ops.convert_to_tensor, (mass, confidence, hits)))
    errors = ops.convert_to_numpy(score_tables.calibration_error(table, norm))
    low, high = np.quantile(errors, [0.025, 0.975])
    return NoiseFloor(float(errors.mean()), float(low), float(high))


def _truths(rng, claimed, simulations):
    """Draws, again and again, which claims are true; of K classes exactly one for each sample."""
    upper = np.cumsum(claimed, axis=1)
    if claimed.shape[1] > 1:
        upper /= upper[:, -1:]
    for _ in range(simulations):
        below = rng.random((len(claimed), 1)) < upper
        below[:, 1:] &= ~below[:, :-1]
        yield below
