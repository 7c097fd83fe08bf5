"""How data pass through the graph of a functional model: what carries data, masks and ids."""

import inspect
from typing import NamedTuple

import keras

from keras_mix._core.keras_compat import graph_of, nodes_of
from keras_mix.models._forward.masks import is_mask
from keras_mix.models._points import mix_points

# Layers that read ids or categories, whose means are none.
_READ_IDS = (
    keras.layers.Embedding,
    keras.layers.CategoryEncoding,
    keras.layers.Hashing,
    keras.layers.HashedCrossing,
    keras.layers.IntegerLookup,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)
# Layers that give out integers, ids or counts of them, in every mode but "tf_idf".
_GIVE_IDS = (
    keras.layers.Discretization,
    keras.layers.HashedCrossing,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)
# What stands before a network, and what belongs to the layer after it, are no stages of their own.
_NO_STAGES = (
    keras.layers.Normalization,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
)


class CutPoint(NamedTuple):
    """A layer that all data pass through.

    Attributes:
        path: As `mix_at` takes it.
        output: Its symbolic output.
        ends_stage: Whether a stage of the network may end there.
    """

    path: str
    output: object
    ends_stage: bool


class Flow:
    """The tensors of a graph that carry data to the outputs that are used.

    A tensor that is only ever a mask, by itself or computed into one, carries none.

    Args:
        graph: A functional graph, as `graph_of` returns it.
        used: The indices of the outputs that count. Defaults to None: all.
    """

    def __init__(self, graph, used=None):
        self.nodes = nodes_of(graph)
        outputs = keras.tree.flatten(graph.outputs)
        outputs = [output for i, output in enumerate(outputs) if used is None or i in used]
        # {id of a tensor that carries data: the index of the last node that takes them}
        self.last_use = {id(output): len(self.nodes) for output in outputs}
        for index in reversed(range(len(self.nodes))):
            node = self.nodes[index]
            if not node.is_input and self.used_outputs(node):
                for tensor in self.data_inputs(node):
                    self.last_use.setdefault(id(tensor), index)
        self.inputs = [t for t in keras.tree.flatten(graph.inputs) if id(t) in self.last_use]

    def used_outputs(self, node):
        """The indices of a node's outputs that carry data."""
        return {i for i, output in enumerate(node.outputs) if id(output) in self.last_use}

    def data_inputs(self, node):
        """The tensors that a node takes as data."""
        inner = graph_of(node.operation)
        taken = node.input_tensors
        if inner is not None and len(taken) == len(keras.tree.flatten(inner.inputs)):
            kept = {id(t) for t in Flow(inner, self.used_outputs(node)).inputs}
            pairs = zip(taken, keras.tree.flatten(inner.inputs), strict=True)
            taken = [tensor for tensor, own in pairs if id(own) in kept]
        else:
            taken = keras.tree.flatten(
                [value for name, value in _arguments(node) if not is_mask(name)]
            )
        return [t for t in taken if isinstance(t, keras.KerasTensor) and t.dtype != "bool"]


def cut_points(base, prefix="", used=None):
    """The `CutPoint`s of a functional model, in the order of its calls.

    Args:
        base: The model.
        prefix: What stands before the paths of its layers.
        used: The indices of its outputs that count; None for all.
    """
    flow = Flow(graph_of(base), used)
    points, weighted = [], False
    # Keras may list an input after layers that it passes by; it is there from the beginning.
    live = {id(tensor) for tensor in flow.inputs}
    for index, node in enumerate(flow.nodes):
        own = {id(output) for output in node.outputs} & flow.last_use.keys()
        live = {tensor for tensor in live | own if flow.last_use[tensor] > index}
        layer = node.operation
        stage = not isinstance(layer, _NO_STAGES)
        weighted = weighted or (stage and bool(getattr(layer, "weights", ())))
        if node.is_input or not own or live != own or not isinstance(layer, keras.layers.Layer):
            continue
        path = prefix + layer.name
        inner = []
        if graph_of(layer) is not None:
            inner = cut_points(layer, path + "/", flow.used_outputs(node))
        if len(node.outputs) == 1:
            # What the last of them gives out is what the model itself does: one stage, not two.
            inner[-1:] = [point._replace(ends_stage=False) for point in inner[-1:]]
            inner.append(CutPoint(path, node.outputs[0], stage and weighted))
        points += inner
    return points


