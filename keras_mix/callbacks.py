"""Callbacks for models that mix in their train step."""

import keras

from keras_mix._core import checks
from keras_mix._core.options import unknown_arguments

__all__ = ["MixSchedule"]


def __dir__():
    return __all__


class MixSchedule(keras.callbacks.Callback):
    """Changes how a `keras_mix.models` model mixes, epoch by epoch, without a new trace.

    The concentration, the rate and the choice among places and mixers are weights of the model,
    which this sets when an epoch begins; the compiled step goes on. When `fit` ends, in whatever
    way, they are as they were before. A checkpoint that is saved on the way holds what was in
    force then: train on from it with a schedule of its own, or set `dials`.

    Args:
        alpha: The concentration α ≥ 0 of each epoch: a callable of the epoch's number, from 0; or
            a pair (first, last) for a straight ramp over the epochs of `fit`. Defaults to None:
            unchanged.
        rate: The probability in [0, 1] that a sample (or batch) is mixed; as `alpha`.
        probabilities: A callable of the epoch that gives one number ≥ 0 for each place of the
            model, in the order of its `choices`, how likely it is; or a dict from the
            first epoch of a phase to these numbers. So `{0: [1, 0], 50: [0, 1]}` takes the second
            mixer from epoch 50 on. Defaults to None: unchanged.
        off_last: How many of the last epochs train unmixed. Defaults to 0.

    Raises:
        ValueError: For numbers out of range, and for a model that does not mix.

    Example:

    >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model = keras_mix.models.MixingModel(base, alpha=0.2)
    >>> model.compile("sgd", "mse")
    >>> schedule = keras_mix.callbacks.MixSchedule(alpha=(0.1, 1.0), off_last=2)
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 2)), epochs=5, callbacks=[schedule],
    ...                     verbose=0)
    """

    @unknown_arguments.checked
    def __init__(self, alpha=None, rate=None, probabilities=None, off_last=0):
        super().__init__()
        self.alpha = _ramp("alpha", alpha)
        self.rate = _ramp("rate", rate)
        self.probabilities = _phases(probabilities)
        self.off_last = checks.integer("off_last", off_last, low=0)

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
        dials.rate = 0.0 if epoch >= epochs - self.off_last else rate


class _Straight:
    """A ramp from the first epoch to the last."""

    def __init__(self, first, last):
        self.first = first
        self.last = last

    def __call__(self, epoch, epochs):
        return self.first + (self.last - self.first) * epoch / max(1, epochs - 1)


class _ByEpoch:
    """A user's function of the epoch alone."""

    def __init__(self, function):
        self.function = function

    def __call__(self, epoch, epochs):
        return self.function(epoch)


class _Phases:
    """The value of the last phase that has begun."""

    def __init__(self, phases):
        self.phases = dict(sorted(phases.items()))

    def __call__(self, epoch):
        return next(value for first, value in reversed(self.phases.items()) if first <= epoch)


def _ramp(name, value):
    if value is None:
        return None
    if callable(value):
        return _ByEpoch(value)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(
            f"MixSchedule: `{name}` must be a pair (first, last) or a callable of the epoch. "
            f"Received: {name}={value!r}"
        )
    high = {"high": 1.0} if name == "rate" else {}
    return _Straight(*(checks.number(name, end, **high) for end in value))


def _phases(value):
    if value is None or callable(value):
        return value
    if not isinstance(value, dict) or 0 not in value:
        raise ValueError(
            "MixSchedule: `probabilities` must be a callable of the epoch, or a dict from the "
            f"first epochs of its phases, of which one is 0. Received: probabilities={value!r}"
        )
    return _Phases(value)
