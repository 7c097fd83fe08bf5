"""The nested structure of a batch: its leaves' paths, and sets of boxes as one leaf each."""

from collections.abc import Mapping
from typing import NamedTuple

import keras

from keras_mix._core.backend import Tensor

# What the entries of a tuple are.
ROLES = ("x", "y", "sample_weight")


class BoxSet(NamedTuple):
    """The boxes of a batch.

    Attributes:
        boxes: floats [B, N, 4], in the mixer's format.
        labels: [B, N], their classes; -1 where there is no box.
        frame: float32 [2], the height and width of the images.
    """

    boxes: Tensor
    labels: Tensor
    frame: Tensor | None = None

    @property
    def shape(self):
        """The shape of the boxes."""
        return self.boxes.shape

    @property
    def dtype(self):
        """The dtype of the boxes."""
        return self.boxes.dtype


class BoxDict:
    """A dict of boxes and their labels, which keras.tree takes for one leaf.

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


class Entry(NamedTuple):
    """A leaf of a structure, before its kind is known.

    Attributes:
        name: Its path, such as "x", "y/age" or "images".
        role: "x", "y" or "sample_weight" in a tuple; "" in a dict.
        first: The first part of its path in a dict; "" in a tuple.
        value: What stands there; of a set of boxes a `BoxDict`.
    """

    name: str
    role: str
    first: str
    value: object


class Structure:
    """The structure of a batch: a dict, or a tuple (x,), (x, y) or (x, y, sample_weight).

    Args:
        given: The structure, nested as in `tf.nest`.

    Attributes:
        keyed: Whether it is a dict.
        folded: The structure with each set of boxes as one leaf.
        entries: An `Entry` for each leaf, in the order of `tf.nest`.
    """

    def __init__(self, given):
        self.keyed = isinstance(given, Mapping)
        self.entries = []
        self.folded = self._walk(given, ())

    @property
    def names(self):
        """The names of the leaves."""
        return [entry.name for entry in self.entries]

    def packed(self, results):
        """The structure with results in the place of its leaves, boxes by the keys they had."""
        found = [
            entry.value.restored(result) if isinstance(entry.value, BoxDict) else result
            for entry, result in zip(self.entries, results, strict=True)
        ]
        return keras.tree.pack_sequence_as(self.folded, found)

    def _walk(self, value, path):
        """The value as it is folded; its leaves become entries."""
        if isinstance(value, Mapping) and not (path and is_set_of_boxes(value)):
            # In the order of keras.tree.
            folded = {key: self._walk(value[key], (*path, str(key))) for key in sorted(value)}
            if all(folded[key] is value[key] for key in folded):
                return value
            return {key: folded[key] for key in value}
        if isinstance(value, list | tuple):
            folded = [self._walk(part, (*path, str(n))) for n, part in enumerate(value)]
            if all(new is old for new, old in zip(folded, value, strict=True)):
                return value
            named = hasattr(value, "_fields")
            return type(value)(*folded) if named else type(value)(folded)
        leaf = BoxDict(value) if isinstance(value, Mapping) else value
        role = "" if self.keyed else ROLES[int(path[0])]
        name = "/".join((role, *path[1:]) if role else path)
        self.entries.append(Entry(name, role, "" if role else path[0], leaf))
        return leaf


def is_set_of_boxes(value):
    """Whether a dict is one of boxes and their labels."""
    return set(value) in ({"boxes", "labels"}, {"boxes", "classes"})
