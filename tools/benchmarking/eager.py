"""Eager calls on a small batch, where the price is Python and not memory."""

import functools

import keras
import tensorflow as tf

import keras_mix
from benchmarking import rows
from benchmarking.contenders import MIXERS, Workload
from benchmarking.every_mixer import NAMES
from benchmarking.rounds import measure as timed

WORKLOAD = Workload(16, 32, "float32", 10)
KERAS = "keras.layers"
# A layer of keras_mix must not be slower than Keras's.
LIMIT = 1.0


def measure(quick):
    """Milliseconds a call of every mixer; those that Keras has, against Keras's."""
    rounds = 3 if quick else 7
    images, labels = WORKLOAD.arrays()
    one_hot = tf.one_hot(labels, WORKLOAD.classes)
    batch = {"images": tf.constant(images), "labels": one_hot}
    options = {name: MIXERS.get(name, {}) for name in NAMES}
    own = [getattr(keras_mix.layers, name)(**options[name]) for name in NAMES]
    rivals = [getattr(keras.layers, name)(**options[name]) for name in MIXERS]
    steps = [functools.partial(layer, batch) for layer in (*own, *rivals)]
    keys = [*NAMES, *((KERAS, name) for name in MIXERS)]
    seconds = dict(zip(keys, timed(steps, rounds), strict=True))
    # Of milliseconds, where rows are microseconds a sample.
    made = [
        rows.costlier(name, seconds[name], KERAS, seconds[KERAS, name], 1000, LIMIT)
        if name in MIXERS
        else rows.Row(name, rows.cost(seconds[name], 1000))
        for name in NAMES
    ]
    return [rows.table(f"Eager calls, {rows.shape(WORKLOAD.shape)}", "ms a call", made)]
