"""Reads what a layer is called with into named leaves, and refuses what cannot be mixed."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.advice import DICT_KEYS, for_input, for_keys
from keras_mix._core.batch.batch import Leaf, axis_size, behind
from keras_mix._core.batch.second_batch import matched
from keras_mix._core.batch.structure import BoxDict, BoxSet, paths
from keras_mix._core.batch.tensors import refuse_unmixable, tensor_of
from keras_mix._core.leaf_names import entry, key

TARGETS = (
    "labels",
    "segmentation_masks",
    "bounding_boxes",
    "keypoints",
    "instance_masks",
    "frame_labels",
)


class Reader:
    """Tells the kind of every leaf; holds the options of one layer."""

    def __init__(self, owner, label_mode, num_classes, kinds, passthrough, tables=False):
        self.owner = owner
        self.label_mode = label_mode
        self.num_classes = num_classes
        self.kinds = kinds
        self.passthrough = tuple(passthrough)
        self.tables = tables

    def names(self, structure):
        """The names of the leaves, in their order."""
        return [self._role_and_name(structure, path)[1] for path in paths(structure)]

    def read(self, structure):
        """The leaves of a dict, or of a tuple (x,), (x, y) or (x, y, sample_weight)."""
        given = []
        for path, value in zip(paths(structure), tf.nest.flatten(structure), strict=True):
            role, name = self._role_and_name(structure, path)
            given.append((role, name, path, self._tensor(name, value)))
        self._refuse_unknown_keys(given)
        for role, name, _, tensor in given:
            if not self._passes(name):
                texts = self._named_kind(name) == "texts" or (self.tables and role == "x")
                refuse_unmixable(self.owner, name, tensor, texts=texts)
        found = [
            (role, name, self._stated(role, name, path), tensor)
            for role, name, path, tensor in given
        ]
        # Named as another kind, "labels" remain what a model learns.
        targets = [role == "y" or path[0] in TARGETS * (not role) for role, _, path, _ in given]
        labels = [tensor for role, _, stated, tensor in found if _is_label(role, stated)]
        sole = sum(not isinstance(tensor, BoxSet | BoxDict) for tensor in labels) == 1
        leaves = [
            Leaf(
                name,
                self._kind(role, stated, name, tensor, sole),
                tensor,
                target=stated in TARGETS or (target and stated not in checks.TELLING),
            )
            for (role, name, stated, tensor), target in zip(found, targets, strict=True)
        ]
        self._check_batched(leaves)
        return self._of_one_size(leaves)

    def read_partners(self, partners, own):
        """The second batch's leaves in the order of the first's.

        None stands where it has no label or weight, so that the first batch's is kept.
        """
        whole = isinstance(partners, Mapping | tuple)
        donors = {leaf.name: leaf for leaf in self.read(partners if whole else (partners,))}
        return matched(self.owner, own, donors)

    def _role_and_name(self, structure, path):
        if isinstance(structure, Mapping):
            return "", "/".join(path)
        role = ("x", "y", "sample_weight")[int(path[0])]
        return role, "/".join((role, *path[1:]))

    def _tensor(self, name, value):
        if self._passes(name):
            # It is only handed on, whatever it is.
            whole = isinstance(value, BoxDict) or value is None or tf.is_tensor(value)
            return value if whole else tensor_of(self.owner, name, value)
        if isinstance(value, BoxDict):
            parts = {part: self._tensor(f"{name}/{part}", v) for part, v in value.parts.items()}
            return self._boxes(name, **parts)
        return tensor_of(self.owner, name, value)

    def _boxes(self, name, boxes, labels):
        for part, tensor in (("boxes", boxes), ("labels", labels)):
            refuse_unmixable(self.owner, f"{name}/{part}", tensor, texts=False)
        if labels.dtype.is_bool or labels.dtype.is_unsigned:
            checks.reject(
                self.owner,
                f"{name}/labels",
                "must be signed numbers, since -1 marks places without a box",
                checks.described(labels),
                "Cast them to int32.",
            )
        shapes = boxes.shape, labels.shape
        if shapes[0].rank != 3 or shapes[0][-1] != 4:
            checks.reject(self.owner, name, "must hold boxes (B, N, 4)", checks.described(boxes))
        if shapes[1].rank != 2 or not shapes[0][:2].is_compatible_with(shapes[1]):
            checks.reject(
                self.owner,
                name,
                "must have one label for each box, (B, N)",
                f"boxes {tuple(shapes[0])} and labels {tuple(shapes[1])}",
            )
        if None in (*shapes[0], *shapes[1]):
            sentence = f"{self.owner}: `{name}` must have one label for each box, (B, N)."
            check = tf.debugging.assert_equal(tf.shape(boxes)[:2], tf.shape(labels), sentence)
            with tf.control_dependencies([check]):
                boxes, labels = tf.identity(boxes), tf.identity(labels)
        if not boxes.dtype.is_floating:
            boxes = tf.cast(boxes, tf.float32)
        return BoxSet(boxes, labels)

    def _passes(self, name):
        return name in self.passthrough or key(name) in self.passthrough

    def _refuse_unknown_keys(self, given):
        """Refuses a dict with keys that are neither Keras's nor named, all in one sentence."""
        unknown = [
            (name, tensor)
            for role, name, path, tensor in given
            if not role
            and path[0] not in DICT_KEYS
            and not (self._passes(name) or self._named_kind(name))
        ]
        if unknown:
            names = ", ".join(f"`{name}`" for name, _ in unknown)
            rule = "is not a known key" if len(unknown) == 1 else "are not known keys"
            checks.refuse(
                self.owner,
                f"{names} {rule}, {list(DICT_KEYS)}, nor named by `kinds`",
                ", ".join(checks.described(tensor) for _, tensor in unknown),
                for_keys(unknown),
            )

    def _named_kind(self, name):
        return entry(self.kinds, name)

    def _stated(self, role, name, path):
        """The kind that a leaf's name or key states; None where its place and dtype tell it."""
        stated = self._named_kind(name)
        if stated or self._passes(name):
            return stated
        if role == "sample_weight":
            return "sample_weights"
        return None if role else path[0]

    def _kind(self, role, stated, name, tensor, sole):
        if self._passes(name):
            return "passthrough"
        if isinstance(tensor, BoxSet):
            return "bounding_boxes"
        if stated == "bounding_boxes":
            return checks.reject(
                self.owner,
                name,
                'must be a dict of "boxes" (B, N, 4) and "labels" (B, N), as in Keras',
                checks.described(tensor),
            )
        if _is_label(role, stated):
            return self._kind_of_label(name, tensor, sole)
        return stated or self._kind_of_input(name, tensor)

    def _kind_of_input(self, name, tensor):
        rank = tensor.shape.rank
        if self.tables and rank <= 2:
            return "columns"
        if tensor.dtype.is_floating:
            return "images" if rank >= 4 else "values"
        if tensor.dtype == tf.uint8 and rank >= 3:
            return "images"
        return checks.reject(
            self.owner,
            name,
            "holds integers or booleans, which cannot be averaged meaningfully",
            checks.described(tensor),
            for_input(name, tensor),
        )

    def _kind_of_label(self, name, tensor, sole):
        rank, shape = tensor.shape.rank, tensor.shape
        column = rank == 1 or (rank == 2 and shape[1] == 1)
        if self.label_mode == "values":
            return "labels" if rank == 2 and not column else "values"
        # Keras's augmentations turn the class ids of a dict into floats. Among several heads,
        # one number of classes does not tell which of them are ids.
        told = sole or isinstance(self.num_classes, dict)
        floats_are_ids = told and classes_of(self.num_classes, name) is not None
        if column and (floats_are_ids or not tensor.dtype.is_floating):
            return "class_ids"
        if rank == 2 and shape[1] is None and (floats_are_ids or not tensor.dtype.is_floating):
            self._check_several_columns(name, tensor)
        if tensor.dtype.is_floating:
            return "labels" if rank == 2 and not column else "values"
        if rank == 0:
            return "class_ids"
        if rank == 2:
            self._check_indicators(name, tensor)
            return "labels"
        return "segmentation_masks"

    def _check_several_columns(self, name, tensor):
        sentence = (
            f"{self.owner}: `{name}` must have a known number of columns where that is 1: "
            "it then holds class ids. "
            f" Received: {checks.described(tensor)}. Call `set_shape` on it."
        )
        tf.debugging.assert_none_equal(tf.shape(tensor)[1], 1, message=sentence)

    def _check_indicators(self, name, tensor):
        rule = "as integers (B, K) must be indicators of 0 and 1"
        way_out = "One-hot encode several class ids a sample, or cast numbers to float."
        values = known_values(tensor)
        if values is None:
            legal = tensor == tf.cast(tf.cast(tensor, tf.bool), tensor.dtype)
            tf.debugging.assert_equal(legal, True, f"{self.owner}: `{name}` {rule}. {way_out}")
        elif not np.isin(values, (0, 1)).all():
            received = f"values up to {values.max()}, {checks.described(tensor)}"
            checks.reject(self.owner, name, rule, received, way_out)

    def _check_batched(self, leaves):
        mixed = [leaf for leaf in leaves if leaf.kind != "passthrough"]
        if not mixed:
            checks.refuse(self.owner, "there is nothing to mix", "no leaf of a kind that is mixed")
        for leaf in mixed:
            if leaf.tensor.shape.rank == 0:
                checks.reject(
                    self.owner,
                    leaf.name,
                    "must hold a batch of samples",
                    "a scalar: the sample is not batched",
                    "Call `dataset.batch(…)` before mixing.",
                )
        images = [leaf for leaf in mixed if leaf.kind == "images"]
        for leaf in images:
            if leaf.tensor.shape.rank < 3 or (leaf.tensor.shape.rank == 3 and len(mixed) == 1):
                checks.reject(
                    self.owner,
                    leaf.name,
                    "must be a batch of images (B, H, W, C)",
                    checks.described(leaf.tensor),
                    "Batch a single image first; give a batch of grayscale images a last axis.",
                )

    def _of_one_size(self, leaves):
        """The leaves, refused if they differ in their number of samples."""
        mixed = [leaf for leaf in leaves if leaf.kind != "passthrough"]
        # Texts go along with the rest.
        first, *others = sorted(mixed, key=lambda leaf: leaf.kind == "texts")
        checked = []
        for leaf in others:
            sizes = first.tensor.shape[0], leaf.tensor.shape[0]
            rule = f"must have as many samples as `{first.name}`"
            hint = "Is the dataset batched?"
            if None not in sizes and sizes[0] != sizes[1]:
                checks.reject(
                    self.owner, leaf.name, rule, f"{sizes[1]} beside {sizes[0]} samples", hint
                )
            if None in sizes:
                sizes = axis_size(leaf.tensor, 0), axis_size(first.tensor, 0)
                sentence = f"{self.owner}: `{leaf.name}` {rule}. {hint}"
                checked.append(tf.debugging.assert_equal(*sizes, sentence))
        return behind(checked, leaves) if checked else leaves


def classes_of(num_classes, name):
    """The number of classes of a head, or None where it was not given."""
    return entry(num_classes, name) if isinstance(num_classes, dict) else num_classes


def known_values(tensor):
    """The values of an eager tensor; None while a graph is traced."""
    return tensor.numpy() if hasattr(tensor, "numpy") else None


def _is_label(role, stated):
    return stated == "labels" or (stated is None and role == "y")
