"""The clock of a pipeline: the epoch and the step of each batch."""

import warnings

import tensorflow as tf

from keras_mix._core import checks

# The epoch before one was told, and the key that it is kept under.
_UNTOLD, _TOLD = -1, 0
_TELL = (
    "Pass the schedule to `fit`, callbacks=[schedule], or call schedule.on_epoch_begin(epoch) in a "
    "training loop of your own."
)


class Clock:
    """Numbers the batches of a pipeline by epoch and step.

    Keras makes iterators that it never reads, or only for the shape of the first batch, so a number
    of iterators is no number of epochs. The clock is told each epoch as it begins. An iterator
    reads it once, before its first batch, and keeps it; so it does not matter how far the pipeline
    reads ahead, and a checkpoint of the iterator holds all that it needs.

    Args:
        epochs: Integer ≥ 1. Number of epochs.
        steps_per_epoch: Integer ≥ 1 where one iterator goes on through all epochs; None where each
            epoch has its own iterator.
    """

    def __init__(self, epochs, steps_per_epoch):
        self.epochs, self.steps_per_epoch = epochs, steps_per_epoch
        # Not a variable, which would be on the GPU, and with which TensorFlow saves no iterator.
        self._table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, _UNTOLD)

    def tell(self, epoch):
        """Sets the epoch that begins; None if training is over."""
        epoch = _UNTOLD if epoch is None else epoch
        self._table.insert(tf.constant(_TOLD, tf.int64), tf.constant(epoch, tf.int64))

    def ticks(self):
        """A `tf.data.Dataset` of (epoch, step), int64, endless."""
        untold = tf.constant(_UNTOLD, tf.int64)
        # A bound method, by which the dataset keeps its clock.
        return tf.data.Dataset.counter().scan(untold, self._tick)

    def _tick(self, start, number):
        """The epoch in which an iterator began, and the time of its batch of that number."""
        told = tf.ensure_shape(self._table.lookup(tf.constant(_TOLD, tf.int64)), [])
        begun, start = start, tf.where(start == _UNTOLD, told, start)
        # Whoever looks at a batch before training gets that of the first epoch, as Keras does
        # before it builds a model.
        known = (start != _UNTOLD) | (number == 0)
        conditions = [_asserted(known, f"data.mix: the epoch is not known. {_TELL}")]
        epoch, step = tf.maximum(start, 0), number
        if self.steps_per_epoch is None:
            same = (begun == _UNTOLD) | (told == _UNTOLD) | (told == start)
            rule = (
                "data.mix: without `steps_per_epoch` each epoch needs an iterator of its own, but "
                "this one goes on into the next. Pass `steps_per_epoch` to data.mix, as to `fit`, "
                "and leave out `repeat` after it."
            )
            conditions.append(_asserted(same, rule))
        else:
            epoch, step = epoch + number // self.steps_per_epoch, number % self.steps_per_epoch
        ends = f"data.mix: the schedule ends after {self.epochs} epochs. Pass more `epochs`."
        conditions.append(_asserted(epoch < self.epochs, ends))
        with tf.control_dependencies(conditions):
            return start, (tf.identity(epoch), step)

    def suits(self, params):
        """Whether `fit` trains as many epochs and steps, at most, by a callback's `params`."""
        steps = self.steps_per_epoch in (None, params.get("steps"))
        return steps and params.get("epochs", 1) <= self.epochs

    def check(self, params):
        """Refuses a `fit` of other epochs and steps; warns of one that is shorter."""
        steps, epochs = params.get("steps"), params.get("epochs", 1)
        if self.steps_per_epoch not in (None, steps):
            checks.refuse(
                "MixSchedule",
                "`fit` must have the steps per epoch of the pipeline",
                f"steps_per_epoch={steps} for data.mix(…, steps_per_epoch={self.steps_per_epoch})",
                f"Pass steps_per_epoch={self.steps_per_epoch} to `fit`, or none to data.mix.",
            )
        if epochs > self.epochs:
            checks.refuse(
                "MixSchedule",
                "`fit` must have no more epochs than the pipeline",
                f"epochs={epochs} for data.mix(…, epochs={self.epochs})",
                f"Pass epochs={epochs} to data.mix.",
            )
        if epochs < self.epochs:
            warnings.warn(
                f"MixSchedule: `fit` ends after {epochs} epochs, the schedule of the pipeline "
                f"after {self.epochs}.",
                stacklevel=2,
            )


def _asserted(legal, sentence):
    return tf.debugging.Assert(legal, [sentence])
