"""What the tests of `keras_mix.models` share: fixed draws and small networks."""

import keras
import numpy as np
import tensorflow as tf

from keras_mix._core.draw import random


def fix_draws(monkeypatch, partners, ratio):
    """Every plan has these partners, and the share `ratio` (one, or one a sample) of the own."""
    ratio = np.atleast_1d(np.asarray(ratio, "float32"))
    monkeypatch.setattr(random, "partners", lambda *args, **kwargs: tf.constant(partners))
    monkeypatch.setattr(random, "beta", lambda *args, **kwargs: tf.constant(ratio))


def mixed_by(values, partners, ratio):
    """λ x_i + (1 - λ) x_j, by numpy."""
    ratio = np.reshape(np.asarray(ratio, "float64"), [-1] + [1] * (np.ndim(values) - 1))
    return ratio * values + (1 - ratio) * np.asarray(values)[partners]


def one_step(model, x, y, sample_weight=None):
    """The loss of one batch and the gradients of all weights, by the model's own train step."""
    before = [w.numpy().astype("float64") for w in model.trainable_weights]
    model.compile(keras.optimizers.SGD(1.0), model.loss, run_eagerly=True)
    logs = model.train_on_batch(x, y, sample_weight=sample_weight, return_dict=True)
    after = [w.numpy() for w in model.trainable_weights]
    return logs["loss"], [b - a for b, a in zip(before, after, strict=True)]


class Recorder(keras.layers.Layer):
    """The identity; it keeps what it saw last in a variable, from inside compiled steps, too."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.seen = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.supports_masking = True

    def call(self, inputs, training=None):
        if training:
            self.seen.assign(inputs)
        return inputs


class MaskProbe(keras.layers.Layer):
    """The identity; it keeps the mask that it was given last in a training step."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.seen = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.supports_masking = True

    def call(self, inputs, mask=None, training=None):
        if training:
            self.seen.assign(keras.ops.cast(mask, "float32"))
        return inputs

    @property
    def mask(self):
        return self.seen.numpy().astype(bool)
