"""One rule for each kind of leaf, and the one table kind -> rule.

A rule has two halves. `form` gives a leaf the dtype and shape that training sees, mixed or not;
`mix` applies a plan to it. No rule knows which mixer drew the plan.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from keras_mix import boxes as box_rule
from keras_mix import checks, composite, fitting, sequences, values
from keras_mix import columns as column_rule
from keras_mix.arithmetic import blend
from keras_mix.smoothing import smoothed


class Spec(NamedTuple):
    """How one leaf is treated; all static.

    Attributes:
        kind: The leaf's kind, a key of `RULES`.
        axes: The tensor's axes that a region covers, or None where it is off the grid.
        dtype: The dtype of the result.
        num_classes: The number of classes that class ids are one-hot encoded with.
        sources: The number of sources, the S of packed pairs.
        smoothing: The share of a label that is spread over all classes.
        union: Whether a label is the union of its sources' and not their mean.
        target: Whether it is what a model learns, and so is never filled.
        crossed: Whether the donors are another batch.
        box_options: The `keras_mix.boxes.Options`, for boxes.
        part: Which of the plans of a `keras_mix.composite.Joint` is the leaf's.
        columns: The `keras_mix.columns.Columns`, for columns of a table.
        padding_id: The token id that stands for no token, or None.
        special_tokens: How many real tokens stay at the first and the last end, or None.
    """

    kind: str
    axes: tuple | None = None
    dtype: tf.DType = tf.float32
    num_classes: int | None = None
    sources: int = 2
    smoothing: float = 0.0
    union: bool = False
    target: bool = False
    crossed: bool = False
    box_options: box_rule.Options | None = None
    part: int = 0
    columns: column_rule.Columns | None = None
    padding_id: int | None = None
    special_tokens: tuple | None = None


# What follows the labels' weights, where a rule sets these.
LABELS = ("labels", "class_ids", "pairs", "sample_weights", "frame_labels")


class Rule(NamedTuple):
    """The two halves of a rule: form(tensor, spec) and mix(plan, own, donors, spec)."""

    form: object
    mix: object


def form(tensor, spec):
    """The leaf as it comes when it is not mixed."""
    return RULES[spec.kind].form(tensor, spec)


def kept(tensor, spec):
    """The leaf of a mixed batch that has no partner, smoothed as its mixed like is."""
    return smoothed(form(tensor, spec), spec)


def mix(plan, tensors, donors, specs):
    """The leaves, mixed by one plan. `donors` are the same tensors, or another batch's."""
    if isinstance(plan, composite.Choice):
        return _mix_by_choice(plan, tensors, donors, specs)
    table = any(spec.columns for spec in specs)
    return [
        smoothed(RULES[spec.kind].mix(_plan_of(plan, spec, table), own, donor, spec), spec)
        for own, donor, spec in zip(tensors, donors, specs, strict=True)
    ]


def _plan_of(plan, spec, table):
    """The plan as a leaf sees it; the region of a table covers nothing but its columns."""
    own = plan.plans[spec.part] if isinstance(plan, composite.Joint) else plan
    if table and spec.columns is None:
        own = own._replace(region=None)
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
    return composite.choose(index, tensors)


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


def _mix_labels(plan, own, donor, spec):
    own, donor = _form_labels(own, spec), _form_labels(donor, spec)
    if not spec.union:
        return values.mix(plan, own, donor, spec)
    others = [values.source_of(plan, donor, s) for s in range(1, plan.sources.shape[1])]
    shares = [values.beside(share, own) for share in tf.unstack(plan.weights, axis=1)]
    return _united([own, *others], shares)


def _united(sources, shares):
    """The largest of the sources that have a share."""
    lowest = sources[0].dtype.min
    shown = [tf.where(share > 0, s, lowest) for s, share in zip(sources, shares, strict=True)]
    return functools.reduce(tf.maximum, shown)


def _form_labels(tensor, spec):
    if spec.kind == "class_ids":
        return tf.one_hot(_flat(tensor), spec.num_classes, dtype=spec.dtype)
    return tf.cast(tensor, spec.dtype)


