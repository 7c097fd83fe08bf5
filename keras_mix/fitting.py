"""The plan as padded sequences ask for it: what is not real counts for nothing."""

import functools
import operator

import tensorflow as tf

from keras_mix import checks, composite, sequences


def fitted(plan, tensors, donors, specs):
    """The plan as the sequences ask for it; as it is where no leaf tells which places are real.

    Its weights are counted over real places, and its region leaves special tokens alone.
    """
    if isinstance(plan, composite.Choice):
        chosen = tuple(fitted(each, tensors, donors, specs) for each in plan.plans)
        return plan._replace(plans=chosen)
    if isinstance(plan, composite.Joint):
        _refuse_uncounted(plan, specs)
        return plan
    own, others = (_real(plan, found, specs) for found in (tensors, donors))
    if own is None:
        return plan
    refuse_moved(plan)
    ends = next((spec.special_tokens for spec in specs if spec.special_tokens), None)
    if ends is not None:
        plan = sequences.between(plan, own, others, ends)
    return sequences.counted(plan, own, others, specs[0].crossed)


def _refuse_uncounted(plan, specs):
    telling = {
        spec.kind
        for spec in specs
        if spec.kind in ("lengths", "masks")
        or spec.padding_id is not None
        or spec.special_tokens is not None
    }
    if telling and len(plan.plans) > 1:
        checks.refuse(
            "CrossModalMix",
            "real places are not counted beside modalities that are cut",
            f"leaves of the kinds {sorted(telling)} that tell which are, beside `cuts` or `rates`",
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


def _real(plan, tensors, specs):
    """bool [B, T], the places that are real to all leaves that tell it; None if none does."""
    if plan.region is None:
        return None
    told = [_told(plan, *leaf) for leaf in zip(tensors, specs, strict=True)]
    told = [real for real in told if real is not None]
    return functools.reduce(operator.and_, told) if told else None


def _told(plan, tensor, spec):
    if spec.kind == "lengths":
        return sequences.of_lengths(tensor, sequences.time_of(plan))
    if spec.kind == "masks" and spec.axes is not None:
        return tf.cast(tensor, tf.bool)
    if spec.kind == "token_ids" and spec.padding_id is not None:
        return tensor != tf.cast(spec.padding_id, tensor.dtype)
    return tf.ones_like(tensor, tf.bool) if spec.special_tokens else None
