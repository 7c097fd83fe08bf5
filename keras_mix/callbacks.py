"""Callbacks for models that mix in their train step."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

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
            starts at 0, or a pair (first, last) for a linear ramp over the epochs of `fit`. Each
            value is a float α ≥ 0, or a pair (a, b) of floats > 0 for Beta(a, b). Defaults to None:
            unchanged.
        rate: Callable, or pair of floats in [0, 1]. Probability that a sample (or batch) is mixed,
            as a callable or a ramp. Defaults to None: unchanged.
        probabilities: Callable, or dict. Probabilities of the model's `choices`, in their order, as
            numbers ≥ 0: a callable of the epoch, or a dict from the first epoch of a phase to the
            numbers. So `{0: [1, 0], 50: [0, 1]}` uses the second mixer from epoch 50 on. Defaults
            to None: unchanged.
        unmixed_epochs: Integer ≥ 0. Number of final epochs that train unmixed. Defaults to None: 0.

    Raises:
        ValueError: If no option is given or a number is out of range, or if the model does not mix.

    Example:

    >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model = keras_mix.models.MixingModel(base, alpha=0.2)
    >>> model.compile("sgd", "mse")
    >>> schedule = keras_mix.callbacks.MixSchedule(alpha=(0.1, 1.0), unmixed_epochs=2)
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
        unmixed_epochs: int | None = None,
    ) -> None:
        super().__init__()
        self.alpha = _ramp("alpha", alpha, concentration.check)
        self.rate = _ramp("rate", rate, functools.partial(checks.number, "rate", high=1.0))
        self.probabilities = _phases(probabilities)
        # 0 may be the result of a calculation, but a schedule of nothing at all is a mistake.
        if all(option is None for option in (alpha, rate, probabilities, unmixed_epochs)):
            raise ValueError(
                "MixSchedule: without an option the schedule changes nothing. Received: "
                "MixSchedule(). Pass `alpha`, `rate`, `probabilities` or `unmixed_epochs`."
            )
        unmixed = checks.integer("unmixed_epochs", unmixed_epochs, low=0, optional=True)
        self.unmixed_epochs = unmixed or 0

    def on_train_begin(self, logs=None):
        dials = getattr(self.model, "dials", None)
        if dials is None:
            raise ValueError(
                "MixSchedule: the model must be one of keras_mix.models. Received: "
                f"{type(self.model).__name__}. Wrap it, `keras_mix.models.MixingModel(model)`."
            )
        dials.begin_schedule()

    def on_epoch_begin(self, epoch, logs=None):
        dials, epochs = self.model.dials, self.params.get("epochs") or 1
        if self.alpha is not None:
            dials.alpha = self.alpha(epoch, epochs)
        if self.probabilities is not None:
            dials.probabilities = self.probabilities(epoch)
        rate = dials.resting[1] if self.rate is None else self.rate(epoch, epochs)
        dials.rate = 0.0 if epoch >= epochs - self.unmixed_epochs else rate


def _ramp(name, value, checked):
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
    return functools.partial(_between, *(concentration.pair(checked(end)) for end in value))


# Functions of the module, so that a schedule can be pickled.
def _of_epoch(value, epoch, epochs):
    return value(epoch)


def _between(first, last, epoch, epochs):
    last_epoch, ends = max(1, epochs - 1), zip(first, last, strict=True)
    return concentration.one_if_equal(a + (b - a) * epoch / last_epoch for a, b in ends)


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
