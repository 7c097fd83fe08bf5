"""The inputs of a model as mix points: all of them, "input", or one, such as "input/image"."""

import keras

from keras_mix._core import keras_compat, leaf_names
from keras_mix._core.keras_compat import graph_of
from keras_mix._core.ops.tensors import is_float

INPUT = "input"
# The kinds of inputs that may be named, since integers are mixed only on request.
KINDS = ("images", "values")


def is_input(layer):
    """Whether a layer of a mix point stands for inputs, which only have a path."""
    return isinstance(layer, str)


def named(inputs):
    """{path: input} of inputs that are several, such as "input/image" or "input/0"."""
    return {path: leaf for path, leaf in paths(INPUT, inputs) if path != INPUT}


def paths(role, structure):
    """[(path, leaf)] of inputs ("x") or targets ("y"), such as "x" alone or "y/mask"."""
    leaves = keras.tree.flatten_with_path(structure)
    return [("/".join([role, *map(str, path)]), leaf) for path, leaf in leaves]


def kinds_at(kinds, layers):
    """The entries of `kinds` that name inputs mixed at a mix point, as its mixer names them.

    A mixer calls one of several inputs, mixed by itself, "x".
    """
    found = {}
    for path in layers:
        if path == INPUT:
            found |= kinds
        elif is_input(path):
            found["x"] = leaf_names.entry(kinds, "x" + path.removeprefix(INPUT))
    return {name: kind for name, kind in found.items() if kind in KINDS}


def declared(base):
    """`named` as a functional model declares its inputs; of any other model nothing is known."""
    graph = graph_of(base)
    return {} if graph is None else named(graph.input)


def as_taken(base, inputs):
    """The inputs as a functional model declares them, in their order, dtypes and ranks."""
    graph = graph_of(base)
    if graph is None:
        return inputs
    return keras_compat.standardized(graph, inputs)


def rounded(base, inputs, mixed):
    """Blends of integers that a model takes as such, rounded: Keras would cut their fractions off.

    Where it takes some integers as floats, too, these are rounded with the others.
    """
    graph = graph_of(base)
    if graph is None or all(is_float(x) for x in graph.inputs):
        return mixed

    def leaf(given, new):
        blended = given is not None and not is_float(given) and is_float(new)
        return keras.ops.round(new) if blended else new

    return keras.tree.map_structure(leaf, inputs, mixed)


def may_be(base, path):
    """Whether a path is one of the inputs, or may be, where it is not known what these are."""
    if graph_of(base) is None:
        return path.startswith(INPUT + "/")
    return path in declared(base)


def path_of(owner, base, layer):
    """The path of an `InputLayer` of the model."""
    found = declared(base) or {INPUT: base.inputs[0]}
    path = next((path for path, x in found.items() if x is layer.output), None)
    if path is None:
        raise ValueError(
            f"{owner}: a layer in `mix_at` must belong to the model. Received: {layer!r}, which is "
            f"not an input of {base.name!r}."
        )
    return path
