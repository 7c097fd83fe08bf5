"""Default mix points: layers that all of a model's data pass, where its stages end."""

import warnings

import keras

from keras_mix._core import checks
from keras_mix._core.keras_compat import graph_of, layers_in
from keras_mix._core.ops.tensors import is_float
from keras_mix.models._points.dataflow import (
    Flow,
    bypassed,
    cut_points,
    gives_ids,
    holds_embedding,
    reader_of_ids,
    reads_ids,
)
from keras_mix.models._points.inputs import INPUT, declared, is_input

COUNT = 3


def default_entries(base):
    """What `mix_at` is by default.

    The input, unless it holds integers that are not images, or ids for an embedding (a subclassed
    model that holds an embedding is expected to embed its inputs). If all other inputs are only
    masks, it is the one that carries data. And at most three layers.

    Where Keras knows the graph, these are layers that all data pass through, after the first
    weights and before the output: the last one of each of the first three sizes of feature maps,
    or, where there are fewer sizes, those at a quarter, a half and three quarters. Tensors that
    are only masks are no data. Models inside the model are searched, too. Of any other model they
    are layers that it directly holds, but the last, in the order in which it made them: those that
    hold others, if there are any, else those with weights.

    Args:
        base: A Keras model.

    Returns:
        A list of "input" and paths.
    """
    graph = graph_of(base)
    first = _inputs(base, graph)
    points = _children(base) if graph is None else _middle(cut_points(base))
    ends = list({size: path for path, size in points}.values())
    if len(ends) >= COUNT:
        return first + ends[:COUNT]
    paths = [path for path, _ in points]
    quarters = (paths[len(paths) * quarter // 4] for quarter in range(1, COUNT + 1) if paths)
    return first + list(dict.fromkeys(quarters))


def input_and_last_map(owner, base, channels_first):
    """The input, unless it holds ids, and the last layer with several positions.

    Args:
        owner: The wrapper's name, for messages.
        base: A Keras model.
        channels_first: Whether the channels are the second axis.
    """
    graph = graph_of(base)
    spatial = slice(2, None) if channels_first else slice(1, -1)
    maps = [
        path
        for path, output, ends_stage in ([] if graph is None else cut_points(base))
        if ends_stage and is_float(output) and set(output.shape[spatial]) - {1}
    ]
    if not maps:
        checks.refuse(
            owner,
            "the default is the last layer with feature maps, such as (B, H, W, C), that all data "
            "pass through",
            f"{base.name!r}, which has none" if graph else f"{base.name!r}, of unknown graph",
            'Name one: mix_at=["input", "…"].',
        )
    return [*_inputs(base, graph), maps[-1]]


def warn_of_ways_around(owner, base, point):
    """Warns of data that pass by a mix point, such as the skip beside a residual branch.

    Only a graph that Keras knows can be judged, and of a layer without one only that data may
    bypass the layers inside.
    """
    graph = graph_of(base)
    if graph is None or INPUT in point.layers:
        return
    layers = {layer for layer in point.layers if not is_input(layer)}
    named = declared(base)
    mixed = [id(named[path]) for path in point.layers if is_input(path)]
    entering = [tensor for tensor in Flow(graph).inputs if id(tensor) not in mixed]
    for verb, through_unknown in (("bypass", False), ("may bypass", True)):
        if bypassed(graph, layers, through_unknown, entering):
            warnings.warn(
                f"{owner}: some of the data {verb} `{point.name}` and stay unmixed, while their "
                "labels are mixed. Mix where all data pass through, such as after the addition of "
                "a residual block, or name all branches in one tuple.",
                stacklevel=4,
            )
            return


def _middle(points):
    """(path, size) of those that may end a stage, but for the model's output."""
    return [
        (path, tuple(output.shape[1:-1]) or tuple(output.shape[1:]))
        for path, output, stage in points[:-1]
        if stage and is_float(output)
    ]


def _inputs(base, graph):
    """The inputs, or the one that is no mask, as a list of one path; empty if they hold ids."""
    if graph is None:
        return [] if holds_embedding(base) else [INPUT]
    if reader_of_ids(graph) is not None:
        return []
    if all(map(_blends, keras.tree.flatten(graph.inputs))):
        return [INPUT]
    data = [id(tensor) for tensor in Flow(graph).inputs]
    named = [(path, tensor) for path, tensor in declared(base).items() if id(tensor) in data]
    return [path for path, tensor in named if len(named) == 1 and _blends(tensor)]


def _first_of_data(layers):
    """The index of the last layer of a sequence that reads ids: all layers before it return ids."""
    read = [index for index, layer in enumerate(layers) if reads_ids(layer)]
    return read[-1] if read else 0


def _blends(tensor):
    return is_float(tensor) or (tensor.dtype == "uint8" and len(tensor.shape) >= 3)


def _children(base):
    """(path, path) of what a model of unknown graph may be mixed at."""
    layers = [x for x in layers_in(base) if not isinstance(x, keras.layers.InputLayer)][:-1]
    if isinstance(base, keras.Sequential):
        layers = layers[_first_of_data(layers) :]
    layers = [layer for layer in layers if not gives_ids(layer)]
    blocks = [layer for layer in layers if layers_in(layer)]
    weighted = [layer for layer in layers if layer.weights or not layer.built]
    return [(layer.name, layer.name) for layer in blocks or weighted]
