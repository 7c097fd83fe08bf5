"""What single layers of a model compute in a call of it, and replacing that for the call."""

import contextlib

import keras

from keras_mix._core import tf_compat
from keras_mix._core.keras_compat import graph_of, nodes_of
from keras_mix._core.ops import known_logits
from keras_mix.models._points import mix_points

_SOFTMAX, _SIGMOID = keras.activations.softmax, keras.activations.sigmoid
# Operations have no public names.
_OPERATIONS = ("Softmax", "Sigmoid")


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
    """The outputs of a model, and the logits that they were made from, or None.

    Logits are known if a layer, or an operation of a graph, ends with a softmax, or one unit with a
    sigmoid, and what follows tells what it makes of them: see `known_logits`.
    """

    def telling(activation, is_softmax):
        def tell(values, *args, **kwargs):
            outputs = activation(values, *args, **kwargs)
            if is_softmax or known_logits.is_one_unit(values):
                known_logits.tell(outputs, lambda: values)
            return outputs

        return tell

    with known_logits.followed(), contextlib.ExitStack() as stack:
        layers = mix_points.held(model)
        for operation in _operations([model, *layers]):
            name = type(operation).__name__
            if name in _OPERATIONS:
                function = telling(operation.call, name == "Softmax")
                stack.enter_context(replaced(operation, "call", function))
        for layer in layers:
            if isinstance(layer, keras.layers.Softmax):
                stack.enter_context(replaced(layer, "call", telling(layer.call, True)))
            elif getattr(layer, "activation", None) in (_SOFTMAX, _SIGMOID):
                function = telling(layer.activation, layer.activation is _SOFTMAX)
                stack.enter_context(replaced(layer, "activation", function))
        outputs = model(x, training=False)
        return outputs, known_logits.behind(outputs)


def _operations(layers):
    """What the functional graphs of layers call that is no layer."""
    graphs = filter(None, map(graph_of, layers))
    found = [node.operation for graph in graphs for node in nodes_of(graph)]
    return [operation for operation in found if not isinstance(operation, keras.Layer)]
