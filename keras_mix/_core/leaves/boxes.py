"""Bounding boxes under a plan: the visible part of each box, and the box around that part.

Each pixel of the result comes from one source. The visible part of a box is where its own source
covers it, and the box is cropped to the smallest box around that part: it shrinks if the visible
part is a smaller rectangle, and is kept if only its middle or a corner is hidden.
"""

import dataclasses
import functools
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.axes import axis_size, filled
from keras_mix._core.batch.region_grid import refuse_other_axes
from keras_mix._core.leaf_names import key
from keras_mix._core.leaves.box_visibility import visible
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan import plan as plans

# In pixels: what float32 may miss of a coordinate that is converted, or moved with its source.
_ROUNDING = 1e-3


class Options(NamedTuple):
    """The options of boxes; see the arguments of `keras_mix.layers.Mixer`."""

    format: str
    max_boxes: int | None = None
    min_visible: float = 0.1
    details: bool = False
    sources: int = 2

    @property
    def least_visible(self):
        """`min_visible` less what rounding may take from a visible fraction."""
        return self.min_visible - 1e-5


class _Visible(NamedTuple):
    """The visible boxes of one source or of several.

    Attributes:
        pixels: float32 `(B, N, 4)`, left, top, right, bottom of the box around the visible part.
        area: float32 `(B, N)`, the visible area in pixels.
        visible: float32 `(B, N)`, the visible fraction of the whole box.
        weights: float32 `(B, N)`, the weight of the source inside the box.
        original: `(B, N, 4)`, the input box.
        moved: bool `(B, N)`, whether the box differs from the input box.
        labels: `(B, N)`, the class of each box.
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
        """The unmixed boxes, padded to the number of boxes of a mixed sample."""
        given = pixels(tensor, self.options)
        whole = tf.ones_like(given[..., 0])
        moved = tf.zeros_like(whole, tf.bool)
        found = _Visible(given, area_of(given), whole, whole, tensor.boxes, moved, tensor.labels)
        return _collected([found], tensor, self.options)

    def mix(self, plan, pool):
        """The visible boxes of all sources."""
        plan = plans.once(plan)
        sources = pool.map(self._parts).sources(plan)
        found = [
            self._visible(plan, source, pool.own.frame, *parts)
            for source, parts in enumerate(sources)
        ]
        return _collected(found, pool.own, self.options)

    def absent(self, tensor, size):
        boxes, labels = filled(tensor.boxes, size, 0), filled(tensor.labels, size, -1)
        return tensor._replace(boxes=boxes, labels=labels)

    def _parts(self, tensor):
        return tensor.boxes, pixels(tensor, self.options), tensor.labels

    def _visible(self, plan, source, frame, boxes, given, labels):
        """The boxes of one source, as they were given and in pixels, as a `_Visible`."""
        placed = _placed(plan, given, source, frame)
        objects = plan.region and plan.region.seen(source)
        if objects is None:
            area, cropped = visible(plan, source, placed, frame)
            fraction = tf.math.divide_no_nan(area, area_of(placed))
        else:
            area, fraction = objects.visible, objects.fraction
            cropped = tf.where(objects.stays[..., None], placed, objects.box)
        weights = tf.ones_like(fraction)
        if plan.region is None:
            weights *= plan.weights[:, source, None]
        elif not plan.hard:
            weights = fraction
        moved = tf.reduce_any(cropped != given, axis=-1)
        return _Visible(cropped, area, fraction, weights, boxes, moved, labels)


def bind(mixer, leaf, grid):
    """The rule of a set of boxes, by the mixer's options."""
    if mixer.box_options.format is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds boxes, which need a format to be mixed",
            f"{checks.described(leaf.tensor)} and no `bounding_boxes`",
            'Pass their format, such as bounding_boxes="xyxy"; or leave them as they are, '
            f'passthrough=["{key(leaf.name)}"].',
        )
    refuse_other_axes(mixer, leaf)
    return BoundingBoxes(mixer.box_options)


