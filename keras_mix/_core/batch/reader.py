"""Reads what a layer is called with into named leaves, and refuses what cannot be mixed."""

from typing import NamedTuple

import numpy as np

from keras_mix._core import checks, dtypes, kinds, leaf_names
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size, compatible
from keras_mix._core.batch.batch import Leaf, behind
from keras_mix._core.batch.kind_advice import for_input, for_keys
from keras_mix._core.batch.second_batch import matched
from keras_mix._core.batch.structure import BoxDict, BoxSet, Structure
from keras_mix._core.leaf_names import key


class Reader:
    """Determines the kind of every leaf, by the options of one layer."""

    def __init__(self, owner, label_mode, num_classes, kinds, passthrough, tables=False):
        self.owner = owner
        self.label_mode = label_mode
        self.num_classes = num_classes
        self.kinds = kinds
        self.passthrough = tuple(passthrough)
        self.tables = tables

    def read(self, structure):
        """The leaves of a `Structure`."""
        given = [self._given(entry) for entry in structure.entries]
        if structure.keyed:
            self._refuse_unknown_keys(given)
        labels = [each for each in given if each.is_label]
        sole = sum(not isinstance(each.tensor, BoxSet | BoxDict) for each in labels) == 1
        leaves = [self._leaf(each, sole) for each in given]
        if self.num_classes is not None and (sole or isinstance(self.num_classes, dict)):
            for leaf in leaves:
                if leaf.kind == "labels":
                    self._check_columns(leaf, leaves)
        self._check_batched(leaves)
        return self._of_one_size(leaves)

    def read_partners(self, partners, own):
        """The second batch's leaves in the order of the first's.

        The entry is None where it has no label or weight: the first batch's is kept.
        """
        second = {leaf.name: leaf for leaf in self.read(Structure(partners))}
        return matched(self.owner, own, second)

    def _given(self, entry):
        """An entry of the structure with its tensor, and what its name alone determines."""
        name, role = entry.name, entry.role
        named = leaf_names.entry(self.kinds, name) if self.kinds else None
        passes = bool(self.passthrough) and not {name, key(name)}.isdisjoint(self.passthrough)
        stated = named
        if not named and not passes:
            stated = "sample_weights" if role == "sample_weight" else entry.first or None
        value = entry.value
        if isinstance(value, BoxDict):
            tensor = value if passes else self._boxes(name, value.parts)
        elif passes and (value is None or xp.is_tensor(value)):
            # Returned unchanged, whatever it is.
            tensor = value
        else:
            tensor = tensor_of(self.owner, name, value)
        return _Given(
            name=name,
            target=role == "y" or entry.first in kinds.TARGETS,
            known=bool(named or passes or role) or entry.first in kinds.KEYS,
            texts=named == "texts" or (self.tables and role == "x"),
            passes=passes,
            stated=stated,
            is_label=stated == "labels" or (stated is None and role == "y"),
            tensor=tensor,
        )

    def _leaf(self, given, sole):
        """The `Leaf`, with its kind.

        Args:
            given: A `_Given`.
            sole: Whether the batch has one label only.
        """
        name, tensor, kind = given.name, given.tensor, given.stated
        if given.passes:
            kind = "passthrough"
        elif isinstance(tensor, BoxSet):
            kind = "bounding_boxes"
        elif kind == "bounding_boxes":
            checks.reject(
                self.owner,
                name,
                'must be a dict of "boxes" (B, N, 4) and "labels" (B, N), as in Keras',
                checks.described(tensor),
            )
        else:
            refuse_unmixable(self.owner, name, tensor, given.texts, given.is_label)
            if given.is_label:
                kind = self._kind_of_label(name, tensor, sole)
            elif kind is None:
                kind = self._kind_of_input(name, tensor)
        known = kinds.ALL[given.stated or kind]
        target = known.is_target or (given.target and not known.of_sequences)
        return Leaf(name, kind, tensor, target)

    def _boxes(self, name, parts):
        """The `BoxSet` of a dict of boxes and labels."""
        for part in parts:
            path = f"{name}/{part}"
            parts[part] = tensor_of(self.owner, path, parts[part])
            refuse_unmixable(self.owner, path, parts[part], texts=False, labels=part == "labels")
        boxes, labels = parts["boxes"], parts["labels"]
        if dtypes.of(labels) == "bool" or dtypes.of(labels).startswith("uint"):
            checks.reject(
                self.owner,
                f"{name}/labels",
                "must be signed numbers, since -1 marks rows without a box",
                checks.described(labels),
                "Cast them to int32.",
            )
        shapes = boxes.shape, labels.shape
        if len(shapes[0]) != 3 or shapes[0][-1] != 4:
            checks.reject(self.owner, name, "must hold boxes (B, N, 4)", checks.described(boxes))
        if len(shapes[1]) != 2 or not compatible(shapes[0][:2], shapes[1]):
            checks.reject(
                self.owner,
                name,
                "must have one label for each box, (B, N)",
                f"boxes {tuple(shapes[0])} and labels {tuple(shapes[1])}",
            )
        if None in (*shapes[0], *shapes[1]):
            sentence = f"{self.owner}: `{name}` must have one label for each box, (B, N)."
            check = xp.checked(xp.equal(xp.shape(boxes)[:2], xp.shape(labels)), sentence)
            boxes, labels = xp.behind([check], [boxes, labels])
        if not dtypes.is_floating(boxes):
            boxes = xp.cast(boxes, "float32")
        return BoxSet(boxes, labels)

    def _refuse_unknown_keys(self, given):
        """Refuses a dict with keys that are neither Keras's nor named, all in one sentence."""
        unknown = [(each.name, each.tensor) for each in given if not each.known]
        if unknown:
            names = ", ".join(f"`{name}`" for name, _ in unknown)
            rule = "is neither one of" if len(unknown) == 1 else "are neither among"
            checks.refuse(
                self.owner,
                f"{names} {rule} Keras's keys, {list(kinds.KEYS)}, nor named by `kinds`",
                ", ".join(f"{name}: {checks.described(tensor)}" for name, tensor in unknown),
                for_keys(unknown),
            )

    def _kind_of_input(self, name, tensor):
        rank = len(tensor.shape)
        if self.tables and rank <= 2:
            return "columns"
        if dtypes.is_floating(tensor):
            return "images" if rank >= 4 else "values"
        if dtypes.of(tensor) == "uint8" and rank >= 3:
            return "images"
        return checks.reject(
            self.owner,
            name,
            "holds integers or booleans, which cannot be averaged meaningfully",
            checks.described(tensor),
            for_input(name, tensor),
        )

    def _kind_of_label(self, name, tensor, sole):
        rank, shape = len(tensor.shape), tensor.shape
        column = rank == 1 or (rank == 2 and shape[1] == 1)
        if self.label_mode == "values":
            return "labels" if rank == 2 and not column else "values"
        # Keras's augmentations turn the class ids of a dict into floats. Among several heads,
        # one number of classes, or a mode for class ids, does not say which of them are ids.
        clear = sole or isinstance(self.num_classes, dict)
        floats_are_ids = clear and classes_of(self.num_classes, name) is not None
        floats_are_ids |= sole and self.label_mode != "auto"
        if column and (floats_are_ids or not dtypes.is_floating(tensor)):
            return "class_ids"
        if rank == 2 and shape[1] is None and (floats_are_ids or not dtypes.is_floating(tensor)):
            self._check_several_columns(name, tensor)
        if dtypes.is_floating(tensor):
            return "labels" if rank == 2 and not column else "values"
        if rank == 0:
            return "class_ids"
        if rank == 2:
            self._check_indicators(name, tensor)
            return "labels"
        return "segmentation_masks"

    def _check_columns(self, leaf, leaves):
        """Refuses labels (B, K) of another K than the number of classes."""
        if not isinstance(self.num_classes, dict) and any(
            other.kind == "segmentation_masks" for other in leaves
        ):
            # It may be that of soft masks.
            return
        count = classes_of(self.num_classes, leaf.name)
        if count and leaf.tensor.shape[1] not in (None, count):
            checks.reject(
                self.owner,
                leaf.name,
                f"must have one column for each class, since num_classes={count}",
                checks.described(leaf.tensor),
                "Leave `num_classes` out, or pass the number of columns.",
            )

    def _check_several_columns(self, name, tensor):
        sentence = (
            f"{self.owner}: `{name}` must have a known number of columns where that is 1: "
            "it then holds class ids. "
            f" Received: {checks.described(tensor)}. Call `set_shape` on it."
        )
        xp.checked(xp.not_equal(xp.shape(tensor)[1], 1), sentence)

    def _check_indicators(self, name, tensor):
        rule = "as integers (B, K) must hold only 0 and 1"
        way_out = "Multi-hot encode several class ids per sample, or cast numbers to float."
        values = xp.known(tensor)
        if values is None:
            legal = xp.equal(tensor, xp.cast(xp.cast(tensor, "bool"), tensor.dtype))
            xp.checked(legal, f"{self.owner}: `{name}` {rule}. {way_out}")
        elif not np.isin(values, (0, 1)).all():
            received = f"values up to {values.max()}, {checks.described(tensor)}"
            checks.reject(self.owner, name, rule, received, way_out)

    def _check_batched(self, leaves):
        mixed = [leaf for leaf in leaves if leaf.kind != "passthrough"]
        if not mixed:
            rule, received = "a batch must have something to mix", "no tensor that can be mixed"
            checks.refuse(self.owner, rule, received)
        for leaf in mixed:
            if len(leaf.tensor.shape) == 0:
                checks.reject(
                    self.owner,
                    leaf.name,
                    "must hold a batch of samples",
                    "a scalar: the sample is not batched",
                    "Call `dataset.batch(…)` before mixing.",
                )
        images = [leaf for leaf in mixed if leaf.kind == "images"]
        for leaf in images:
            if len(leaf.tensor.shape) < 3 or (len(leaf.tensor.shape) == 3 and len(mixed) == 1):
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
        # Text leaves are compared last.
        first, *others = sorted(mixed, key=lambda leaf: leaf.kind == "texts")
        known = first.tensor.shape[0]
        counted = None
        checked = []
        for leaf in others:
            size = leaf.tensor.shape[0]
            if size == known and size is not None:
                continue
            rule = f"must have the same number of samples as `{first.name}`"
            hint = "Is the dataset batched?"
            if None not in (size, known):
                checks.reject(self.owner, leaf.name, rule, f"{size} beside {known} samples", hint)
            counted = axis_size(first.tensor, 0) if counted is None else counted
            alike = xp.equal(axis_size(leaf.tensor, 0), counted)
            checked.append(xp.checked(alike, f"{self.owner}: `{leaf.name}` {rule}. {hint}"))
        return behind(checked, leaves) if checked else leaves


