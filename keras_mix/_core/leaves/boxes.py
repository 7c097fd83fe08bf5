"""Bounding boxes under a plan: the visible part of each box, and the box around that part.

Each pixel of the result comes from one source. The visible part of a box is where its own source
covers it, and the box is cropped to the smallest box around that part: it shrinks if the visible
part is a smaller rectangle, and is kept if only its middle or a corner is hidden.
"""

import dataclasses
from typing import NamedTuple

from keras_mix._core import checks
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import axis_size, filled
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

    pixels: Tensor
    area: Tensor
    visible: Tensor
    weights: Tensor
    original: Tensor
    moved: Tensor
    labels: Tensor


@dataclasses.dataclass(frozen=True)
class BoundingBoxes(Rule):
    """The rule of a `BoxSet`, under its `Options`."""

    options: Options

    weighable = False

    def form(self, tensor):
        """The unmixed boxes, padded to the number of boxes of a mixed sample."""
        given = pixels(tensor, self.options)
        whole = xp.ones_like(given[..., 0])
        moved = xp.zeros_like(whole, "bool")
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
            fraction = xp.divide_no_nan(area, area_of(placed))
        else:
            area, fraction = objects.visible, objects.fraction
            cropped = xp.where(objects.stays[..., None], placed, objects.box)
        weights = xp.ones_like(fraction)
        if plan.region is None:
            weights = weights * plan.weights[:, source, None]
        elif not plan.hard:
            weights = fraction
        moved = xp.reduce_any(cropped != given, axis=-1)
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
    given = xp.cast(boxes.boxes, "float32")
    return _on_pixels(xp.convert_boxes(given, boxes.frame, options.format, "xyxy"))


def _on_pixels(pixels):
    """The coordinates, without the rounding error of those that are a border of two pixels.

    A sliver of a pixel would count as visible, and the box around what is visible would hold it.
    """
    whole = xp.round(pixels)
    return xp.where(xp.abs(pixels - whole) < _ROUNDING, whole, pixels)


def from_pixels(pixels, frame, target):
    """Converts boxes (left, top, right, bottom) in pixels to a format: float32 `(B, N, 4)`."""
    return xp.convert_boxes(pixels, frame, "xyxy", target)


def area_of(pixels):
    """The areas `(B, N)` of boxes (left, top, right, bottom)."""
    left, top, right, bottom = xp.unstack(pixels, axis=-1)
    return (right - left) * (bottom - top)


def _placed(plan, pixels, source, frame):
    """The boxes moved with the frame of their source."""
    if plan.placement is None:
        return pixels
    # The upper left and lower right corners as (row, column).
    size, number, _ = xp.unstack(xp.shape(pixels))
    corners = xp.reverse(xp.reshape(pixels, [size, 2 * number, 2]), [-1])
    moved = plan.placement.move(corners, source, xp.unstack(frame))
    moved = xp.reshape(xp.reverse(moved, [-1]), [size, number, 2, 2])
    # A mirrored frame exchanges corners.
    ends = xp.reduce_min(moved, axis=2), xp.reduce_max(moved, axis=2)
    return _on_pixels(xp.concat(ends, axis=-1))


def _collected(found, own, options):
    """The boxes of all sources as a dict, padded to the number that is always returned.

    Args:
        found: List of a `_Visible` for each source.
        own: The `BoxSet` of the batch.
        options: `Options`.
    """
    found = _Visible(*(xp.concat(tensors, axis=1) for tensors in zip(*found, strict=True)))
    valid = (found.labels != -1) & (found.area > 0) & (found.weights > 0)
    valid = valid & (found.visible >= options.least_visible)
    count = options.max_boxes or axis_size(own.boxes, 1) * options.sources
    order = _order(xp.where(valid, found.area, -1.0), options.max_boxes)
    found = _Visible(*(xp.gather(tensor, order, batch_dims=1) for tensor in found))
    kept = xp.gather(valid, order, batch_dims=1)
    moved = xp.convert_boxes(found.pixels, own.frame, "xyxy", options.format)
    boxes = xp.where(found.moved[..., None], xp.cast(moved, found.original.dtype), found.original)
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
    return xp.count_nonzero(flags, axis=1, dtype="int32")


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
    largest = xp.sort(xp.argsort(area, direction="DESCENDING", stable=True)[:, :most])
    last = _negative_last(xp.gather(area, largest, batch_dims=1))
    return xp.gather(largest, last, batch_dims=1)


def _negative_last(values):
    return xp.argsort(xp.cast(values < 0, "int32"), stable=True)


def _padded(values, kept, padding, count):
    kept = xp.reshape(kept, xp.concat([xp.shape(kept), [1] * (len(values.shape) - 2)], axis=0))
    values = xp.where(kept, values, xp.cast(padding, values.dtype))
    missing = count - xp.shape(values)[1]
    paddings = [[0, 0], [0, missing]] + [[0, 0]] * (len(values.shape) - 2)
    return xp.pad(values, paddings, constant_values=xp.cast(padding, values.dtype))
