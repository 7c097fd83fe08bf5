"""Random batches for `test_fuzz.py`: structures, dtypes, ranks and sizes, from a seed.

Sample i of a leaf is the constant i wherever its dtype allows, so that what a mixer makes of it is
known from the weights of one-hot labels alone.
"""

import collections
from typing import NamedTuple

import numpy as np
import tensorflow as tf

Pair = collections.namedtuple("Pair", ["left", "right"])

FLOATS = ["float32", "float32", "float32", "float16", "bfloat16", "float64"]
INTEGERS = ["uint8", "uint8", "int32", "int64", "uint16", "bool"]
ODD = ["complex64", "string", "ragged", "sparse", "none", "nan", "inf", "object", "scalar"]
KEYS = ("images", "segmentation_masks", "sample_weights", "bounding_boxes", "image", "id")
# The name of the one-hot labels that tell the weights of a mixture.
PROBE = "probe"
# The name of the images whose channels tell the sources of each pixel: in those of sample i channel
# i is 1 and all others are 0.
SCENE = "scene"
# The targets of objects in a scene, and their kinds.
OBJECTS = {"points": "keypoints", "flagged": "keypoints", "objects": "instance_masks"}


class Case(NamedTuple):
    """One call of a mixer.

    Attributes:
        arguments: A list, (x, y), (x, y, sample_weight), or a dict alone.
        unknown: A random number for each flat leaf; None where the call is eager.
        size: The number of samples.
    """

    arguments: list
    unknown: list | None
    size: int

    @property
    def kinds(self):
        """The kinds that the layer must be given: a dict by the names of leaves."""
        labels = self.arguments[1] if len(self.arguments) > 1 else {}
        return {name: kind for name, kind in OBJECTS.items() if name in labels}


def case(random, channels_first=False):
    """A random `Case`, its scene with channels first or last."""
    size = int(random.choice([0, 1, 2, 4, 4, 4]))
    grid = [int(n) for n in random.choice([1, 2, 4, 4, 5, 6], 3)]
    make = _Maker(random, size, grid)
    labels = {PROBE: np.eye(size, max(size, 2), dtype="float32")}
    if random.random() < 0.5:
        labels["other"] = make.structure(make.target, depth=1)
    chance = random.random()
    if chance < 0.25:
        batch = {"images": make.structure(make.image, depth=1), "labels": labels}
        if random.random() < 0.5:
            batch[str(random.choice(KEYS))] = make.structure(make.target, depth=1)
        arguments = [batch]
    elif chance < 0.45:
        inputs = {SCENE: make.scene(channels_first)}
        if random.random() < 0.3:
            # A video would take the channels of the scene for its width.
            inputs["other"] = make.image(rank=2)
        arguments = [inputs, labels | make.objects()]
    else:
        arguments = [make.structure(make.input, depth=2), labels]
        if random.random() < 0.25:
            arguments.append(make.structure(make.weight, depth=1))
    unknown = None
    if random.random() < 0.35 and all(_has_spec(leaf) for leaf in tf.nest.flatten(arguments)):
        unknown = [random.random() for _ in tf.nest.flatten(arguments)]
    return Case(arguments, unknown, size)


def signature(case):
    """The `tf.TensorSpec`s of a case, with sizes that are unknown at random."""

    def spec(leaf, chance):
        leaf = np.asarray(leaf)
        shape = list(leaf.shape)
        if chance > 0.3 and shape:
            shape[0] = None
        if chance > 0.6:
            shape = [None] * len(shape)
        elif chance > 0.5 and len(shape) > 1:
            shape[1] = None
        return tf.TensorSpec(shape, leaf.dtype)

    leaves = tf.nest.flatten(case.arguments)
    specs = [spec(*pair) for pair in zip(leaves, case.unknown, strict=True)]
    return tf.nest.pack_sequence_as(case.arguments, specs)


