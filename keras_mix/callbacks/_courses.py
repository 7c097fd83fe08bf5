"""How a value changes in the course of training: ramps, phases and durations."""

import functools
import math
import numbers
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_mix._core import checks, concentration


class Span(NamedTuple):
    """The length of training, in ticks; at each tick a schedule sets its values.

    Attributes:
        epochs: The number of epochs.
        ticks_per_epoch: 1, or the number of steps in an epoch if values change at each step.
    """

    epochs: int
    ticks_per_epoch: int = 1

    @property
    def ticks(self):
        """The number of ticks in all."""
        return self.epochs * self.ticks_per_epoch

    def epochs_of(self, duration):
        """The number of epochs that a duration lasts."""
        # Not Python's `round`, by which half of 1, 5 and 9 epochs were 0, 2 and 4.
        return math.floor(duration * self.epochs + 0.5) if isinstance(duration, float) else duration

    def ticks_of(self, duration):
        """The number of ticks that a duration lasts."""
        return self.epochs_of(duration) * self.ticks_per_epoch


def duration(name, value):
    """A number of epochs ≥ 0, or a fraction of them in (0, 1); 0 for None."""
    real = isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
    if real and 0.0 < value < 1.0:
        return float(value)
    try:
        return checks.integer(name, value, low=0, optional=True) or 0
    except ValueError:
        raise ValueError(
            f"MixSchedule: `{name}` must be an integer of at least 0, or a float between 0 and 1, "
            f"both excluded. Received: {name}={value!r}"
        ) from None


def ramp(name, value, checked, shape):
    """The function of the tick and the `Span` that a pair or callable stands for."""
    if value is None:
        return None
    if callable(value):
        return functools.partial(_of_tick, value)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(
            f"MixSchedule: `{name}` must be a pair (first, last) or a callable of the epoch. "
            f"Received: {name}={value!r}"
        )
    ends = (concentration.pair(checked(end)) for end in value)
    return functools.partial(_between, *ends, SHAPES[shape])


def phases(value):
    """The function of the tick that a callable or a dict of phases stands for."""
    return value if value is None or callable(value) else Phases(value)


class Phases:
    """The probabilities at each tick, as a dict of phases gives them.

    Args:
        value: The argument `probabilities`.
    """

    def __init__(self, value):
        if not isinstance(value, Mapping) or 0 not in value:
            _refuse_phases(value, "including 0")
        self.given = value
        self.phases = {
            checks.integer("probabilities", first, low=0): self._weights(weights)
            for first, weights in value.items()
        }

    def __call__(self, tick):
        return self.phases[max(first for first in self.phases if first <= tick)]

    def check(self, count):
        """Refuses phases of another number of choices."""
        if any(len(weights) != count for weights in self.phases.values()):
            _refuse_phases(self.given, f"and list a number for each of the {count} choices")

    def warn_of_late(self, span):
        """Warns of phases that begin after the end of training."""
        late = sorted(first for first in self.phases if first >= span.ticks)
        if late:
            unit = "epoch" if span.ticks_per_epoch == 1 else "step"
            warnings.warn(
                f"MixSchedule: the phase from {unit} {late[0]} on is never reached, since there "
                f"are {span.ticks} {unit}s.",
                stacklevel=3,
            )

    def _weights(self, weights):
        listed = isinstance(weights, Sequence | np.ndarray) and not isinstance(weights, str)
        if not listed or not len(weights):
            _refuse_phases(self.given, "and list numbers")
        found = [checks.number("probabilities", weight) for weight in weights]
        if not any(found):
            _refuse_phases(self.given, "and list numbers of which one is above 0")
        return found


def _refuse_phases(value, rule):
    raise ValueError(
        "MixSchedule: `probabilities` must be a callable of the epoch, or a dict keyed by the "
        f"first epoch of each phase, {rule}. Received: probabilities={value!r}"
    )


# Functions of the module, so that a schedule can be pickled.
def _of_tick(value, tick, span):
    return value(tick)


def _between(first, last, shape, tick, span):
    passed, ends = shape(tick / max(1, span.ticks - 1)), zip(first, last, strict=True)
    return concentration.one_if_equal(a + (b - a) * passed for a, b in ends)


def _linear(t):
    return t


def _cosine(t):
    return (1.0 - math.cos(math.pi * t)) / 2.0


# How a ramp rises from 0 to 1.
SHAPES = {"linear": _linear, "cosine": _cosine}