def bypassed(graph, layers, through_unknown, entering=None):
    """The indices of a graph's outputs that data reach past every one of some layers.

    Args:
        graph: A functional graph.
        layers: A set of layers, each of which counts at all of its calls.
        through_unknown: Whether data bypass layers that are held by a layer without a graph.
        entering: The inputs at which data enter. Defaults to None: all.
    """
    flow = Flow(graph)
    reached = {id(tensor) for tensor in (flow.inputs if entering is None else entering)}
    for node in flow.nodes:
        operation, taken = node.operation, flow.data_inputs(node)
        if node.is_input or operation in layers or not any(id(t) in reached for t in taken):
            continue
        inner = graph_of(operation)
        if inner is not None:
            pairs = zip(node.input_tensors, keras.tree.flatten(inner.inputs), strict=False)
            own = [own for tensor, own in pairs if id(tensor) in reached]
            indices = bypassed(inner, layers, through_unknown, own)
        else:
            is_layer = isinstance(operation, keras.layers.Layer)
            holds = is_layer and not layers.isdisjoint(mix_points.held(operation))
            # All data that a wrapper takes pass the one layer inside.
            through = through_unknown and not isinstance(operation, keras.layers.Wrapper)
            indices = range(len(node.outputs) if through or not holds else 0)
        reached |= {id(node.outputs[index]) for index in indices}
    outputs = keras.tree.flatten(graph.outputs)
    return {index for index, output in enumerate(outputs) if id(output) in reached}


def reads_ids(layer):
    """Whether a layer reads ids, or is a model that holds such a layer."""
    return isinstance(layer, _READ_IDS) or holds_embedding(layer)


def gives_ids(layer):
    """Whether a layer of Keras looks up, hashes or bins its inputs, and so returns integers."""
    return isinstance(layer, _GIVE_IDS) and layer.get_config()["output_mode"] != "tf_idf"


def holds_embedding(layer):
    """Whether a layer or model holds a layer that reads ids."""
    return any(isinstance(held, _READ_IDS) for held in mix_points.held(layer))


def reader_of_ids(graph, inputs=None):
    """The path of a layer that reads inputs of a functional graph as ids, or None.

    Args:
        graph: The graph.
        inputs: The inputs. Defaults to None: all.
    """
    nodes = Flow(graph).nodes
    pending = list(keras.tree.flatten(graph.inputs) if inputs is None else inputs)
    seen = set()
    while pending:
        tensor = pending.pop()
        for node in nodes:
            if id(node) in seen or not any(tensor is t for t in node.input_tensors):
                continue
            reader = _reader(node.operation, tensor)
            if reader is not None:
                return reader
            # What has no weights may cast, reshape or select ids, and hands them on.
            if not getattr(node.operation, "weights", ()):
                seen.add(id(node))
                pending += node.outputs
    return None


def _reader(operation, tensor):
    """The path of what reads a tensor as ids in an operation, or None."""
    inner = graph_of(operation)
    if inner is not None:
        path = reader_of_ids(inner)
        return None if path is None else f"{operation.name}/{path}"
    reads = isinstance(operation, _READ_IDS)
    if not reads and isinstance(operation, keras.layers.Layer):
        # An embedding of positions stands in vision transformers, too, whose images have more axes.
        reads = len(tensor.shape) <= 2 and holds_embedding(operation)
    return operation.name if reads else None


def _arguments(node):
    """(name, value) of each argument of a node's call; None for a positional one without name."""
    args, kwargs = node.arguments.args, node.arguments.kwargs
    names = list(inspect.signature(node.operation.call).parameters)
    names += [None] * (len(args) - len(names))
    return [*zip(names, args, strict=False), *kwargs.items()]
