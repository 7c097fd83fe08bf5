"""One rule for each kind of leaf, and the one table kind -> rule.

A rule has two halves. `form` gives a leaf the dtype and shape that training sees, mixed or not;
`mix` applies a plan to it. No rule knows which mixer drew the plan.
"""

from typing import NamedTuple

import tensorflow as tf


class Spec(NamedTuple):
    """How one leaf is treated; all static.

    Attributes:
        kind: The leaf's kind, a key of `RULES`.
        axes: The tensor's axes that a region covers, or None where it is off the grid.
        dtype: The dtype of the result.
        num_classes: The number of classes that class ids are one-hot encoded with.
        sources: The number of sources, the S of packed pairs.
        smoothing: The share of a label that is spread over all classes.
    """

    kind: str
    axes: tuple | None = None
    dtype: tf.DType = tf.float32
    num_classes: int | None = None
    sources: int = 2
    smoothing: float = 0.0


class Rule(NamedTuple):
    """The two halves of a rule: form(tensor, spec) and mix(plan, own, donors, spec)."""

    form: object
    mix: object


def form(tensor, spec):
    """The leaf as it comes when it is not mixed."""
    return RULES[spec.kind].form(tensor, spec)


def mix(plan, tensors, donors, specs):
    """The leaves, mixed by one plan. `donors` are the same tensors, or another batch's."""
    plan = plan.rendered()
    return [
        RULES[spec.kind].mix(plan, own, donor, spec)
        for own, donor, spec in zip(tensors, donors, specs, strict=True)
    ]


def spatial_axes(rank, grid_rank, data_format):
    """The axes of a tensor of this rank that a grid covers, or None where it has too few.

    (B, *grid), (B, *grid, C) or (B, C, *grid), and (B, …, *grid, C) where one region serves
    leading axes such as the time of a video.
    """
    if rank <= grid_rank:
        return None
    channels = rank > grid_rank + 1
    first = rank - grid_rank - (channels and data_format == "channels_last")
    return tuple(range(first, first + grid_rank))


def _convert(tensor, spec):
    if tensor.dtype == spec.dtype:
        return tensor
    if spec.dtype.is_integer and tensor.dtype.is_floating:
        return tf.saturate_cast(tf.round(tensor), spec.dtype)
    return tf.cast(tensor, spec.dtype)


def _mix_values(plan, own, donor, spec):
    """Pastes what lies on the region's grid, blends the rest by the weights."""
    if spec.axes is None or plan.region is None:
        own, donor = _precise(own), _precise(donor)
        shares = [_beside(plan.weights[:, s], own) for s in range(plan.weights.shape[1])]
        mixed = _blend(own, _others(plan, donor), shares)
    elif plan.hard:
        mixed = _paste(plan, own, donor, spec)
    else:
        own, donor = _precise(own), _precise(donor)
        own, others = _placed(plan, own, donor, spec)
        # Only source 0's share may be missing from a blend, so the sources come last to first.
        shares = [_over(plan.region[..., s], own, spec) for s in range(plan.region.shape[-1])]
        mixed = _blend(own, others, shares)
    return _convert(mixed, spec)


def _paste(plan, own, donor, spec):
    own, others = _placed(plan, own, donor, spec)
    region = _over(plan.region, own, spec)
    for source, other in enumerate(others, start=1):
        inside = region if region.dtype == tf.bool else tf.equal(region, source)
        own = tf.where(inside, other, own)
    return own


def _blend(own, others, shares):
    """own + Σ share (other - own). What is not mixed, -0 and ∞ too, keeps every bit."""
    mixed = own
    for other, share in zip(others, shares[1:], strict=True):
        share = tf.cast(share, own.dtype)
        unmixed = (share == 0) | (other == own)
        mixed = tf.where(unmixed, mixed, mixed + share * (other - own))
    return mixed


def _others(plan, donor):
    return [tf.gather(donor, plan.sources[:, s]) for s in range(1, plan.sources.shape[1])]


def _placed(plan, own, donor, spec):
    others = _others(plan, donor)
    if plan.placement is None:
        return own, others
    frames = zip([own, *others], tf.unstack(plan.placement, axis=1), strict=True)
    own, *others = (_place(frame, rectangle, spec) for frame, rectangle in frames)
    return own, others