def pixels(boxes, options):
    """The boxes as float32 `(B, N, 4)`, left, top, right, bottom in pixels."""
    given = tf.cast(boxes.boxes, tf.float32)
    return _on_pixels(_converted(given, boxes.frame, options.format, "xyxy"))


def _on_pixels(pixels):
    """The coordinates, without the rounding error of those that are a border of two pixels.

    A sliver of a pixel would count as visible, and the box around what is visible would hold it.
    """
    whole = tf.round(pixels)
    return tf.where(tf.abs(pixels - whole) < _ROUNDING, whole, pixels)


def from_pixels(pixels, frame, target):
    """Converts boxes (left, top, right, bottom) in pixels to a format: float32 `(B, N, 4)`."""
    return _converted(pixels, frame, "xyxy", target)


def _converted(boxes, frame, source, target):
    """Converts inside a graph, where Keras uses TensorFlow on any backend."""
    if tf.inside_function():
        return _convert(boxes, frame, source, target)
    return _conversion(source, target, boxes.dtype)(boxes, frame)


def _convert(boxes, frame, source, target):
    convert = keras.utils.bounding_boxes.convert_format
    return convert(boxes, source, target, height=frame[0], width=frame[1])


@functools.cache
def _conversion(source, target, dtype):
    """A conversion that is traced once for any number of samples and boxes."""
    signature = [tf.TensorSpec([None, None, 4], dtype), tf.TensorSpec([2], tf.float32)]
    convert = functools.partial(_convert, source=source, target=target)
    return tf.function(convert, input_signature=signature, autograph=False)


def area_of(pixels):
    """The areas `(B, N)` of boxes (left, top, right, bottom)."""
    left, top, right, bottom = tf.unstack(pixels, axis=-1)
    return (right - left) * (bottom - top)


def _placed(plan, pixels, source, frame):
    """The boxes moved with the frame of their source."""
    if plan.placement is None:
        return pixels
    # The upper left and lower right corners as (row, column).
    size, number, _ = tf.unstack(tf.shape(pixels))
    corners = tf.reverse(tf.reshape(pixels, [size, 2 * number, 2]), [-1])
    moved = plan.placement.move(corners, source, tf.unstack(frame))
    moved = tf.reshape(tf.reverse(moved, [-1]), [size, number, 2, 2])
    # A mirrored frame exchanges corners.
    ends = tf.reduce_min(moved, axis=2), tf.reduce_max(moved, axis=2)
    return _on_pixels(tf.concat(ends, axis=-1))


def _collected(found, own, options):
    """The boxes of all sources as a dict, padded to the number that is always returned.

    Args:
        found: List of a `_Visible` for each source.
        own: The `BoxSet` of the batch.
        options: `Options`.
    """
    found = _Visible(*(tf.concat(tensors, axis=1) for tensors in zip(*found, strict=True)))
    valid = (found.labels != -1) & (found.area > 0) & (found.weights > 0)
    valid &= found.visible >= options.least_visible
    count = options.max_boxes or axis_size(own.boxes, 1) * options.sources
    order = _order(tf.where(valid, found.area, -1.0), options.max_boxes)
    found = _Visible(*(tf.gather(tensor, order, batch_dims=1) for tensor in found))
    kept = tf.gather(valid, order, batch_dims=1)
    moved = _converted(found.pixels, own.frame, "xyxy", options.format)
    boxes = tf.where(found.moved[..., None], tf.cast(moved, found.original.dtype), found.original)
    result = {
        "boxes": _padded(boxes, kept, -1, count),
        "labels": _padded(found.labels, kept, -1, count),
    }
    if options.details:
        result["weights"] = _padded(found.weights, kept, 0, count)
        result["visible"] = _padded(found.visible, kept, 0, count)
        result["rows"] = _padded(order, kept, -1, count)
        result["dropped"] = _number_of(valid) - _number_of(kept)
    return result


def _number_of(flags):
    return tf.math.count_nonzero(flags, axis=1, dtype=tf.int32)


def _order(area, most):
    """The indices of the `most` largest areas, in input order, with negative areas last.

    Args:
        area: float32 `(B, N)`.
        most: int, or None for all.

    Returns:
        int32 `(B, min(N, most))`.
    """
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
