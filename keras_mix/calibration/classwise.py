"""The calibration of each class."""

from typing import Any, Literal, NamedTuple

import numpy as np
from keras import ops

from keras_mix._core.ops import score_tables
from keras_mix._core.ops.calibration_tables import binned
from keras_mix._core.options import argument_errors
from keras_mix._core.predictions import checked
from keras_mix.calibration.noise_floor import NoiseFloor, noise_floor


class ClassCalibration(NamedTuple):
    """The predictions of one class.

    Attributes:
        count: Integer. The number of samples that are predicted as this class.
        true_count: Integer. The number of samples of this class.
        accuracy: Float in [0, 1]. How often a prediction of this class is right.
        confidence: Float in [0, 1]. The mean probability of these predictions.
        gap: Float in [-1, 1]. Confidence - accuracy: above 0 over-confident.
        calibration_error: Float in [0, 1]. The expected calibration error of these predictions.
        floor: A `NoiseFloor`, the calibration error that is chance.
    """

    count: int  # type: ignore[assignment]  # A name that tuples have as well.
    true_count: int
    accuracy: float
    confidence: float
    gap: float
    calibration_error: float
    floor: NoiseFloor


def classwise(
    probabilities: Any,
    ids: Any,
    *,
    bins: int = 15,
    strategy: Literal["width", "mass"] = "width",
    simulations: int = 200,
    seed: int = 0,
) -> list[ClassCalibration]:
    """Returns accuracy, confidence and calibration error of each class.

    The samples are grouped by the class that is predicted, so a perfectly calibrated predictor has
    no gap in expectation. Grouped by the true class it would have one: rare classes are recognized
    less often than their predictions say.

    Args:
        probabilities: Float array `(N, K)`; each row sums to 1.
        ids: Integer array `(N,)`. True classes.
        bins: Integer ≥ 1. Number of bins. Defaults to 15.
        strategy: `"width"` or `"mass"`, as in `keras_mix.evaluate.expected_calibration_error`.
            Defaults to `"width"`.
        simulations: Integer ≥ 1. Number of draws of each noise floor. Defaults to 200.
        seed: Integer ≥ 0. Seed of the draws. Defaults to 0.

    Returns:
        List of K `ClassCalibration`. The scores of a class that is never predicted are NaN.

    Raises:
        ValueError: If shapes, dtypes or values are not as above.

    Example:

    >>> first, second = keras_mix.calibration.classwise([[0.9, 0.1], [0.7, 0.3]], [0, 1])
    >>> first.count, first.accuracy, round(first.gap, 2), second.count
    (2, 0.5, 0.3, 0)
    """
    with argument_errors.of("classwise"):
        probabilities, ids = checked("classwise", probabilities, ids)
        predicted = probabilities.argmax(axis=1)
        options = {"bins": bins, "strategy": strategy}
        return [
            _of_class(
                probabilities[predicted == label],
                ids[predicted == label],
                true_count=int((ids == label).sum()),
                options=options,
                draws={"simulations": simulations, "seed": seed},
            )
            for label in range(probabilities.shape[1])
        ]


def _of_class(probabilities, ids, *, true_count, options, draws):
    """The `ClassCalibration` of the predictions of one class."""
    if not ids.size:
        nan = float("nan")
        return ClassCalibration(0, true_count, nan, nan, nan, nan, NoiseFloor(nan, nan, nan))
    table = binned(probabilities, ids, **options)
    confidence, accuracy = (float(np.sum(sums)) / ids.size for sums in table[1:])
    tensors = score_tables.Table(*map(ops.convert_to_tensor, table))
    return ClassCalibration(
        count=int(ids.size),
        true_count=true_count,
        accuracy=accuracy,
        confidence=confidence,
        gap=confidence - accuracy,
        calibration_error=float(
            ops.convert_to_numpy(score_tables.calibration_error(tensors, norm=1))
        ),
        floor=noise_floor(probabilities, **options, **draws),
    )
