"""The training and scoring of every experiment."""

import keras
import numpy as np
import tensorflow as tf

from keras_mix import data
from keras_mix.evaluate import scores

BATCH = 32


def batched(x, y, seed):
    """Batches of 32, in an order that the seed fixes."""
    # A shuffle goes by TensorFlow's own seed as well.
    keras.utils.set_random_seed(seed)
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(y), seed=seed).batch(BATCH)


def mixed(layer, x, y, seed):
    """The same batches, mixed."""
    return data.mix(batched(x, y, seed), layer, seed=seed)


def fit(model, dataset, epochs, rate=1e-3, **options):
    """Trains a model by Adam, its rate falling to 0 by a cosine; `options` are of `compile`.

    Returns:
        A list with the training loss of each epoch.
    """
    rates = keras.optimizers.schedules.CosineDecay(rate, epochs * len(dataset))
    # Compiling such small steps takes longer than it saves, and so does an iterator each epoch.
    model.compile(keras.optimizers.Adam(rates), jit_compile=False, **options)
    steps = {"epochs": epochs, "steps_per_epoch": len(dataset)}
    history = model.fit(dataset.repeat(epochs), **steps, shuffle=False, verbose=0)
    return history.history["loss"]


def scored(logits, ids):
    """{"accuracy", "nll", "ece"} of logits (N, K) for the classes (N,)."""
    logits = np.asarray(logits, "float64")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    return {
        "accuracy": scores.accuracy(probabilities, ids),
        "nll": scores.negative_log_likelihood(probabilities, ids),
        "ece": scores.expected_calibration_error(probabilities, ids),
    }


def gathered(runs):
    """[{score: value}, one a seed] as {score: [values]}."""
    return {score: [run[score] for run in runs] for score in runs[0]}
