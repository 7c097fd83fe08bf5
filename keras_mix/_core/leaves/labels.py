"""Labels: Σ weight · label[source], or the union of the classes of all sources."""

import dataclasses
import functools

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import columns
from keras_mix._core.batch.kind_advice import for_class_ids
from keras_mix._core.batch.reader import classes_of
from keras_mix._core.batch.value_checks import check_class_ids, check_packable
from keras_mix._core.leaves.coordinates import refuse_coordinates
from keras_mix._core.leaves.rule import Passthrough, Rule
from keras_mix._core.plan.blending import blend, convert


@dataclasses.dataclass(frozen=True)
class Labels(Rule):
    """The rule of labels `(B, ...)`, one for each sample.

    Attributes:
        dtype: The dtype of the result.
        union: Whether to return the union of the sources' classes instead of their weighted mean.
        smoothing: The label smoothing, in [0, 1].
    """

    dtype: str
    union: bool = False
    smoothing: float = 0.0
    group: str | None = dataclasses.field(default="labels", kw_only=True)

    def form(self, tensor):
        return convert(tensor, self.dtype)

    def mix(self, plan, pool):
        pool = pool.map(self.form)
        return self.combined(pool.sources(plan), columns(plan.weights, pool.own))

    def combined(self, sources, weights):
        """Combines the labels of all sources."""
        if not self.union:
            return blend(sources, weights)
        # The maximum over the sources with a weight above 0.
        lowest = dtypes.limits(dtypes.of(sources[0]))[0]
        pairs = zip(sources, weights, strict=True)
        weighted = [xp.where(weight > 0, source, lowest) for source, weight in pairs]
        return functools.reduce(xp.maximum, weighted)

    def smooth(self, tensor):
        """y (1 - s) + s / K, with K = 2 for a binary label, which is one number."""
        if not self.smoothing:
            return tensor
        classes = 2 if self.is_binary(tensor.shape) else xp.shape(tensor)[-1]
        spread = self.smoothing / xp.cast(classes, tensor.dtype)
        return tensor * (1.0 - self.smoothing) + spread

    def is_binary(self, shape):
        """Whether labels of this shape are binary: one number from 0 to 1."""
        return len(shape) == 1 or shape[-1] == 1


@dataclasses.dataclass(frozen=True)
class BinaryLabels(Labels):
    """The rule of floats `(B,)`, `(B, 1)` or `(B, 1, K)` that are smoothed as labels.

    They are not declared to be labels, so a label rule does not apply to them.
    """

    group: str | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class ClassIds(Labels):
    """The rule of class ids `(B,)` or `(B, 1)`, returned one-hot encoded, `(B, K)`.

    Attributes:
        num_classes: The number of classes K.
    """

    num_classes: int = 0

    def form(self, tensor):
        ids = xp.cast(xp.reshape(tensor, [-1]), "int32")
        return xp.one_hot(ids, self.num_classes, dtype=self.dtype)


@dataclasses.dataclass(frozen=True)
class PackedClassIds(Rule):
    """The rule of class ids returned packed: float32 `(B, 2, S)`, see `ops.packed`.

    Attributes:
        number: The number of sources S.
    """

    number: int
    group: str | None = dataclasses.field(default="labels", kw_only=True)

    def form(self, tensor):
        ids = xp.repeat(self._flat(tensor)[:, None], self.number, axis=1)
        weights = xp.broadcast_to(xp.one_hot(0, self.number), xp.shape(ids))
        return xp.stack([ids, weights], axis=1)

    def mix(self, plan, pool):
        sources = pool.map(self._flat).sources(plan)
        # A plan of a `Choice` may have fewer sources: padded by the sample itself with weight 0.
        missing = self.number - plan.number
        ids = xp.stack(sources + sources[:1] * missing, axis=1)
        return xp.stack([ids, xp.pad(plan.weights, [[0, 0], [0, missing]])], axis=1)

    def _flat(self, ids):
        return xp.cast(xp.reshape(ids, [-1]), "float32")


def refuse_unused_mode(mixer, leaves, rules):
    """Refuses a `label_mode` that changes none of the targets."""
    targets = [leaf for leaf in leaves if leaf.target and leaf.kind != "passthrough"]
    changed = any(isinstance(rule, PackedClassIds) or getattr(rule, "union", 0) for rule in rules)
    if targets and not changed:
        checks.refuse(
            mixer.owner,
            f'`label_mode="{mixer.label_mode}"` needs a target of class ids'
            + (" or labels (B, K)" if mixer.label_mode == "union" else ""),
            ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in targets),
            "Pass class ids (B,) or (B, 1); of several targets, floats are class ids if "
            "`num_classes` names them in a dict. Or leave label_mode out.",
        )


def bind(mixer, leaf, grid):
    """The rule of labels `(B, K)`."""
    refuse_coordinates(mixer, leaf, None, grid)
    return Labels(leaf.precise_dtype, union=mixer.label_mode == "union")


def bind_class_ids(mixer, leaf, grid):
    """The rule of class ids, by the mixer's `label_mode` and `num_classes`."""
    count = classes_of(mixer.num_classes, leaf.name)
    if mixer.label_mode == "pairs":
        check_packable(mixer.owner, leaf)
        if count is not None:
            check_class_ids(mixer.owner, leaf, count)
        return PackedClassIds(mixer.num_sources)
    if count is None:
        if mixer.erases and not mixer.label_smoothing:
            # No label is mixed, so class ids stay class ids.
            return Passthrough()
        use, way_out = "mixed", for_class_ids(leaf.name)
        if mixer.label_mode == "union":
            way_out = "Pass `num_classes`."
        if mixer.erases:
            use, way_out = "smoothed", "Pass num_classes=…, or leave out label_smoothing."
        checks.reject(
            mixer.owner,
            leaf.name,
            f"holds class ids, which need `num_classes` to be {use}",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            way_out,
        )
    check_class_ids(mixer.owner, leaf, count)
    return ClassIds("float32", mixer.label_mode == "union", num_classes=count)
