"""What comes out of a mixer, found by tracing its call: for symbolic inputs, or for bare shapes."""

from collections.abc import Mapping

import keras

from keras_mix._core import leaf_names
from keras_mix._core.backend import xp
from keras_mix._core.batch import call_forms
from keras_mix._core.batch.reader import classes_of
from keras_mix._core.batch.structure import BoxDict, Structure

# What leaves of these kinds hold; the others may be floats.
_DTYPES = {
    "lengths": "int32",
    "masks": "bool",
    "token_ids": "int32",
    "instance_masks": "int32",
}


def of_call(layer, args, kwargs):
    """The `KerasTensor`s that a call with `KerasTensor`s gives."""
    return xp.traced(layer.call, args, kwargs)


def of_shapes(layer, *shapes):
    """The shapes that a call gives for those of its arguments, in their structure.

    Leaves count as floats, but for class ids where the layer knows the number of classes, and for
    leaves that the layer's `kinds` name.
    """
    given = [_specs(shape) for shape in shapes if shape is not None]
    structure, pack = call_forms.arranged(layer.owner, *given, *[None] * (3 - len(given)))
    structure = Structure(structure)
    batch = pack(structure.packed([_typed(layer, entry) for entry in structure.entries]))
    outputs = xp.traced(layer.call, (batch,), {"training": False})
    return keras.tree.map_structure(lambda spec: tuple(spec.shape), outputs)


def dtype_of_shape(layer, name, kind, shape):
    """The dtype that a leaf of this kind and shape is taken to have."""
    if kind == "labels":
        if layer.soft_masks and (len(shape) == 3 or (len(shape) == 4 and shape[-1] == 1)):
            return "int32"
        column = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
        known = layer.label_mode == "pairs" or classes_of(layer.num_classes, name) is not None
        return "int32" if column and known and layer.label_mode != "values" else "float32"
    if kind == "segmentation_masks":
        return "int32"
    return _DTYPES.get(kind, "float32")


def _typed(layer, entry):
    """The spec of a leaf of this shape; boxes and their labels may be floats."""
    if isinstance(entry.value, BoxDict):
        return entry.value
    kind = "labels" if entry.role == "y" else entry.first or None
    kind = leaf_names.entry(layer.kinds, entry.name) or kind
    shape = entry.value.shape
    return keras.KerasTensor(shape, layer.dtype_of_shape(entry.name, kind, shape))


def _specs(shape):
    """A structure of shapes as one of specs."""
    if isinstance(shape, Mapping):
        return {name: _specs(part) for name, part in shape.items()}
    if all(size is None or isinstance(size, int) for size in shape):
        return keras.KerasTensor(shape)
    return type(shape)(_specs(part) for part in shape)
