"""The ramp of the unlabeled loss: its shape, and the number of steps that it takes."""

import numbers

import keras
from keras import ops

from keras_mix._core import checks


def linear(progress):
    """From 0 to 1 in proportion to the steps, as in MixMatch's code."""
    return progress


def sigmoid(progress):
    """exp(-5 (1 - t)²), from 0.007 to 1, as in the code of Mean Teacher and ICT."""
    return ops.exp(-5.0 * (1.0 - progress) ** 2)


def check(value):
    """A fraction in [0, 1] of the steps of `fit`, a float; or a number of steps, an integer."""
    if isinstance(value, numbers.Integral):
        return checks.integer("ramp_up", value, low=0)
    return checks.number("ramp_up", value, high=1.0)


class RampOfFit(keras.callbacks.Callback):
    """Tells a model how many steps its ramp takes, as soon as `fit` knows its own number.

    Args:
        owner: The model's name, for messages.
        fraction: Float, the fraction of the steps of `fit`.
        steps: The weight of the model that holds the number.
    """

    def __init__(self, owner, fraction, steps):
        super().__init__()
        self.owner = owner
        self.fraction = fraction
        self.steps = steps

    def on_train_begin(self, logs=None):
        steps, epochs = self.params.get("steps"), self.params.get("epochs") or 1
        if steps is None and self.fraction:
            checks.refuse(
                self.owner,
                "the number of batches must be known, since `ramp_up` is a fraction of the steps",
                f"ramp_up={self.fraction:g} and data of unknown length",
                "Pass `steps_per_epoch` to `fit`, or `ramp_up` as a number of steps.",
            )
        self.steps.assign(self.fraction * (steps or 0) * epochs)