def _mix_frames(plan, own, donor, spec):
    """Frames [B, T, …], each by how much of it, over the region's other axes, is whose."""
    own, donor = values.form(own, spec), values.form(donor, spec)
    if plan.fill is not None:
        return own
    sources = [own, *(values.source_of(plan, donor, s) for s in range(1, plan.sources.shape[1]))]
    shares = tf.unstack(plan.weights[:, None], axis=2)
    if spec.axes is not None and plan.region is not None:
        fitting.refuse_moved(plan)
        shares = sequences.shares_of_frames(plan)
    over = [1] * (own.shape.rank - 2)
    shares = [tf.reshape(share, [*tf.unstack(tf.shape(share)), *over]) for share in shares]
    return _united(sources, shares) if spec.union else blend(sources, shares)


def _mix_masks(plan, own, donor, spec):
    return values.mix(plan, _form_masks(own, spec), _form_masks(donor, spec), spec)


def _form_masks(tensor, spec):
    """Class ids (B, H, W) or (B, H, W, 1) as shares (B, H, W, K); ids of no class have none."""
    if tensor.shape.rank == spec.axes[-1] + 2:
        tensor = tf.squeeze(tensor, axis=-1)
    return tf.one_hot(tf.cast(tensor, tf.int32), spec.num_classes, dtype=spec.dtype)


def _mix_pairs(plan, own, donor, spec):
    own, donor = _packed_ids(own), _packed_ids(donor)
    others = [values.source_of(plan, donor, source) for source in range(1, plan.sources.shape[1])]
    # A plan of a choice may have fewer sources than another: the sample itself, of no weight.
    missing = spec.sources - plan.sources.shape[1]
    ids = tf.stack([own, *others] + [own] * missing, axis=1)
    return tf.stack([ids, tf.pad(plan.weights, [[0, 0], [0, missing]])], axis=1)


def _form_pairs(tensor, spec):
    ids = tf.repeat(_packed_ids(tensor)[:, None], spec.sources, axis=1)
    weights = tf.broadcast_to(tf.one_hot(0, spec.sources), tf.shape(ids))
    return tf.stack([ids, weights], axis=1)


def _packed_ids(ids):
    return tf.cast(tf.reshape(ids, [-1]), tf.float32)


def _flat(ids):
    return tf.cast(tf.reshape(ids, [-1]), tf.int32)


def _mix_lengths(plan, own, donor, spec):
    if plan.region is None:
        return sequences.longest(plan, own, donor)
    own, donor = (sequences.of_lengths(part, sequences.time_of(plan)) for part in (own, donor))
    return tf.cast(sequences.lengths_of(sequences.mixed(plan, own, donor)), spec.dtype)


def _mix_real(plan, own, donor, spec):
    if spec.axes is None:
        plan = plan._replace(region=None)
    own, donor = (tf.cast(part, tf.bool) for part in (own, donor))
    return tf.cast(sequences.mixed(plan, own, donor), spec.dtype)


def _paste_tokens(plan, own, donor, spec):
    if isinstance(plan.fill, str):
        checks.refuse(
            "Mixer",
            "token ids have no mean",
            f'fill_value="{plan.fill}"',
            "Fill with the id of a token, that of a mask say.",
        )
    return values.paste(plan, own, donor, spec)


def _untouched(tensor, spec):
    return tensor


def _pass(plan, own, donor, spec):
    return own


RULES = {
    "images": Rule(values.form, values.mix),
    "values": Rule(values.form, values.mix),
    "values_of_unknown_size": Rule(values.form, values.mix_by_size),
    "columns": Rule(column_rule.form, column_rule.mix),
    "labels": Rule(_form_labels, _mix_labels),
    "class_ids": Rule(_form_labels, _mix_labels),
    "pairs": Rule(_form_pairs, _mix_pairs),
    "frame_labels": Rule(values.form, _mix_frames),
    "segmentation_masks": Rule(_untouched, values.paste),
    "soft_masks": Rule(_form_masks, _mix_masks),
    "bounding_boxes": Rule(box_rule.form, box_rule.mix),
    "sample_weights": Rule(values.form, values.mix),
    "lengths": Rule(_untouched, _mix_lengths),
    "masks": Rule(_untouched, _mix_real),
    "token_ids": Rule(_untouched, _paste_tokens),
    "passthrough": Rule(_untouched, _pass),
}
