"""Instance masks: those of all sources, cut along with the images, or empty if hidden."""

import dataclasses

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.grid import refuse_other_axes
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.leaves.segmentation_masks import SegmentationMasks


@dataclasses.dataclass(frozen=True)
class InstanceMasks(Rule):
    """The rule of masks of single objects `(B, N, H, W)`, which come out `(B, S · N, H, W)`.

    The mask of object n of source s comes out as s · N + n: what its source shows of it, where its
    source is placed. It keeps its values, so that they may tell the class, and 0 is outside. One
    of which less than `min_visible` is still seen is 0 everywhere.

    Attributes:
        number: The number of sources S that come out.
        min_visible: The share of an object that must be seen.
    """

    number: int
    min_visible: float

    weighable = False

    def form(self, tensor):
        return self._padded([tensor])

    def mix(self, plan, pool):
        if plan.number > 1:
            # A sample that is mixed with itself has each object once, unless it is moved.
            alone = tf.reduce_all(plan.sources == plan.sources[:, :1], axis=1)
            plan = plan if plan.placement is not None else plan.keep(~alone)
        parts = [None] * plan.number if plan.region is None else plan.coverage()
        found = []
        rule = SegmentationMasks((2, 3), pool.own.dtype, target=True)
        for number, part in enumerate(parts):
            placed = rule.placed(plan, pool, number)
            shown = plan.weights[:, number, None, None, None] > 0
            if part is not None:
                shown = part[:, None] if plan.hard else part[:, None] > 0
            seen = tf.where(shown, placed, tf.zeros([], placed.dtype))
            whole = _area(pool.source(plan, number))
            if plan.placement is not None:
                whole *= plan.placement.magnification(number, plan.region.sizes)
            kept = _area(seen) >= self.min_visible * whole
            found.append(tf.where(kept[..., None, None], seen, tf.zeros([], seen.dtype)))
        return self._padded(found)

    def _padded(self, found):
        missing = self.number - len(found)
        return tf.concat([*found, *[tf.zeros_like(found[0])] * missing], axis=1)


def bind(mixer, leaf, main):
    """The rule of instance masks."""
    shape, dtype = leaf.tensor.shape, leaf.tensor.dtype
    if shape.rank != 4 or not (dtype.is_integer or dtype.is_bool):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be integers or booleans (B, N, H, W) to be masks of N objects",
            checks.described(leaf.tensor),
        )
    refuse_other_axes(mixer, leaf)
    return InstanceMasks(mixer.num_sources, mixer.min_visible)


def boxes_of(masks):
    """The boxes around instance masks.

    Args:
        masks: Integers or booleans `(B, N, H, W)`, nonzero inside an object.

    Returns:
        float32 `(B, N, 4)`, left, top, right and bottom in pixels; -1 for an empty mask.
    """
    inside = masks if masks.dtype == tf.bool else masks != 0
    rows, columns = tf.reduce_any(inside, axis=3), tf.reduce_any(inside, axis=2)
    (top, bottom), (left, right) = _ends(rows), _ends(columns)
    found = tf.cast(tf.stack([left, top, right, bottom], axis=-1), tf.float32)
    return tf.where(tf.reduce_any(rows, axis=2, keepdims=True), found, -1.0)


def _area(masks):
    return tf.math.count_nonzero(masks, axis=[2, 3], dtype=tf.float32)


def _ends(lines):
    """int32 `(B, N)`, the first True of each line and one past the last."""
    place = tf.range(tf.shape(lines)[2])
    end = tf.reduce_max(tf.where(lines, place + 1, 0), axis=2)
    start = tf.reduce_min(tf.where(lines, place, tf.shape(lines)[2]), axis=2)
    return start, end
