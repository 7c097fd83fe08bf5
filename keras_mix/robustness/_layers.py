"""What single layers of a model compute in a call of it, and replacing that for the call."""

import contextlib

import keras

from keras_mix._core import tf_compat
from keras_mix.models._points import mix_points

_TO_PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


@contextlib.contextmanager
def replaced(operation, name, function):
    """A context in which an attribute of one layer is another function."""
    # Past Keras's tracking of attributes, since the function is none of the layer's.
    attributes = operation.__dict__
    hidden = attributes.get(name)
    attributes[name] = tf_compat.without_autograph(function)
    try:
        yield
    finally:
        del attributes[name]
        if hidden is not None:
            attributes[name] = hidden


def called(model, x):
    """The layers in a model that have one output tensor, with it, in the order of their calls."""
    found = []

    def following(layer, call):
        def follow(*args, **kwargs):
            outputs = call(*args, **kwargs)
            if hasattr(outputs, "shape"):
                found.append((layer, outputs))
            return outputs

        return follow

    with contextlib.ExitStack() as stack:
        for layer in mix_points.held(model):
            stack.enter_context(replaced(layer, "call", following(layer, layer.call)))
        model(x, training=False)
    return found


def outputs_and_logits(model, x):
    """The outputs of a model, and what the softmax or sigmoid that made them was given, or None.

    Logits are known if a layer of the model ends with the activation, and nothing follows.
    """
    seen = []

    def recording(activation):
        def record(values, *args, **kwargs):
            outputs = activation(values, *args, **kwargs)
            seen.append((outputs, values))
            return outputs

        return record

    with contextlib.ExitStack() as stack:
        for layer in mix_points.held(model):
            if isinstance(layer, keras.layers.Softmax):
                stack.enter_context(replaced(layer, "call", recording(layer.call)))
            elif getattr(layer, "activation", None) in _TO_PROBABILITIES:
                stack.enter_context(replaced(layer, "activation", recording(layer.activation)))
        outputs = model(x, training=False)
    return outputs, next((values for made, values in seen if made is outputs), None)
