"""The nested structure of a batch: its leaves' paths, and sets of boxes as one leaf each."""

from collections.abc import Mapping


class BoxSet:
    """A dict of boxes and their labels, which tf.nest takes for one leaf."""

    def __init__(self, parts):
        self.parts = parts


def fold(structure):
    """The structure, with each of Keras's dicts of boxes as one leaf."""
    if isinstance(structure, Mapping):
        if set(structure) == {"boxes", "labels"}:
            return BoxSet(structure)
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
