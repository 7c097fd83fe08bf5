"""The course of a pipeline under a schedule: the seed and the settings of each batch."""

import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.backend import namespaces
from keras_mix._core.batch.settings import Settings
from keras_mix._core.draw.concentrations import Concentrations
from keras_mix._core.options import argument_errors
from keras_mix.callbacks import MixSchedule
from keras_mix.callbacks._courses import Span
from keras_mix.data import _seed_stream
from keras_mix.data._clock import Clock
from keras_mix.layers._mixer import scheduled

# Each takes 64 KiB, and a few hundredths of a second to compute.
_MOST_ALPHAS = 1024


class Course:
    """What a schedule makes of the batches of a dataset.

    Args:
        schedule: A `MixSchedule`.
        layer: The mixer.
        dataset: The dataset of batches.
        epochs: Integer ≥ 1.
        steps_per_epoch: Integer ≥ 1, or None.
        seed: Integer or None.
    """

    def __init__(self, schedule, layer, dataset, epochs, steps_per_epoch, seed):
        _check_schedule(schedule)
        scheduled.check("data.mix", layer, schedule.names)
        if epochs is None:
            checks.refuse(
                "data.mix",
                "a schedule needs the number of epochs, which a dataset does not know",
                "epochs=None",
                "Pass `epochs`, as to `fit`.",
            )
        with argument_errors.of("data.mix"):
            epochs = checks.integer("epochs", epochs, low=1)
            steps = checks.integer("steps_per_epoch", steps_per_epoch, low=1, optional=True)
        length = steps or _length(schedule, dataset)
        self._layer = layer
        self._by_step = schedule.every == "step"
        self._length = length
        span = Span(epochs, length if self._by_step else 1)
        with namespaces.using(namespaces.tensorflow()):
            self._settings = _Settings(schedule, layer, span)
        self._seeds = _seed_stream.numbered(seed)
        self._clock = Clock(epochs, steps)
        schedule.follow(self._clock)
        # One iterator goes on through all epochs.
        self.dataset = dataset if steps is None else dataset.repeat()

    def times(self):
        """A `tf.data.Dataset` of the time of each batch."""
        return self._clock.ticks()

    def mix(self, time, batch, partners):
        """The batch of that time, mixed."""
        epoch, step = time
        tick = epoch * self._length + step if self._by_step else epoch
        with namespaces.using(namespaces.tensorflow()):
            settings = self._settings.at(tick)
            return scheduled.call(self._layer, batch, self._seeds(epoch, step), partners, settings)


class _Settings:
    """The settings at each tick, as tables that graphs read.

    Args:
        schedule: A `MixSchedule`.
        layer: The mixer.
        span: The `Span` of training.
    """

    def __init__(self, schedule, layer, span):
        count = len(getattr(layer, "mixers", ()))
        schedule.check(span, count)
        values = [schedule.values(tick, span, layer.rate, count) for tick in range(span.ticks)]
        columns = {name: [each[name] for each in values] for name in schedule.names}
        # Where graphs of tf.data run.
        with tf.device("CPU"):
            self._rates = self._ends = self._alphas = None
            if "rate" in columns:
                self._rates = tf.constant(columns["rate"], tf.float32)
            if "probabilities" in columns:
                rows = [layer.ends(weights) for weights in columns["probabilities"]]
                self._ends = tf.constant(np.array(rows))
            if "alpha" in columns:
                self._numbers, different = _numbered(columns["alpha"])
                self._alphas = Concentrations(different, getattr(layer, "sources", 2))

    def at(self, tick):
        """The `Settings` at a tick, a scalar tensor."""
        alpha = self._alphas and self._alphas.at(tf.gather(self._numbers, tick))
        rate, ends = (
            None if table is None else tf.gather(table, tick) for table in (self._rates, self._ends)
        )
        return Settings(alpha, rate, ends)


def _numbered(alphas):
    """int32 of the length of a list of α, the place of each among the different ones, and these."""
    different = list(dict.fromkeys(alphas))
    if len(different) > _MOST_ALPHAS:
        checks.refuse(
            "data.mix",
            f"a schedule may have {_MOST_ALPHAS:,} values of `alpha`, since each has a table",
            f"{len(different):,} values",
            "Change `alpha` from epoch to epoch, or round it in a callable.",
        )
    places = {alpha: place for place, alpha in enumerate(different)}
    return tf.constant([places[alpha] for alpha in alphas], tf.int32), different


def _check_schedule(schedule):
    schedule = checks.instance("data.mix", "schedule", schedule)
    if not isinstance(schedule, MixSchedule):
        checks.refuse(
            "data.mix",
            "`schedule` must be a keras_mix.callbacks.MixSchedule",
            f"schedule={schedule!r}",
            "Pass MixSchedule(rate=…), say, and the same object to `fit` as a callback.",
        )


def _length(schedule, dataset):
    """The number of batches in a dataset, or None where nothing depends on it."""
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY:
        checks.refuse(
            "data.mix",
            "a schedule needs the length of an epoch, and the dataset repeats without end",
            "steps_per_epoch=None",
            "Pass `steps_per_epoch`, as to `fit`.",
        )
    if cardinality == tf.data.UNKNOWN_CARDINALITY:
        if schedule.every == "epoch":
            return None
        checks.refuse(
            "data.mix",
            "a schedule by step needs the number of steps in an epoch, which the dataset does not "
            "know",
            "steps_per_epoch=None",
            "Pass `steps_per_epoch`, as to `fit`, or let the dataset know it: "
            "dataset.apply(tf.data.experimental.assert_cardinality(…)).",
        )
    return cardinality