class _Given(NamedTuple):
    """A leaf, before its kind is known.

    Attributes:
        name: As in `structure.Entry`.
        target: Whether its role or key is that of a target. It stays one even if `kinds` names
            another kind.
        known: Whether its role, its key or an option says what it is.
        texts: Whether it may hold strings.
        passes: Whether it is returned unchanged.
        stated: The kind that its name or key states; None if it follows from its role and dtype.
        is_label: Whether it is a label, of a kind that follows from its dtype and shape.
        tensor: As in `Leaf`; or whatever is returned unchanged.
    """

    name: str
    target: bool
    known: bool
    texts: bool
    passes: bool
    stated: str | None
    is_label: bool
    tensor: object


def classes_of(num_classes, name):
    """The number of classes of a head, or None if it was not given."""
    return leaf_names.entry(num_classes, name) if isinstance(num_classes, dict) else num_classes


def tensor_of(owner, name, value):
    """The value as a tensor of known rank; refuses anything else."""
    if value is None:
        checks.reject(owner, name, "must be a tensor", "None")
    kind = type(value).__name__.removesuffix("Tensor").lower()
    if kind in ("ragged", "sparse"):
        checks.reject(owner, name, "must be a dense tensor", f"a {kind} tensor", "Pad it first.")
    try:
        tensor = xp.given(value)
    except (TypeError, ValueError):
        dataset = hasattr(value, "element_spec")
        checks.reject(
            owner,
            name,
            "must be a tensor, or an array of one dtype",
            f"a value of the type {type(value).__name__}",
            "Mix a dataset by dataset.map(layer) or keras_mix.data.mix(dataset, layer)."
            if dataset
            else "",
        )
    if getattr(tensor.shape, "rank", 0) is None:
        checks.reject(owner, name, "must have a known rank", "unknown", "Call `set_shape` on it.")
    return tensor


def refuse_unmixable(owner, name, tensor, texts, labels):
    """Refuses dtypes that no rule mixes.

    Args:
        owner: The name that the message begins with.
        name: The name of the leaf.
        tensor: Its values.
        texts: Whether it may hold strings.
        labels: Whether it holds labels.
    """
    dtype = dtypes.of(tensor)
    known = dtypes.is_floating(dtype) or dtypes.is_integer(dtype) or dtype == "bool"
    if known or (texts and dtype == "string"):
        return
    checks.reject(
        owner,
        name,
        f"has dtype {dtype}, which cannot be mixed",
        checks.described(tensor),
        f"{_way_out_of_strings(labels)} or leave it as it is, passthrough=['{key(name)}'].",
    )


def _way_out_of_strings(labels):
    """What to do with strings, as the first half of a sentence."""
    if labels:
        return "Encode labels as class ids, for example by keras.layers.StringLookup,"
    return "Mix columns of strings by TabularMix, and captions by MixGen;"
