"""The nested structure of a batch: its leaves' paths, and sets of boxes as one leaf each."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf


class BoxSet(NamedTuple):
    """The boxes of a batch.

    Attributes:
        boxes: floats [B, N, 4], in the mixer's format.
        labels: [B, N], their classes; -1 where there is no box.
        frame: float32 [2], the height and width of the images.
    """

    boxes: tf.Tensor
    labels: tf.Tensor
    frame: tf.Tensor | None = None

    @property
    def shape(self):
        """The shape of the boxes."""
        return self.boxes.shape

    @property
    def dtype(self):
        """The dtype of the boxes."""
        return self.boxes.dtype


class BoxDict:
    """A dict of boxes and their labels, which tf.nest takes for one leaf.

    Args:
        given: The dict, of "boxes" and "labels" (as in Keras) or "classes" (as in KerasCV).
    """

    def __init__(self, given):
        self.given = given
        self.classes = "classes" if "classes" in given else "labels"

    @property
    def parts(self):
        """The boxes and their labels, by Keras's keys."""
        return {"boxes": self.given["boxes"], "labels": self.given[self.classes]}

    def restored(self, found):
        """A dict with Keras's keys, as one with the keys that were given."""
        if found is self:
            return self.given
        return {self.classes if key == "labels" else key: part for key, part in found.items()}


def fold(structure):
    """The structure, with each dict of boxes as one leaf."""
    if isinstance(structure, Mapping):
        if set(structure) in ({"boxes", "labels"}, {"boxes", "classes"}):
            return BoxDict(structure)
        folded = {key: fold(value) for key, value in structure.items()}
        changed = any(folded[key] is not structure[key] for key in folded)
        return folded if changed else structure
    if isinstance(structure, list | tuple):
        folded = [fold(value) for value in structure]
        if all(new is old for new, old in zip(folded, structure, strict=True)):
            return structure
        named = hasattr(structure, "_fields")
        return type(structure)(*folded) if named else type(structure)(folded)
    return structure


def restored(given, found):
    """A result in the place of what was given: a set of boxes with the keys that it had."""
    return given.restored(found) if isinstance(given, BoxDict) else found


def paths(structure, path=()):
    """The path of every leaf, in the order of tf.nest (which sorts the keys of a dict)."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from paths(structure[key], (*path, str(key)))
    elif isinstance(structure, list | tuple):
        for index, value in enumerate(structure):
            yield from paths(value, (*path, str(index)))
    else:
        yield path
