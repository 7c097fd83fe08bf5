"""Bounding boxes under a plan: what can still be seen of each, and the box around that.

A place of the result shows one source. A box keeps what its own source shows inside of it, and is
cropped to the smallest box around that: so it shrinks where the rest is a rectangle, and stays
where a piece was cut out of its middle or its corner.
"""

import dataclasses
import functools
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.batch import axis_size
from keras_mix._core.batch.grid import refuse_other_axes
from keras_mix._core.leaf_names import key
from keras_mix._core.leaves.box_visibility import visible
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan import plan as plans


class Options(NamedTuple):
    """How boxes are treated; see the arguments of `keras_mix.layers.Mixer`."""

    format: str
    max_boxes: int | None = None
    min_visible: float = 0.1
    details: bool = False
    sources: int = 2


class _Seen(NamedTuple):
    """What is seen of the boxes of one source, all [B, N] but `pixels`.

    Attributes:
        pixels: float32 [B, N, 4], left, top, right, bottom of the box around what is seen.
        area: float32, how much is seen, in pixels.
        visible: float32, the share of the whole box that this is.
        weights: float32, the share of the source there.
        original: [B, N, 4], the box as it was given.
        moved: bool, whether it is another box than that.
        labels: Its class.
    """

    pixels: tf.Tensor
    area: tf.Tensor
    visible: tf.Tensor
    weights: tf.Tensor
    original: tf.Tensor
    moved: tf.Tensor
    labels: tf.Tensor


@dataclasses.dataclass(frozen=True)
class BoundingBoxes(Rule):
    """The rule of a `BoxSet`, under its `Options`."""

    options: Options

    weighable = False

    def form(self, tensor):
        """The boxes unmixed, with as many places for them as if they were mixed."""
        given = pixels(tensor, self.options)
        whole = tf.ones_like(given[..., 0])
        moved = tf.zeros_like(whole, tf.bool)
        seen = _Seen(given, area_of(given), whole, whole, tensor.boxes, moved, tensor.labels)
        return _collected([seen], tensor, self.options)

    def mix(self, plan, pool):
        """The boxes of all sources that can still be seen."""
        plan = plans.once(plan)
        seen = [self._seen(plan, pool, source) for source in range(plan.number)]
        return _collected(seen, pool.own, self.options)

    def _seen(self, plan, pool, source):
        """What is seen of the boxes of one source, a `_Seen`."""
        frame = pool.own.frame
        boxes, labels, given = (
            pool.map(part).source(plan, source)
            for part in (_boxes_of, _labels_of, functools.partial(pixels, options=self.options))
        )
        placed = _placed(plan, given, source, frame)
        area, rest = visible(plan, source, placed, frame)
        share = tf.math.divide_no_nan(area, area_of(placed))
        weights = tf.ones_like(share)
        if plan.region is None:
            weights *= plan.weights[:, source, None]
        elif not plan.hard:
            weights = share
        return _Seen(
            rest, area, share, weights, boxes, tf.reduce_any(rest != given, axis=-1), labels
        )


def bind(mixer, leaf, main):
    """The rule of a set of boxes, by the mixer's options of boxes."""
    if mixer.bounding_box_format is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds boxes, whose format must be known to mix them",
            f"{checks.described(leaf.tensor)} and no `bounding_box_format`",
            'Pass bounding_box_format="xyxy", say; or leave them as they are, '
            f'passthrough=["{key(leaf.name)}"].',
        )
    refuse_other_axes(mixer, leaf)
    return BoundingBoxes(mixer.box_options)


def _boxes_of(boxes):
    return boxes.boxes


def _labels_of(boxes):
    return boxes.labels


def pixels(boxes, options):
    """float32 [B, N, 4], left, top, right and bottom in pixels."""
    return _converted(tf.cast(boxes.boxes, tf.float32), boxes.frame, options.format, "xyxy")


