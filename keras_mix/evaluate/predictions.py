"""The predictions of a model: what it gives, and as probabilities."""

import keras
import numpy as np
from keras import ops

from keras_mix._core.ops import logits
from keras_mix._core.predictions import checked_outputs


def predict(network, samples, batch_size=256):
    """Returns (N, K) float32, the network's output without training-time behavior."""
    # Called eagerly: `Model.predict` traces a graph, and warns when many networks do.
    parts = [
        keras.ops.convert_to_numpy(network(samples[start : start + batch_size], training=False))
        for start in range(0, len(samples), batch_size)
    ]
    return np.concatenate(parts).astype(np.float32)


def probabilities(owner, network, samples, from_logits=False):
    """Returns (N, K) float64, from probabilities or logits; one sigmoid unit is two classes.

    Raises:
        ValueError: If outputs are NaN, or neither probabilities nor, if they should be, logits.
    """
    outputs = checked_outputs(owner, predict(network, samples), from_logits)
    found = logits.of_classes(ops.convert_to_tensor(outputs), from_logits)
    return ops.convert_to_numpy(ops.softmax(found, axis=-1)).astype(np.float64)
