"""The plan as padded sequences need it: padding counts for nothing."""

import functools
import operator

import tensorflow as tf

from keras_mix import checks, composite, sequences


def tells_padding(spec):
    """Whether a leaf tells which places are valid, or which tokens stay where they are."""
    told = spec.padding_id is not None or spec.special_tokens is not None
    return told or spec.kind in ("lengths", "masks")


def fitted(plan, own, donors, specs, compiled):
    """The plan with weights counted over valid places and a region off the special tokens.

    Args:
        plan: A `keras_mix.plan.Plan`, or plans of `keras_mix.composite`.
        own: The tensors of the leaves that tell padding.
        donors: The same of those that partners come from.
        specs: The `keras_mix.leaves.Spec` of each of these leaves.
        compiled: A function that takes a function of tensors and its arguments and calls it.
    """
    if not specs:
        return plan
    if isinstance(plan, composite.Choice):
        chosen = tuple(fitted(each, own, donors, specs, compiled) for each in plan.plans)
        return plan._replace(plans=chosen)
    if isinstance(plan, composite.Joint):
        _refuse_uncounted(plan, specs)
        return plan
    # A mask off the grid says nothing of its places, and a blend has none.
    telling = [i for i, spec in enumerate(specs) if spec.kind != "masks" or spec.axes is not None]
    if plan.region is None or not telling:
        return plan
    refuse_moved(plan)
    own, donors, specs = ([part[i] for i in telling] for part in (own, donors, specs))
    # What places are filled with is no tensor.
    function = functools.partial(_counted, specs=specs, fill=plan.fill)
    changed = compiled(function, plan._replace(fill=None), own, donors)
    return plan._replace(**changed)


def _counted(plan, tensors, donors, specs, fill):
    """What changes of one plan, by the names of its fields."""
    plan = plan._replace(fill=fill)
    own, others = (_valid(plan, found, specs) for found in (tensors, donors))
    ends = next((spec.special_tokens for spec in specs if spec.special_tokens), None)
    if ends is not None:
        plan = sequences.between(plan, own, others, ends)
    plan = sequences.counted(plan, own, others, specs[0].crossed)
    names = ("sources", "weights", "region", "gains")
    return {name: getattr(plan, name) for name in names}


def _refuse_uncounted(plan, specs):
    if len(plan.plans) > 1:
        checks.refuse(
            "CrossModalMix",
            "real places are not counted beside modalities that are cut",
            f"leaves of the kinds {sorted({spec.kind for spec in specs})} that tell which are, "
            "beside `cuts` or `rates`",
            "Leave out what tells it; or blend all modalities, tokens at their embedding: "
            'keras_mix.models.ManifoldMixup(model, layers=[("input/image", "embedding")]).',
        )


def refuse_moved(plan):
    """Refuses sources that are moved or resized."""
    if plan.placement is not None:
        checks.refuse(
            "Mixer",
            "what belongs to places in time cannot follow sources that are moved or resized",
            "a mixer that places its sources",
            "Take one that mixes in place, such as CutMix, SpecMix or MixUp.",
        )


def _valid(plan, tensors, specs):
    """bool (B, T), the places that are valid in all leaves that tell it."""
    told = [_told(plan, *leaf) for leaf in zip(tensors, specs, strict=True)]
    return functools.reduce(operator.and_, told)


def _told(plan, tensor, spec):
    if spec.kind == "lengths":
        return sequences.of_lengths(tensor, sequences.time_of(plan))
    if spec.kind == "masks":
        return tf.cast(tensor, tf.bool)
    if spec.padding_id is not None:
        return tensor != tf.cast(spec.padding_id, tensor.dtype)
    return tf.ones_like(tensor, tf.bool)
