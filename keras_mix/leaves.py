"""One rule for each kind of leaf, and the one table kind -> rule.

A rule has two halves. `form` gives a leaf the dtype and shape that training sees, mixed or not;
`mix` applies a plan to it. No rule knows which mixer drew the plan.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from keras_mix import boxes as box_rule
from keras_mix import columns as column_rule
from keras_mix import placing
from keras_mix import plan as plans
from keras_mix.arithmetic import blend, convert, precise


class Spec(NamedTuple):
    """How one leaf is treated; all static.

    Attributes:
        kind: The leaf's kind, a key of `RULES`.
        axes: The tensor's axes that a region covers, or None where it is off the grid.
        dtype: The dtype of the result.
        num_classes: The number of classes that class ids are one-hot encoded with.
        sources: The number of sources, the S of packed pairs.
        smoothing: The share of a label that is spread over all classes.
        target: Whether it is what a model learns, and so is never filled.
        crossed: Whether the donors are another batch.
        box_options: The `keras_mix.boxes.Options`, for boxes.
        part: Which of the plans of a `keras_mix.plan.Joint` is the leaf's.
        columns: The `keras_mix.columns.Columns`, for columns of a table.
    """

    kind: str
    axes: tuple | None = None
    dtype: tf.DType = tf.float32
    num_classes: int | None = None
    sources: int = 2
    smoothing: float = 0.0
    target: bool = False
    crossed: bool = False
    box_options: box_rule.Options | None = None
    part: int = 0
    columns: column_rule.Columns | None = None


# What follows the labels' weights, where a rule sets these.
LABELS = ("labels", "class_ids", "pairs", "sample_weights")


class Rule(NamedTuple):
    """The two halves of a rule: form(tensor, spec) and mix(plan, own, donors, spec)."""

    form: object
    mix: object


def form(tensor, spec):
    """The leaf as it comes when it is not mixed."""
    return RULES[spec.kind].form(tensor, spec)


def mix(plan, tensors, donors, specs):
    """The leaves, mixed by one plan. `donors` are the same tensors, or another batch's."""
    if isinstance(plan, plans.Choice):
        return _mix_by_choice(plan, tensors, donors, specs)
    return [
        RULES[spec.kind].mix(_plan_of(plan, spec), own, donor, spec)
        for own, donor, spec in zip(tensors, donors, specs, strict=True)
    ]


def _plan_of(plan, spec):
    """The plan as a leaf sees it."""
    own = plan.plans[spec.part] if isinstance(plan, plans.Joint) else plan
    return own.of_labels() if spec.kind in LABELS else own


def _mix_by_choice(choice, tensors, donors, specs):
    branches = [functools.partial(mix, plan, tensors, donors, specs) for plan in choice.plans]
    if choice.index.shape[0] == 1:
        # Only what was chosen for the batch is computed.
        return tf.switch_case(choice.index[0], branches)
    mixed = [branch() for branch in branches]
    choose = functools.partial(_choose, choice.index)
    return tf.nest.map_structure(choose, *mixed)


def _choose(index, *tensors):
    return plans.choose(index, tensors)


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


def _form_values(tensor, spec):
    return convert(tensor, spec.dtype)


def _mix_values(plan, own, donor, spec):
    """Pastes what lies on the region's grid, blends the rest by the weights."""
    if spec.axes is not None and plan.hard:
        return convert(_paste(plan, own, donor, spec), spec.dtype)
    numbers = range(plan.sources.shape[1])
    if spec.axes is None or plan.region is None:
        sources = [own, *(_source(plan, donor, s) for s in numbers[1:])]
        shares = [_beside(plan.weights[:, s], own) for s in numbers]
    else:
        sources = [_placed(plan, own, donor, spec, s) for s in numbers]
        shares = [_over(plan.region[..., s], own, spec) for s in numbers]
    return convert(blend([precise(source) for source in sources], shares), spec.dtype)


def _paste(plan, own, donor, spec):
    if plan.placement is not None:
        return convert(_placed(plan, own, donor, spec, plan.region), own.dtype)
    region = _over(plans.rendered(plan.region), own, spec)
    if plan.fill is not None:
        if spec.target:
            return own
        return tf.where(plans.is_source(region, plan.sources.shape[1]), _fill(plan, own, spec), own)
    for source in range(1, plan.sources.shape[1]):
        own = tf.where(plans.is_source(region, source), _source(plan, donor, source), own)
    return own


def _fill(plan, own, spec):
    if not isinstance(plan.fill, str):
        return convert(tf.convert_to_tensor(plan.fill, tf.float64), own.dtype)
    return convert(tf.reduce_mean(precise(own), axis=spec.axes, keepdims=True), own.dtype)


def _source(plan, donor, source):
    return tf.gather(donor, plan.sources[:, source])


def _placed(plan, own, donor, spec, source):
    """What each place reads from its source (a region, or one for all), placed as the plan says."""
    if plan.placement is None:
        return own if source == 0 else _source(plan, donor, source)
    pool, sources = own, plan.sources
    if spec.crossed:
        pool = tf.concat([own, donor], axis=0)
        sources = tf.concat([sources[:, :1], sources[:, 1:] + tf.shape(own)[0]], axis=1)
    nearest = spec.kind == "segmentation_masks"
    return placing.read(pool, sources, plan.placement, spec.axes, source, nearest)


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


def _mix_masks(plan, own, donor, spec):
    return _mix_values(plan, _form_masks(own, spec), _form_masks(donor, spec), spec)


def _form_masks(tensor, spec):
    """Class ids [B, H, W] or [B, H, W, 1] as shares [B, H, W, K]; ids of no class have none."""
    if tensor.shape.rank == len(spec.axes) + 2:
        tensor = tf.squeeze(tensor, axis=-1)
    return tf.one_hot(tf.cast(tensor, tf.int32), spec.num_classes, dtype=spec.dtype)


def _mix_pairs(plan, own, donor, spec):
    own, donor = _flat(own), _flat(donor)
    others = [_source(plan, donor, source) for source in range(1, plan.sources.shape[1])]
    # A plan of a choice may have fewer sources than another: the sample itself, of no weight.
    missing = spec.sources - plan.sources.shape[1]
    ids = tf.cast(tf.stack([own, *others] + [own] * missing, axis=1), tf.float32)
    return tf.stack([ids, tf.pad(plan.weights, [[0, 0], [0, missing]])], axis=1)


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
    "images": Rule(_form_values, _mix_values),
    "values": Rule(_form_values, _mix_values),
    "columns": Rule(column_rule.form, column_rule.mix),
    "labels": Rule(_form_labels, _mix_labels),
    "class_ids": Rule(_form_labels, _mix_labels),
    "pairs": Rule(_form_pairs, _mix_pairs),
    "segmentation_masks": Rule(_untouched, _paste),
    "soft_masks": Rule(_form_masks, _mix_masks),
    "bounding_boxes": Rule(box_rule.form, box_rule.mix),
    "sample_weights": Rule(_form_values, _mix_values),
    "passthrough": Rule(_untouched, _pass),
}