def from_pixels(pixels, frame, target):
    """float32 [B, N, 4] in a format, of left, top, right and bottom in pixels."""
    return _converted(pixels, frame, "xyxy", target)


def _converted(boxes, frame, source, target):
    """In a graph, where Keras computes by TensorFlow whatever its backend is."""
    if tf.inside_function():
        return _convert(boxes, frame, source, target)
    return _conversion(source, target, boxes.dtype)(boxes, frame)


def _convert(boxes, frame, source, target):
    convert = keras.utils.bounding_boxes.convert_format
    return convert(boxes, source, target, height=frame[0], width=frame[1])


@functools.cache
def _conversion(source, target, dtype):
    """One graph for any number of samples and boxes, which is not traced again for each."""
    signature = [tf.TensorSpec([None, None, 4], dtype), tf.TensorSpec([2], tf.float32)]
    convert = functools.partial(_convert, source=source, target=target)
    return tf.function(convert, input_signature=signature, autograph=False)


def area_of(pixels):
    """The areas [B, N] of boxes of left, top, right and bottom."""
    left, top, right, bottom = tf.unstack(pixels, axis=-1)
    return (right - left) * (bottom - top)


def _placed(plan, pixels, source, frame):
    """The boxes where the plan places the frame of their source."""
    if plan.placement is None:
        return pixels
    # Rows and columns of the upper left and of the lower right corners.
    size, number, _ = tf.unstack(tf.shape(pixels))
    corners = tf.reverse(tf.reshape(pixels, [size, 2 * number, 2]), [-1])
    moved = plan.placement.move(corners, source, tf.unstack(frame))
    return tf.reshape(tf.reverse(moved, [-1]), tf.shape(pixels))


def _collected(seen, own, options):
    """The boxes of all sources in as many places as are always returned, the rest padding."""
    seen = _Seen(*(tf.concat(parts, axis=1) for parts in zip(*seen, strict=True)))
    real = (seen.labels != -1) & (seen.area > 0) & (seen.weights > 0)
    real &= seen.visible >= options.min_visible
    count = options.max_boxes or axis_size(own.boxes, 1) * options.sources
    order = _order(tf.where(real, seen.area, -1.0), options.max_boxes)
    seen = _Seen(*(tf.gather(part, order, batch_dims=1) for part in seen))
    kept = tf.gather(real, order, batch_dims=1)
    moved = _converted(seen.pixels, own.frame, "xyxy", options.format)
    boxes = tf.where(seen.moved[..., None], tf.cast(moved, seen.original.dtype), seen.original)
    found = {
        "boxes": _padded(boxes, kept, -1, count),
        "labels": _padded(seen.labels, kept, -1, count),
    }
    if options.details:
        found["weights"] = _padded(seen.weights, kept, 0, count)
        found["visible"] = _padded(seen.visible, kept, 0, count)
        found["dropped"] = tf.math.count_nonzero(real, 1, dtype=tf.int32) - tf.math.count_nonzero(
            kept, 1, dtype=tf.int32
        )
    return found


def _order(area, most):
    """int32 [B, ≤ most], the places of the largest areas as they stand; those below 0 last."""
    if most is None:
        return _negative_last(area)
    largest = tf.sort(tf.argsort(area, direction="DESCENDING", stable=True)[:, :most])
    last = _negative_last(tf.gather(area, largest, batch_dims=1))
    return tf.gather(largest, last, batch_dims=1)


def _negative_last(values):
    return tf.argsort(tf.cast(values < 0, tf.int32), stable=True)


def _padded(values, kept, padding, count):
    kept = tf.reshape(kept, tf.concat([tf.shape(kept), [1] * (values.shape.rank - 2)], axis=0))
    values = tf.where(kept, values, tf.cast(padding, values.dtype))
    missing = count - tf.shape(values)[1]
    paddings = [[0, 0], [0, missing]] + [[0, 0]] * (values.shape.rank - 2)
    return tf.pad(values, paddings, constant_values=tf.cast(padding, values.dtype))
