"""The mix points of a model, and its layers and inputs by name."""

import collections
import difflib
from typing import NamedTuple

import keras

from keras_mix._core.keras_compat import layers_in
from keras_mix.models._points import inputs
from keras_mix.models._points.inputs import INPUT


class Point(NamedTuple):
    """A mix point: where a batch may be mixed.

    Attributes:
        layers: The layers whose outputs are mixed, all by one plan; for the inputs their path.
        names: Their paths.
        blend: What is done there: see `keras_mix.models._forward.blends`.
        kinds: The kinds of its inputs, by names as in a mixer's `kinds`.
        readers: {path of inputs mixed here: the layer that reads them as ids, or None}.
    """

    layers: tuple
    names: tuple
    blend: object
    kinds: dict
    readers: dict

    @property
    def name(self):
        """The path, or the tuple of paths, as `mix_at=` takes it."""
        return self.names[0] if len(self.names) == 1 else self.names

    def name_of(self, layer):
        """The path of one of the layers."""
        return self.names[self.layers.index(layer)]


def held(base):
    """The layers in a model, itself not counted, each once, breadth first."""
    return [layer for layer, _ in _walk(base)]


def tree(base):
    """{path: layer} of all layers in a model; the names of nested ones are joined by "/".

    A second path of the same name gets a number, "dense#2".
    """
    found, prefixes = {}, {id(base): ""}
    for layer, parent in _walk(base):
        prefix = prefixes[id(parent)]
        path, number = prefix + layer.name, 2
        while path in found:
            path, number = f"{prefix}{layer.name}#{number}", number + 1
        found[path] = layer
        prefixes[id(layer)] = path + "/"
    return found


def _walk(base):
    """(layer, the one that holds it) of all layers but those of inputs, each once."""
    seen, queue = {id(base)}, collections.deque([base])
    while queue:
        parent = queue.popleft()
        for layer in layers_in(parent):
            if id(layer) not in seen and not isinstance(layer, keras.layers.InputLayer):
                seen.add(id(layer))
                queue.append(layer)
                yield layer, parent


def find(owner, base, entry):
    """The (path, layer) of one entry of `mix_at`.

    Args:
        owner: The wrapper's name, for messages.
        base: The model.
        entry: "input", "input/" and the key of one of several, a name, a path, an index into
            `base.layers`, or a layer.

    Raises:
        ValueError: If there is no such layer, or more than one.
    """
    if isinstance(entry, int) and not isinstance(entry, bool):
        entry = _layer_of_index(owner, base, entry)
    known = tree(base)
    if isinstance(entry, keras.layers.InputLayer):
        entry = inputs.path_of(owner, base, entry)
    if isinstance(entry, str) and (
        entry == INPUT or (entry not in known and inputs.may_be(base, entry))
    ):
        return entry, entry
    if isinstance(entry, keras.layers.Layer):
        path = next((path for path, layer in known.items() if layer is entry), None)
        if path is None:
            raise ValueError(
                f"{owner}: a layer in `mix_at` must belong to the model. Received: {entry!r}, "
                f"which is not in {base.name!r}."
            )
    elif isinstance(entry, str):
        path = _path_of_name(owner, base, known, entry, "mix_at", inputs.declared(base))
    else:
        raise ValueError(
            f"{owner}: `mix_at` must hold names, paths, indices or layers, or tuples of these. "
            f"Received: {entry!r}"
        )
    _refuse_cells(owner, known, path, "mixed")
    return path, known[path]


def layer_named(owner, base, name, option):
    """The (path, layer) of a name or path.

    Args:
        owner: The wrapper's name, for messages.
        base: The model.
        name: A name, or a path.
        option: The argument that it was given as, for messages.
    """
    known = tree(base)
    path = _path_of_name(owner, base, known, name, option)
    _refuse_cells(owner, known, path, "read")
    return path, known[path]


def _layer_of_index(owner, base, index):
    layers = base.layers
    if not -len(layers) <= index < len(layers):
        raise ValueError(
            f"{owner}: an index in `mix_at` must be between {-len(layers)} and "
            f"{len(layers) - 1}. Received: {index}"
        )
    return layers[index]


def _path_of_name(owner, base, known, name, option, of_inputs=None):
    matches = [path for path in known if path == name or path.endswith("/" + name)]
    if name in matches or len(matches) == 1:
        return name if name in matches else matches[0]
    if matches:
        raise ValueError(
            f"{owner}: several layers of {base.name!r} have this name. Received: {name!r}. "
            f"Name one by its path: {matches}"
        )
    known = [*known] if of_inputs is None else [INPUT, *of_inputs, *known]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    near = f"Similar names: {near}" if near else f"Known: {known[:20]}"
    raise ValueError(
        f"{owner}: `{option}` must name layers of the model {base.name!r}. Received: {name!r}. "
        f"{near}"
    )


def _refuse_cells(owner, known, path, verb):
    """What a recurrent layer calls at each step would be mixed, or read, at each step."""
    parents = (path[:end] for end, letter in enumerate(path) if letter == "/")
    for parent in parents:
        if isinstance(known[parent], keras.layers.RNN):
            raise ValueError(
                f"{owner}: layers inside a recurrent layer cannot be {verb}, since they are called "
                f"at every step. Received: {path!r}. Name {parent!r} instead."
            )