def _place(tensor, rectangle, spec):
    """The frame resampled so that it fills the rectangle; beyond it the border goes on."""
    top, left, height, width = tf.unstack(rectangle, axis=1)
    nearest = spec.kind == "segmentation_masks"
    placed = tensor if nearest else _precise(tensor)
    for axis, start, extent in zip(spec.axes, (top, left), (height, width), strict=True):
        size = tf.shape(tensor)[axis]
        scale = tf.cast(size, tf.float32) / extent
        pixel = tf.cast(tf.range(size), tf.float32) + 0.5
        centre = pixel - tf.expand_dims(start, 1)
        position = centre * tf.expand_dims(scale, 1) - 0.5
        placed = _resample(placed, position, axis, nearest)
    return _convert(placed, Spec("values", dtype=tensor.dtype))


def _resample(tensor, position, axis, nearest):
    """Reads an axis at positions float32 [B, n], between pixels linearly or at the nearest."""
    last = tf.shape(tensor)[axis] - 1
    low = tf.floor(position + 0.5 if nearest else position)
    index = tf.cast(low, tf.int32)
    values = _along(tensor, tf.clip_by_value(index, 0, last), axis)
    if nearest:
        return values
    above = _along(tensor, tf.clip_by_value(index + 1, 0, last), axis)
    shape = [1] * tensor.shape.rank
    shape[0], shape[axis] = -1, tf.shape(position)[1]
    return _blend(values, [above], [None, tf.reshape(position - low, shape)])


def _along(tensor, index, axis):
    """tensor[b, …, index[b, i], …] at the axis."""
    order = [0, axis, *(a for a in range(1, tensor.shape.rank) if a != axis)]
    moved = tf.gather(tf.transpose(tensor, order), index, batch_dims=1)
    back = sorted(range(tensor.shape.rank), key=order.__getitem__)
    return tf.transpose(moved, back)


def _over(region, tensor, spec):
    """A region [B or 1, *spatial], shaped to lie over the tensor's spatial axes."""
    shape = tf.shape(region)
    over = [1] * tensor.shape.rank
    over[0] = shape[0]
    for axis, place in zip(spec.axes, range(1, region.shape.rank), strict=True):
        over[axis] = shape[place]
    return tf.reshape(region, over)


def _beside(share, tensor):
    return tf.reshape(share, [-1] + [1] * (tensor.shape.rank - 1))


def _precise(tensor):
    """Mixing is done in float32, or in float64 where float32 would lose bits of the data."""
    narrow = tensor.dtype.is_floating or tensor.dtype.size < 4
    return tf.cast(tensor, tf.float32 if narrow and tensor.dtype != tf.float64 else tf.float64)


def _mix_labels(plan, own, donor, spec):
    own, donor = _form_labels(own, spec), _form_labels(donor, spec)
    mixed = _mix_values(plan, own, donor, spec)
    if not spec.smoothing:
        return mixed
    return mixed * (1.0 - spec.smoothing) + spec.smoothing / tf.cast(
        tf.shape(mixed)[-1], mixed.dtype
    )


def _form_labels(tensor, spec):
    if spec.kind == "class_ids":
        return tf.one_hot(_flat(tensor), spec.num_classes, dtype=spec.dtype)
    return tf.cast(tensor, spec.dtype)


def _mix_pairs(plan, own, donor, spec):
    own, donor = _flat(own), _flat(donor)
    ids = tf.stack([own, *_others(plan, donor)], axis=1)
    return tf.stack([tf.cast(ids, tf.float32), plan.weights], axis=1)


def _form_pairs(tensor, spec):
    ids = tf.repeat(tf.cast(_flat(tensor), tf.float32)[:, None], spec.sources, axis=1)
    weights = tf.broadcast_to(tf.one_hot(0, spec.sources), tf.shape(ids))
    return tf.stack([ids, weights], axis=1)


def _flat(ids):
    return tf.cast(tf.reshape(ids, [-1]), tf.int32)


def _untouched(tensor, spec):
    return tensor


def _pass(plan, own, donor, spec):
    return own


RULES = {
    "images": Rule(_convert, _mix_values),
    "values": Rule(_convert, _mix_values),
    "labels": Rule(_form_labels, _mix_labels),
    "class_ids": Rule(_form_labels, _mix_labels),
    "pairs": Rule(_form_pairs, _mix_pairs),
    "segmentation_masks": Rule(_untouched, _paste),
    "sample_weights": Rule(_convert, _mix_values),
    "passthrough": Rule(_untouched, _pass),
}
