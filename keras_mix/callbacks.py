"""Callbacks for models that mix in their train step."""

import functools
import math
import numbers
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import keras
import numpy as np

from keras_mix._core import checks, concentration
from keras_mix._core.options import argument_errors, unknown_arguments

__all__ = ["MixSchedule"]

# In the order of `Dials.resting`.
DIALS = ("alpha", "rate", "probabilities")

Alpha: TypeAlias = float | tuple[float, float]


def __dir__():
    return __all__


class MixSchedule(keras.callbacks.Callback):
    """Changes how a model of `keras_mix.models` mixes from epoch to epoch, without retracing.

    The concentration, the rate and the probabilities of mix points and mixers are variables of the
    model, which this callback sets at the start of an epoch; the compiled step is not traced again.
    When `fit` ends, for whatever reason, they return to their former values. These are also what
    checkpoints hold that are saved during training, so that a schedule goes on where training is
    resumed. Several schedules may be combined if they set different variables.

    Args:
        alpha: Callable, or pair. Concentration in each epoch: a callable of the epoch number, which
            starts at 0, or a pair (first, last) for a ramp over the epochs of `fit`. Each value is
            a float α ≥ 0, or a pair (a, b) of floats > 0 for Beta(a, b). Defaults to None:
            unchanged.
        rate: Callable, or pair of floats in [0, 1]. Probability that a sample (or batch) is mixed,
            as a callable or a ramp. Defaults to None: unchanged.
        probabilities: Callable, or dict. Probabilities of the model's `choices`, in their order, as
            numbers ≥ 0: a callable of the epoch, or a dict from the first epoch of a phase to the
            numbers. So `{0: [1, 0], 50: [0, 1]}` uses the second mixer from epoch 50 on. Defaults
            to None: unchanged.
        unmixed_epochs: Integer ≥ 0, or float in (0, 1). Number of final epochs that train unmixed,
            or their fraction of the epochs of `fit`, rounded to the nearest, halves up. If `fit`
            has no more epochs than that, none is mixed, which is warned of. Defaults to None: 0.
        warmup_epochs: Integer ≥ 0, or float in (0, 1). Number of first epochs, or their fraction,
            rounded likewise, over which the rate rises from 0 to its value. Final epochs that train
            unmixed prevail. Defaults to None: 0.
        shape: "linear" or "cosine". The shape of ramps and of the warm-up: with t from 0 to 1, they
            follow t or (1 - cos πt) / 2. Defaults to "linear".

    Raises:
        ValueError: If no option is given or a number is out of range, if `shape` has no effect, if
            the model does not mix, or if two schedules set the same variable.

    Example:

    >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model = keras_mix.models.MixingModel(base, alpha=0.2)
    >>> model.compile("sgd", "mse")
    >>> schedule = keras_mix.callbacks.MixSchedule(alpha=(0.1, 1.0), unmixed_epochs=0.4)
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 2)), epochs=5, callbacks=[schedule],
    ...                     verbose=0)
    """

    @unknown_arguments.checked
    def __init__(
        self,
        *,
        alpha: Callable[[int], Alpha] | tuple[Alpha, Alpha] | None = None,
        rate: Callable[[int], float] | tuple[float, float] | None = None,
        probabilities: Callable[[int], Sequence[float]]
        | Mapping[int, Sequence[float]]
        | None = None,
        unmixed_epochs: int | float | None = None,
        warmup_epochs: int | float | None = None,
        shape: Literal["linear", "cosine"] = "linear",
    ) -> None:
        super().__init__()
        self.shape = checks.choice("shape", shape, tuple(_SHAPES))
        self.alpha = _ramp("alpha", alpha, concentration.check, shape)
        self.rate = _ramp("rate", rate, functools.partial(checks.number, "rate", high=1.0), shape)
        self.probabilities = _phases(probabilities)
        # 0 may be the result of a calculation, but a schedule of nothing at all is a mistake.
        options = (alpha, rate, probabilities, unmixed_epochs, warmup_epochs)
        if all(option is None for option in options):
            raise ValueError(
                "MixSchedule: without an option the schedule changes nothing. Received: "
                "MixSchedule(). Pass `alpha`, `rate`, `probabilities`, `unmixed_epochs` or "
                "`warmup_epochs`."
            )
        ramps = [each for each in (alpha, rate) if each is not None and not callable(each)]
        if shape != "linear" and not ramps and warmup_epochs is None:
            raise ValueError(
                "MixSchedule: `shape` is that of ramps and of the warm-up. Received: "
                f"shape={shape!r} without either. Pass a pair, or `warmup_epochs`."
            )
        self.unmixed_epochs = _duration("unmixed_epochs", unmixed_epochs)
        self.warmup_epochs = _duration("warmup_epochs", warmup_epochs)

    def on_train_begin(self, logs=None):
        dials = getattr(self.model, "dials", None)
        if dials is None:
            raise ValueError(
                "MixSchedule: the model must mix in its train step, as MixingModel and its recipes "
                f"do. Received: {type(self.model).__name__}. Wrap it, "
                "`keras_mix.models.MixingModel(model)`."
            )
        if isinstance(self.probabilities, _Phases):
            self.probabilities.check(len(dials.probabilities))
        dials.begin_schedule(self, self._names())
        epochs = self._epochs()
        if self.unmixed_epochs and _epochs_of(self.unmixed_epochs, epochs) >= epochs:
            warnings.warn(
                f"MixSchedule: no epoch is mixed, since unmixed_epochs={self.unmixed_epochs} and "
                f"there are {epochs}.",
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch, logs=None):
        dials, epochs = self.model.dials, self._epochs()
        with argument_errors.of(type(self).__name__):
            if self.alpha is not None:
                dials.alpha = self.alpha(epoch, epochs)
            if self.probabilities is not None:
                dials.probabilities = self.probabilities(epoch)
            if "rate" in self._names():
                dials.rate = self._rate_in(epoch, epochs, dials.resting[1])

    def _names(self):
        """The dials that this schedule sets."""
        of_rate = self.rate is not None or self.unmixed_epochs or self.warmup_epochs
        set_here = (self.alpha is not None, of_rate, self.probabilities is not None)
        return [name for name, is_set in zip(DIALS, set_here, strict=True) if is_set]

    def _rate_in(self, epoch, epochs, resting):
        if epoch >= epochs - _epochs_of(self.unmixed_epochs, epochs):
            return 0.0
        rate = resting if self.rate is None else self.rate(epoch, epochs)
        warmup = _epochs_of(self.warmup_epochs, epochs)
        if epoch >= warmup:
            return rate
        return checks.number("rate", rate, high=1.0) * _SHAPES[self.shape](epoch / warmup)

    def _epochs(self):
        return self.params.get("epochs") or 1


