"""Callbacks for models that mix in their train step."""

import functools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import keras

from keras_mix._core import checks, concentration
from keras_mix._core.options import unknown_arguments

__all__ = ["MixSchedule"]

Alpha: TypeAlias = float | tuple[float, float]


def __dir__():
    return __all__


class MixSchedule(keras.callbacks.Callback):
    """Changes how a model of `keras_mix.models` mixes from epoch to epoch, without retracing.

    The concentration, the rate and the probabilities of mix points and mixers are variables of the
    model, which this callback sets at the start of an epoch; the compiled step is not traced again.
    When `fit` ends, for whatever reason, they return to their former values. A checkpoint saved
    during training holds the values of that epoch: continue from it with another schedule, or set
    the model's `dials`.

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
            or their fraction of the epochs of `fit`, rounded. If `fit` has no more epochs than
            that, none is mixed, which is warned of. Defaults to None: 0.
        warmup_epochs: Integer ≥ 0, or float in (0, 1). Number of first epochs, or their fraction,
            over which the rate rises from 0 to its value. Final epochs that train unmixed prevail.
            Defaults to None: 0.
        shape: "linear" or "cosine". The shape of ramps and of the warm-up: with t from 0 to 1, they
            follow t or (1 - cos πt) / 2. Defaults to "linear".

    Raises:
        ValueError: If no option is given or a number is out of range, if `shape` has no effect, or
            if the model does not mix.

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
                "MixSchedule: the model must be one of keras_mix.models. Received: "
                f"{type(self.model).__name__}. Wrap it, `keras_mix.models.MixingModel(model)`."
            )
        dials.begin_schedule()
        epochs = self._epochs()
        if self.unmixed_epochs and _epochs_of(self.unmixed_epochs, epochs) >= epochs:
            warnings.warn(
                f"MixSchedule: no epoch is mixed, since unmixed_epochs={self.unmixed_epochs} and "
                f"there are {epochs}.",
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch, logs=None):
        dials, epochs = self.model.dials, self._epochs()
        if self.alpha is not None:
            dials.alpha = self.alpha(epoch, epochs)
        if self.probabilities is not None:
            dials.probabilities = self.probabilities(epoch)
        rate = dials.resting[1] if self.rate is None else self.rate(epoch, epochs)
        warmup = _epochs_of(self.warmup_epochs, epochs)
        if epoch < warmup:
            rate *= _SHAPES[self.shape](epoch / warmup)
        dials.rate = 0.0 if epoch >= epochs - _epochs_of(self.unmixed_epochs, epochs) else rate

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
    if isinstance(value, float) and 0.0 < value < 1.0:
        return value
    try:
        return checks.integer(name, value, low=0, optional=True) or 0
    except ValueError:
        raise ValueError(
            f"MixSchedule: `{name}` must be an integer of at least 0, or a float between 0 and 1, "
            f"both excluded. Received: {name}={value!r}"
        ) from None


def _epochs_of(duration, epochs):
    return round(duration * epochs) if isinstance(duration, float) else duration


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


def _phase(phases, epoch):
    return phases[max(first for first in phases if first <= epoch)]


def _phases(value):
    """The function of the epoch that a callable or a dict of phases stands for."""
    if value is None or callable(value):
        return value
    if not isinstance(value, dict) or 0 not in value:
        raise ValueError(
            "MixSchedule: `probabilities` must be a callable of the epoch, or a dict keyed by the "
            f"first epoch of each phase, including 0. Received: probabilities={value!r}"
        )
    return functools.partial(_phase, dict(value))