class _Maker:
    def __init__(self, random, size, grid):
        self.random = random
        self.size = size
        self.grid = grid

    def structure(self, leaf, depth):
        """A leaf, or a tuple, list, dict or namedtuple of some."""
        kind = self.random.choice(["leaf", "leaf", "leaf", "list", "dict", "pair", "tuple"])
        if not depth or kind == "leaf":
            return leaf()
        parts = [self.structure(leaf, depth - 1) for _ in range(self.random.integers(1, 4))]
        if kind == "dict":
            names = self.random.permutation(["a", "b", "boxes", "zz"])
            return {str(name): part for name, part in zip(names, parts, strict=False)}
        if kind == "pair":
            return Pair(parts[0], parts[-1])
        return tuple(parts) if kind == "tuple" else parts

    def input(self):
        if self.random.random() < 0.06:
            return self.odd()
        if self.random.random() < 0.1:
            return self.constant(self.shape(), str(self.random.choice(INTEGERS)))
        if self.random.random() < 0.5:
            return self.image()
        return self.constant(self.shape(), str(self.random.choice(FLOATS)))

    def image(self, rank=None):
        rank = rank or int(self.random.choice([2, 2, 2, 3]))
        channels = [int(self.random.choice([1, 2, 3]))]
        dtype = "uint8" if self.random.random() < 0.3 else str(self.random.choice(FLOATS))
        sizes = [*self.grid[:rank], *channels]
        if self.random.random() < 0.04:
            sizes[int(self.random.integers(len(sizes)))] = 0
        return self.constant(sizes, dtype)

    def target(self):
        chance = self.random.random()
        if chance < 0.05:
            return self.odd()
        if chance < 0.15:
            count = int(self.random.integers(0, 4))
            boxes = np.tile(np.float32([0, 0, 1, 1]), (self.size, count, 1))
            names = "boxes", str(self.random.choice(["labels", "classes"]))
            return dict(zip(names, (boxes, np.zeros((self.size, count))), strict=True))
        if chance < 0.3:
            return np.arange(self.size).astype(str(self.random.choice(["int32", "int64", "uint8"])))
        if chance < 0.55:
            rank = int(self.random.choice([1, 2, 2, 3]))
            dtype = str(self.random.choice([*INTEGERS, *FLOATS]))
            return self.constant(self.grid[:rank] + [1] * int(self.random.integers(0, 2)), dtype)
        return self.constant(self.shape(), str(self.random.choice(FLOATS)))

    def scene(self, channels_first):
        rows = np.eye(self.size, max(self.size, 1), dtype="float32")
        axes = (2, 3) if channels_first else (1, 2)
        values = np.expand_dims(rows, axes)
        for axis, size in zip(axes, self.grid, strict=False):
            values = values.repeat(size, axis)
        return self.container(values)

    def objects(self):
        """Some of `OBJECTS`, which fill a scene at random; each has a number in the batch."""
        height, width = self.grid[:2]
        count = int(self.random.integers(0, 4))
        numbers = 1 + np.arange(self.size * count).reshape(self.size, count)
        # Any float is exact to the quarter of a pixel.
        places = self.random.integers(0, [4 * width, 4 * height], (self.size, count, 2)) / 4
        flagged = np.concatenate([places, numbers[..., None]], axis=-1)
        inside = self.random.random((self.size, count, height, width)) < self.random.random()
        dtype = tf.as_dtype(str(self.random.choice(FLOATS))).as_numpy_dtype
        masks = (inside * numbers[..., None, None]).astype(str(self.random.choice(INTEGERS)))
        found = {"points": places.astype(dtype), "flagged": flagged.astype(dtype), "objects": masks}
        chosen = self.random.permutation(list(found))[: self.random.integers(1, 4)]
        return {str(name): self.container(found[str(name)]) for name in chosen}

    def weight(self):
        shape = self.random.choice(["", "column", "grid", "any"])
        shape = {"": [], "column": [1], "grid": self.grid[:2]}.get(shape) or self.shape()
        if self.random.random() < 0.6:
            shape = []
        dtype = "float32" if self.random.random() < 0.8 else str(self.random.choice(INTEGERS))
        return self.constant(shape, dtype)

    def shape(self):
        rank = int(self.random.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5]))
        sizes = [int(n) for n in self.random.choice([1, 2, 4, 4, 5, 6], rank)]
        if self.random.random() < 0.4:
            sizes[: len(self.grid)] = self.grid[:rank]
        if rank and self.random.random() < 0.05:
            sizes[int(self.random.integers(rank))] = 0
        return sizes

    def constant(self, shape, dtype):
        """Sample i is the constant i; the number of samples is seldom another."""
        size = self.size + int(self.random.random() < 0.02)
        values = np.arange(size).reshape(-1, *[1] * len(shape)) * np.ones((1, *shape))
        return self.container(values.astype(tf.as_dtype(dtype).as_numpy_dtype))

    def container(self, values):
        """An array, a tensor, or now and then a list."""
        chance = self.random.random()
        if chance < 0.4:
            return tf.constant(values)
        if chance < 0.45 and values.dtype == np.float32 and values.size:
            return values.tolist()
        return values

    def odd(self):
        kind = self.random.choice(ODD)
        if kind in ("nan", "inf"):
            values = np.full((self.size, *self.shape()), float(kind), "float32")
            return self.container(values)
        if kind == "complex64":
            return np.ones((self.size, 3), "complex64")
        if kind == "string":
            return np.array(["text"] * self.size)
        if kind == "ragged":
            return tf.RaggedTensor.from_row_lengths(tf.zeros([self.size]), [1] * self.size)
        if kind == "sparse":
            return tf.sparse.from_dense(tf.zeros([self.size, 2]))
        if kind == "object":
            return np.array([{}] * self.size, dtype=object)
        return None if kind == "none" else 1.5


def _has_spec(leaf):
    """Whether a leaf can be the argument of a graph."""
    plain = isinstance(leaf, np.ndarray) and leaf.dtype != object and leaf.dtype.kind != "U"
    return plain or isinstance(leaf, tf.Tensor | float)
