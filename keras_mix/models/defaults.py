"""Sensible places: the points that all of a model's data pass through, where its stages end."""

import warnings

import keras

from keras_mix.dtypes import is_float
from keras_mix.models import places
from keras_mix.models.inputs import INPUT, graph_of, is_input

COUNT = 3
# What stands before a network, and what belongs to the layer behind it, are no stages of their own.
NO_STAGES = (
    keras.layers.Normalization,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
)


def default_entries(base):
    """What `layers` is by default.

    The input, unless it is known to hold integers that are no images (of a subclassed model that
    is not known); and three layers at most. Of a model whose graph Keras knows they come from the
    layers that all data pass through after the first weights and before the output: the last one
    of each of the first three sizes of feature maps, or, where there are fewer sizes, those at a
    quarter, a half and three quarters. Of any other model they come from the layers that it
    directly holds, but the last, in the order in which it made them: those that hold others, if
    there are any, else those with weights.

    Args:
        base: A Keras model.

    Returns:
        A list of "input" and paths.
    """
    graph = graph_of(base)
    first = [INPUT] if graph is None or _blends_inputs(graph) else []
    points = _children(base) if graph is None else _middle(cut_points(base))
    ends = list({size: path for path, size in points}.values())
    if len(ends) >= COUNT:
        return first + ends[:COUNT]
    paths = [path for path, _ in points]
    quarters = (paths[len(paths) * quarter // 4] for quarter in range(1, COUNT + 1) if paths)
    return first + list(dict.fromkeys(quarters))


def warn_of_ways_around(owner, base, place):
    """Warns where data pass a place by, such as the skip beside a residual branch.

    Only a single layer in a graph that Keras knows can be judged.
    """
    graph = graph_of(base)
    if graph is None or place.layers == (INPUT,) or len(place.layers) > 1:
        return
    name = place.names[0]
    if is_input(place.layers[0]):
        passed_by = len(graph.inputs) > 1
    else:
        known = {layer.name for layer in graph.operations}
        points = [path for path, _, _ in cut_points(base)]
        passed_by = name.split("/")[0] in known and name not in points
    if passed_by:
        warnings.warn(
            f"{owner}: some of the data reach the output past `{name}` and stay unmixed there, "
            "while their labels are mixed. Mix where all pass through, such as behind the addition "
            "of a residual block; or name all ways at once in a tuple.",
            stacklevel=4,
        )


def cut_points(base, prefix=""):
    """[(path, output, whether it can end a stage)] of the layers all data pass through."""
    nodes = _nodes(graph_of(base))
    uses = _last_uses(nodes)
    points, live, weighted = [], set(), False
    for index, node in enumerate(nodes):
        live |= {id(output) for output in node.outputs if output.dtype != "bool"}
        live = {tensor for tensor in live if uses.get(tensor, len(nodes)) > index}
        layer = node.operation
        stage = not isinstance(layer, NO_STAGES)
        weighted = weighted or (stage and bool(getattr(layer, "weights", ())))
        alone = len(node.outputs) == 1 and live == {id(node.outputs[0])}
        if node.is_input or not alone or not isinstance(layer, keras.layers.Layer):
            continue
        path = prefix + layer.name
        if graph_of(layer) is not None:
            inner = cut_points(layer, path + "/")
            # What the last of them gives out is what the model itself does: one stage, not two.
            points += inner[:-1] + [(last, output, False) for last, output, _ in inner[-1:]]
        points.append((path, node.outputs[0], stage and weighted))
    return points


def _middle(points):
    """(path, size) of those that may end a stage, but for the model's output."""
    return [
        (path, tuple(output.shape[1:-1]) or tuple(output.shape[1:]))
        for path, output, stage in points[:-1]
        if stage and is_float(output)
    ]


def _nodes(graph):
    """A graph's nodes, each after those it depends on, without those that compute masks."""
    by_depth = graph._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [node for node in nodes if node.is_input or not _is_mask(node)]


def _is_mask(node):
    return all(output.dtype == "bool" for output in node.outputs)


def _last_uses(nodes):
    """{id of a tensor: the index of the last node that takes it}."""
    return {id(t): index for index, node in enumerate(nodes) for t in node.input_tensors}


def _blends_inputs(graph):
    return all(is_float(t) or (t.dtype == "uint8" and len(t.shape) >= 3) for t in graph.inputs)


def _children(base):
    """(path, path) of what a model of unknown graph may be mixed at."""
    layers = [x for x in places.children(base) if not isinstance(x, keras.layers.InputLayer)][:-1]
    blocks = [layer for layer in layers if places.children(layer)]
    weighted = [layer for layer in layers if layer.weights or not layer.built]
    return [(layer.name, layer.name) for layer in blocks or weighted]
