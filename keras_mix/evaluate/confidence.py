"""Is a network over- or under-confident, beyond what the number of samples and runs leaves open?"""

import enum
import math
from typing import NamedTuple

from keras_mix.evaluate import verdict

# From a standard error over the samples to half a 95 % interval.
_NORMAL = 1.96


class State(enum.Enum):
    """What the numbers say about a network's confidence."""

    OVER = "over-confident"
    UNDER = "under-confident"
    # The gap may be 0, but single bins are further off than chance puts them.
    UNEVEN = "unevenly calibrated"
    CALIBRATED = "calibrated"


class Confidence(NamedTuple):
    """The confidence of the runs of a mixer, or after temperature scaling.

    Attributes:
        gap: Float. Mean confidence minus accuracy, the mean over the runs.
        margin: Float. Half the width of its 95 % interval.
        ece: Float. The expected calibration error, the mean over the runs.
        floor: Float. Its mean noise floor.
        ceiling: Float. The upper end of the noise floor's interval: up to here an ECE is one that
            perfectly calibrated networks show as well.
    """

    gap: float
    margin: float
    ece: float
    floor: float
    ceiling: float

    @property
    def state(self):
        """The `State`, decided by the gap first: unlike the ECE it has no bias."""
        if abs(self.gap) > self.margin:
            return State.OVER if self.gap > 0 else State.UNDER
        return State.UNEVEN if self.ece > self.ceiling else State.CALIBRATED


def confidence(runs):
    """Returns the `Confidence` of a list of `keras_mix.evaluate.Scores`.

    The interval of the gap covers the choice of samples, which all runs share, and with two or more
    runs the randomness of training as well (t quantile): the margins of both, added in quadrature.
    """
    count = len(runs)
    gap = _mean([run.gap for run in runs])
    margin = _NORMAL * _mean([run.gap_error for run in runs])
    if count > 1:
        variance = math.fsum((run.gap - gap) ** 2 for run in runs) / (count - 1)
        margin = math.hypot(margin, verdict.quantile(count) * math.sqrt(variance / count))
    return Confidence(
        gap,
        margin,
        _mean([run.ece for run in runs]),
        _mean([run.floor.mean for run in runs]),
        _mean([run.floor.high for run in runs]),
    )


def _mean(values):
    return math.fsum(values) / len(values)
