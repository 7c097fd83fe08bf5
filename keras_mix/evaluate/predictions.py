"""The predictions of a model: what it gives, and as probabilities."""

import keras
import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.model_inputs import inputs_of
from keras_mix._core.ops import logits
from keras_mix._core.predictions import checked_outputs


def check_model(owner, network):
    """Refuses other than a Keras model, and one with several inputs."""
    if not isinstance(network, keras.Model):
        received = getattr(network, "__name__", type(network).__name__)
        checks.refuse(owner, "the model must be a Keras model", received)
    inputs = inputs_of(network)
    if inputs is not None and len(inputs) != 1:
        checks.refuse(
            owner,
            "the model must have one input",
            f"{len(inputs)} inputs",
            "Wrap it in a model of one of them, the others fixed.",
        )


def predict(owner, network, samples, batch_size=256):
    """Returns (N, K) float32, the network's output without training-time behavior.

    Raises:
        ValueError: If it is no Keras model with one input and one output.
    """
    check_model(owner, network)
    # Called eagerly: `Model.predict` traces a graph, and warns when many networks do.
    parts = [
        _output(owner, network(samples[start : start + batch_size], training=False))
        for start in range(0, len(samples), batch_size)
    ]
    return np.concatenate(parts).astype(np.float32)


def probabilities(owner, network, samples, from_logits=False):
    """Returns (N, K) float64, from probabilities or logits; one sigmoid unit is two classes.

    Raises:
        ValueError: If outputs are NaN, or neither probabilities nor, if they should be, logits.
    """
    outputs = checked_outputs(owner, predict(owner, network, samples), from_logits)
    found = logits.of_classes(ops.convert_to_tensor(outputs), from_logits)
    return ops.convert_to_numpy(ops.softmax(found, axis=-1)).astype(np.float64)


def _output(owner, outputs):
    if not hasattr(outputs, "shape"):
        checks.refuse(
            owner,
            "the model must have one output (B, K), that of a classifier",
            f"a {type(outputs).__name__} of {len(outputs)}",
            "Make a model of one of them: keras.Model(model.inputs, output).",
        )
    return keras.ops.convert_to_numpy(outputs)
