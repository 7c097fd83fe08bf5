"""Names the operation behind which a model has no gradient to its input."""

import keras

from keras_mix._core import keras_compat
from keras_mix.robustness import _gradients


def where_it_stops(model, x):
    """Returns ", from … on" with the first operation whose output has no gradient, or "".

    Args:
        model: Keras model.
        x: Array, a batch of its inputs.
    """
    graph = keras_compat.graph_of(model)
    if graph is None:
        return ""
    for node in keras_compat.nodes_of(graph):
        if node.is_input:
            continue
        output = keras.tree.flatten(node.outputs)[0]
        if not (keras.backend.is_float_dtype(output.dtype) and _has_gradient(graph, output, x)):
            return f", from {node.operation.name!r} ({type(node.operation).__name__}) on"
    return ""


def _has_gradient(graph, output, x):
    part = keras.Model(graph.inputs, output)

    def function(inputs):
        outputs = part(inputs, training=False)
        # Squared: the outputs of a softmax have a constant sum.
        return (keras.ops.sum(outputs**2, axis=tuple(range(1, len(outputs.shape)))),)

    _, gradient = _gradients.compiled(function, part).gradient(x)
    return gradient is not None and gradient.any()
