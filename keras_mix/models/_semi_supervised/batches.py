"""Batches of samples, as structures of tensors."""

import keras
from keras import ops


def joined(structures):
    """Structures of tensors, concatenated along the axis of samples."""
    return keras.tree.map_structure(lambda *parts: ops.concatenate(parts, axis=0), *structures)


def size_of(structure):
    """The number of samples of a structure of tensors."""
    return ops.shape(keras.tree.flatten(structure)[0])[0]
