"""Labels: Σ weight · label[source], or the union of the sources' classes."""

import dataclasses
import functools

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.advice import for_class_ids
from keras_mix._core.batch.reader import classes_of
from keras_mix._core.batch.value_checks import check_class_ids, check_packable
from keras_mix._core.broadcasting import over
from keras_mix._core.leaves.coordinates import refuse_coordinates
from keras_mix._core.leaves.rule import Passthrough, Rule
from keras_mix._core.plan.blending import blend, convert


@dataclasses.dataclass(frozen=True)
class Labels(Rule):
    """The rule of labels `(B, ...)`, each of a sample as a whole.

    Attributes:
        dtype: The dtype of the result.
        union: Whether a label is the union of its sources' classes instead of their mean.
        smoothing: The share of a label that is spread evenly over its classes.
    """

    dtype: tf.DType
    union: bool = False
    smoothing: float = 0.0
    group: str | None = dataclasses.field(default="labels", kw_only=True)

    def form(self, tensor):
        return convert(tensor, self.dtype)

    def mix(self, plan, pool):
        pool = pool.map(self.form)
        shares = [over(weight, pool.own) for weight in tf.unstack(plan.weights, axis=1)]
        return self.combined(pool.sources(plan), shares)

    def combined(self, sources, shares):
        """The labels of all sources as one, each with its share."""
        if not self.union:
            return blend(sources, shares)
        # The largest of the sources that have a share.
        lowest = sources[0].dtype.min
        shown = [tf.where(share > 0, s, lowest) for s, share in zip(sources, shares, strict=True)]
        return functools.reduce(tf.maximum, shown)

    def smooth(self, tensor):
        """y (1 - s) + s / K; of a binary label, which has one number, K is 2."""
        if not self.smoothing:
            return tensor
        classes = 2 if self.is_binary(tensor.shape) else tf.shape(tensor)[-1]
        spread = self.smoothing / tf.cast(classes, tensor.dtype)
        return tensor * (1.0 - self.smoothing) + spread

    def is_binary(self, shape):
        """Whether labels of this shape are single numbers from 0 to 1."""
        return shape.rank == 1 or shape[-1] == 1


@dataclasses.dataclass(frozen=True)
class BinaryLabels(Labels):
    """The rule of floats `(B,)`, `(B, 1)` or `(B, 1, K)` that are smoothed as labels.

    Nothing names them labels, so a label rule leaves them to the law of the plan.
    """

    group: str | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class ClassIds(Labels):
    """The rule of class ids `(B,)` or `(B, 1)`, which come out one-hot encoded, `(B, K)`.

    Attributes:
        num_classes: The number of classes K.
    """

    num_classes: int = 0

    def form(self, tensor):
        ids = tf.cast(tf.reshape(tensor, [-1]), tf.int32)
        return tf.one_hot(ids, self.num_classes, dtype=self.dtype)


@dataclasses.dataclass(frozen=True)
class PackedClassIds(Rule):
    """The rule of class ids that come out packed: float32 `(B, 2, S)`, see `ops.packed`.

    Attributes:
        number: The number of sources S.
    """

    number: int
    group: str | None = dataclasses.field(default="labels", kw_only=True)

    def form(self, tensor):
        ids = tf.repeat(self._flat(tensor)[:, None], self.number, axis=1)
        weights = tf.broadcast_to(tf.one_hot(0, self.number), tf.shape(ids))
        return tf.stack([ids, weights], axis=1)

    def mix(self, plan, pool):
        sources = pool.map(self._flat).sources(plan)
        # A plan of a choice may have fewer sources than another: the sample itself, of weight 0.
        missing = self.number - plan.number
        ids = tf.stack(sources + sources[:1] * missing, axis=1)
        return tf.stack([ids, tf.pad(plan.weights, [[0, 0], [0, missing]])], axis=1)

    def _flat(self, ids):
        return tf.cast(tf.reshape(ids, [-1]), tf.float32)


def bind(mixer, leaf, main):
    """The rule of labels `(B, K)`."""
    refuse_coordinates(mixer, leaf, None, main)
    return Labels(leaf.precise_dtype, union=mixer.label_mode == "union")


def bind_class_ids(mixer, leaf, main):
    """The rule of class ids, by the mixer's `label_mode` and `num_classes`."""
    count = classes_of(mixer.num_classes, leaf.name)
    if mixer.label_mode == "pairs":
        check_packable(mixer.owner, leaf)
        if count is not None:
            check_class_ids(mixer.owner, leaf, count)
        return PackedClassIds(mixer.num_sources)
    if count is None:
        if mixer.erases and not mixer.label_smoothing:
            # No label is mixed, so none needs the form of shares.
            return Passthrough()
        use, way_out = "mix", for_class_ids(leaf.name)
        if mixer.erases:
            use, way_out = "smooth", "Pass num_classes=…, or leave out label_smoothing."
        checks.reject(
            mixer.owner,
            leaf.name,
            f"holds class ids, whose number must be known to {use} them",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            way_out,
        )
    check_class_ids(mixer.owner, leaf, count)
    return ClassIds(tf.float32, mixer.label_mode == "union", num_classes=count)
