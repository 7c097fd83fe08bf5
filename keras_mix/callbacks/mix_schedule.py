"""Changes of mixing in the course of training."""

import functools
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import keras

from keras_mix._core import checks, concentration
from keras_mix._core.options import argument_errors, unknown_arguments
from keras_mix.callbacks import _courses

# In the order of `Dials.resting`.
NAMES = ("alpha", "rate", "probabilities")

Alpha: TypeAlias = float | tuple[float, float]


class MixSchedule(keras.callbacks.Callback):
    """Changes how a model or a tf.data pipeline mixes from epoch to epoch, without retracing.

    In a model of `keras_mix.models`, the concentration, the rate and the probabilities of mix
    points and mixers are variables, which this callback sets at the start of an epoch; the compiled
    step is not traced again. When `fit` ends, for whatever reason, they return to their former
    values. These are also what checkpoints hold that are saved during training, so that a schedule
    goes on where training is resumed. Several schedules may be combined if they set different
    variables.

    In a pipeline, `keras_mix.data.mix(…, schedule=schedule, epochs=…)` has the values of all epochs
    or steps beside the data; as a callback of `fit`, the schedule tells the pipeline which epoch
    begins. A training loop of your own calls `schedule.on_epoch_begin(epoch)` instead.

    Args:
        alpha: Callable, or pair. Concentration in each epoch: a callable of the epoch number, which
            starts at 0, or a pair (first, last) for a ramp over the epochs of `fit`. Each value is
            a float α ≥ 0, or a pair (a, b) of floats > 0 for Beta(a, b). Defaults to None:
            unchanged.
        rate: Callable, or pair of floats in [0, 1]. Probability that a sample (or batch) is mixed,
            as a callable or a ramp. Defaults to None: unchanged.
        probabilities: Callable, or dict. Probabilities of the model's `choices`, or of the mixers
            of a pipeline's `RandomChoice`, in their order, as numbers ≥ 0: a callable of the epoch,
            or a dict from the first epoch of a phase to the numbers. So `{0: [1, 0], 50: [0, 1]}`
            uses the second mixer from epoch 50 on. Defaults to None: unchanged.
        unmixed_epochs: Integer ≥ 0, or float in (0, 1). Number of final epochs that train unmixed,
            or their fraction of the epochs of `fit`, rounded to the nearest, halves up. If `fit`
            has no more epochs than that, none is mixed, which is warned of. Defaults to None: 0.
        warmup_epochs: Integer ≥ 0, or float in (0, 1). Number of first epochs, or their fraction,
            rounded likewise, over which the rate rises from 0 to its value. Final epochs that train
            unmixed prevail. Defaults to None: 0.
        shape: "linear" or "cosine". The shape of ramps and of the warm-up: with t from 0 to 1, they
            follow t or (1 - cos πt) / 2. Defaults to "linear".
        every: "epoch" or "step". When values change. With "step", which is for pipelines, ramps and
            the warm-up rise at every step; callables, and the keys of phases, count steps from the
            start of training instead of epochs. Defaults to "epoch".

    Raises:
        ValueError: If no option is given or a number is out of range, if `shape` or `every` has no
            effect, if neither the model nor a pipeline mixes, or if two schedules set the same
            variable.

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
        every: Literal["epoch", "step"] = "epoch",
    ) -> None:
        super().__init__()
        self.shape = checks.choice("shape", shape, tuple(_courses.SHAPES))
        self.every = checks.choice("every", every, ("epoch", "step"))
        rates = functools.partial(checks.number, "rate", high=1.0)
        self.alpha = _courses.ramp("alpha", alpha, concentration.check, shape)
        self.rate = _courses.ramp("rate", rate, rates, shape)
        self.probabilities = _courses.phases(probabilities)
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
        if every == "step" and all(
            option is None for option in (alpha, rate, probabilities, warmup_epochs)
        ):
            raise ValueError(
                'MixSchedule: `every="step"` is for values that change within an epoch. Received: '
                "only `unmixed_epochs`, which are whole. Leave `every` out."
            )
        self.unmixed_epochs = _courses.duration("unmixed_epochs", unmixed_epochs)
        self.warmup_epochs = _courses.duration("warmup_epochs", warmup_epochs)
        self._follow_none()

    def on_train_begin(self, logs=None):
        dials, clocks = getattr(self.model, "dials", None), list(self._clocks.values())
        if dials is None and not clocks:
            raise ValueError(
                "MixSchedule: the model must mix in its train step, as MixingModel and its recipes "
                "do, or the schedule must be that of a pipeline. Received: "
                f"{type(self.model).__name__}. Wrap it, `keras_mix.models.MixingModel(model)`, or "
                "pass the schedule to `keras_mix.data.mix`, too."
            )
        if clocks:
            # Others may be left over in a notebook.
            serving = [clock for clock in clocks if clock.suits(self.params)]
            (serving or clocks)[-1].check(self.params)
        if dials is not None:
            self._begin(dials)

    def on_epoch_begin(self, epoch, logs=None):
        self._tell(epoch)
        dials = getattr(self.model, "dials", None)
        if dials is not None:
            span = _courses.Span(self._epochs())
            count = len(dials.probabilities)
            for name, value in self.values(epoch, span, dials.resting[1], count).items():
                setattr(dials, name, value)

    def on_train_end(self, logs=None):
        self._tell(None)

    def follow(self, clock: Any) -> None:
        """Tells the clock of a pipeline, as long as it exists, which epoch begins."""
        self._clocks[id(clock)] = clock
        clock.tell(self._epoch)

    @property
    def names(self) -> list[str]:
        """What the schedule sets, of `NAMES`."""
        of_rate = self.rate is not None or self.unmixed_epochs or self.warmup_epochs
        set_here = (self.alpha is not None, of_rate, self.probabilities is not None)
        return [name for name, is_set in zip(NAMES, set_here, strict=True) if is_set]

    def check(self, span: _courses.Span, count: int) -> None:
        """Refuses phases of another number of choices; warns of what has no effect.

        Args:
            span: The `Span` of training.
            count: The number of choices.
        """
        if isinstance(self.probabilities, _courses.Phases):
            self.probabilities.check(count)
            self.probabilities.warn_of_late(span)
        if self.unmixed_epochs and span.epochs_of(self.unmixed_epochs) >= span.epochs:
            warnings.warn(
                f"MixSchedule: no epoch is mixed, since unmixed_epochs={self.unmixed_epochs} and "
                f"there are {span.epochs}.",
                stacklevel=2,
            )

    def values(self, tick: int, span: _courses.Span, rate: float, count: int) -> dict[str, Any]:
        """Dict of the values at one tick of a `Span`, by name.

        Args:
            tick: Integer, the number of the epoch, or of the step.
            span: The `Span` of training.
            rate: The rate outside of the schedule.
            count: The number of choices.
        """
        found = {}
        with argument_errors.of(type(self).__name__):
            if self.alpha is not None:
                found["alpha"] = concentration.check(self.alpha(tick, span))
            if "rate" in self.names:
                found["rate"] = self._rate_at(tick, span, rate)
            if self.probabilities is not None:
                found["probabilities"] = checks.weights(self.probabilities(tick), count)
        return found

    def _follow_none(self):
        # The clocks of the pipelines that have this schedule, in the order in which they were made.
        self._clocks = weakref.WeakValueDictionary()
        # The epoch that they were told last.
        self._epoch = None

    def _begin(self, dials):
        if self.every == "step":
            raise ValueError(
                'MixSchedule: `every="step"` is for pipelines, and a model changes from epoch to '
                f'epoch. Received: every="step" for {type(self.model).__name__}. Leave it out, or '
                "mix in the pipeline, `keras_mix.data.mix(…, schedule=…)`."
            )
        self.check(_courses.Span(self._epochs()), len(dials.probabilities))
        dials.begin_schedule(self, self.names)

    def _tell(self, epoch):
        self._epoch = epoch
        for clock in self._clocks.values():
            clock.tell(epoch)

    def _rate_at(self, tick, span, resting):
        if tick >= span.ticks - span.ticks_of(self.unmixed_epochs):
            return 0.0
        rate = resting if self.rate is None else self.rate(tick, span)
        rate = checks.number("rate", rate, high=1.0)
        warmup = span.ticks_of(self.warmup_epochs)
        return rate if tick >= warmup else rate * _courses.SHAPES[self.shape](tick / warmup)

    def _epochs(self):
        return self.params.get("epochs") or 1

    def __getstate__(self):
        # A copy is that of no pipeline.
        own = ("_clocks", "_epoch")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._follow_none()
