"""Keypoints: those of all sources, moved with their source and marked where they are hidden."""

import dataclasses

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.grid import refuse_other_axes
from keras_mix._core.leaves.rule import Rule


@dataclasses.dataclass(frozen=True)
class Keypoints(Rule):
    """The rule of keypoints `(B, N, 2)` or `(B, N, 3)`, which come out `(B, S · N, 2 or 3)`.

    A keypoint is (x, y) in pixels and, of three numbers, a flag that is 0 where it is not visible.
    Keypoint n of source s comes out at s · N + n. One that is hidden under another source, that
    lies outside the images or whose source has no weight is not visible: (-1, -1), or its place
    with the flag 0.

    Attributes:
        number: The number of sources S that come out.
        min_visible: The share of a pixel that a source must have for its keypoints to be visible.
    """

    number: int
    min_visible: float

    weighable = False

    def form(self, tensor):
        return self._padded([tensor])

    def mix(self, plan, pool):
        if plan.number > 1:
            # A sample that is mixed with itself has each keypoint once, unless it is moved.
            alone = tf.reduce_all(plan.sources == plan.sources[:, :1], axis=1)
            plan = plan if plan.placement is not None else plan.keep(~alone)
        parts = [None] * plan.number if plan.region is None else plan.coverage()
        found = []
        for number, (points, part) in enumerate(zip(pool.sources(plan), parts, strict=True)):
            moved = _moved(plan, points, number)
            seen = plan.weights[:, number, None] > 0
            if part is not None:
                seen = _share(part, moved) >= max(self.min_visible, 1e-6)
            found.append(_marked(moved, points[..., 2:], seen & _given(points)))
        return self._padded(found)

    def _padded(self, found):
        """Keypoints of all sources in as many rows as always come out, those that miss hidden."""
        nothing = -tf.ones_like(found[0][..., :2])
        nothing = tf.concat([nothing, tf.zeros_like(found[0][..., 2:])], axis=-1)
        return tf.concat([*found, *[nothing] * (self.number - len(found))], axis=1)


def bind(mixer, leaf, main):
    """The rule of keypoints."""
    shape = leaf.tensor.shape
    if shape.rank != 3 or shape[2] not in (2, 3) or not leaf.tensor.dtype.is_floating:
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be floats (B, N, 2) or (B, N, 3) to be keypoints: x, y in pixels, and a flag",
            checks.described(leaf.tensor),
        )
    refuse_other_axes(mixer, leaf)
    return Keypoints(mixer.num_sources, mixer.min_visible)


def _moved(plan, points, source):
    """The places (x, y) of a source's keypoints in the result."""
    places = points[..., :2]
    if plan.placement is None:
        return places
    rows_first = tf.reverse(tf.cast(places, tf.float32), [-1])
    moved = plan.placement.move(rows_first, source, plan.region.sizes)
    return tf.cast(tf.reverse(moved, [-1]), points.dtype)


def _share(part, places):
    """float32 `(B, N)`, the share that a source has in the pixel of each place; 0 outside."""
    size = tf.stack(tf.unstack(tf.shape(part))[:0:-1])
    pixel = tf.cast(tf.floor(places), tf.int32)
    inside = tf.reduce_all((pixel >= 0) & (pixel < size), axis=-1)
    row_and_column = tf.reverse(tf.clip_by_value(pixel, 0, size - 1), [-1])
    shape = tf.shape(places)
    part = tf.broadcast_to(part, [shape[0], *tf.unstack(tf.shape(part))[1:]])
    share = tf.gather_nd(tf.cast(part, tf.float32), row_and_column, batch_dims=1)
    return tf.where(inside, share, 0.0)


def _given(points):
    """bool `(B, N)`, which keypoints there are: by their flag, or else by places of at least 0."""
    if points.shape[-1] == 3:
        return points[..., 2] > 0
    return tf.reduce_all(points >= 0, axis=-1)


def _marked(places, flags, seen):
    """Keypoints with those that are not seen marked."""
    if flags.shape[-1]:
        return tf.concat([places, tf.where(seen[..., None], flags, 0)], axis=-1)
    return tf.where(seen[..., None], places, -1)