def _linear(t):
    return t


def _cosine(t):
    return (1.0 - math.cos(math.pi * t)) / 2.0


# How a ramp rises from 0 to 1.
_SHAPES = {"linear": _linear, "cosine": _cosine}


def _duration(name, value):
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


def _epochs_of(duration, epochs):
    # Not Python's `round`, by which half of 1, 5 and 9 epochs were 0, 2 and 4.
    return math.floor(duration * epochs + 0.5) if isinstance(duration, float) else duration


def _ramp(name, value, checked, shape):
    """The function of the epoch and the number of epochs that a pair or callable stands for."""
    if value is None:
        return None
    if callable(value):
        return functools.partial(_of_epoch, value)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(
            f"MixSchedule: `{name}` must be a pair (first, last) or a callable of the epoch. "
            f"Received: {name}={value!r}"
        )
    ends = (concentration.pair(checked(end)) for end in value)
    return functools.partial(_between, *ends, _SHAPES[shape])


# Functions of the module, so that a schedule can be pickled.
def _of_epoch(value, epoch, epochs):
    return value(epoch)


def _between(first, last, shape, epoch, epochs):
    passed, ends = shape(epoch / max(1, epochs - 1)), zip(first, last, strict=True)
    return concentration.one_if_equal(a + (b - a) * passed for a, b in ends)


class _Phases:
    """The probabilities in each epoch, as a dict of phases gives them.

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

    def __call__(self, epoch):
        return self.phases[max(first for first in self.phases if first <= epoch)]

    def check(self, count):
        """Refuses phases of another number of choices."""
        if any(len(weights) != count for weights in self.phases.values()):
            _refuse_phases(self.given, f"and list a number for each of the {count} choices")

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


def _phases(value):
    """The function of the epoch that a callable or a dict of phases stands for."""
    return value if value is None or callable(value) else _Phases(value)
