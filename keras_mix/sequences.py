"""Padded sequences: which places of the time axis are real, and what a plan makes of them.

A place of a mixed sample is real where its source is. So are the weights counted: a pasted span
of padding is worth nothing, and the law of the plan holds for what can be heard or read.
"""

import functools
import operator

import tensorflow as tf

from keras_mix import plan as plans


def of_lengths(lengths, size):
    """bool [B, size], True at the first places of each sample, as many as its length says."""
    return tf.range(size) < tf.cast(lengths, tf.int32)[:, None]


def lengths_of(real):
    """int32 [B], one past the last real place; 0 where there is none."""
    places = tf.range(1, tf.shape(real)[1] + 1)
    return tf.reduce_max(tf.where(real, places, 0), axis=1)


def time_of(plan):
    """The size of the first axis that the plan's region covers."""
    if isinstance(plan.region, tuple):
        return tf.shape(plan.region[0])[-1]
    return tf.shape(plan.region)[1]


def counted(plan, own, donors, crossed=False):
    """The plan, its weights counted over the real places alone.

    Who would be left without any real place stays as it is. Blends keep their weights.

    Args:
        plan: A `keras_mix.plan.Plan`.
        own: bool [B, T], which places along the first axis that is cut are real.
        donors: bool [donors, T], the same of those that partners come from.
        crossed: Whether the donors are another batch.
    """
    if plan.region is None or plan.fill is not None:
        return plan
    parts = _parts(plan, own, donors)
    if plan.hard:
        counts = tf.stack([plans.count(part) for part in parts], axis=1)
        total = tf.reduce_sum(counts, axis=1)
        places = tf.maximum(total, 1)[:, None]
        weights = plans.weights_of(counts[:, 1:], places, plan.sources)
    else:
        # In double precision, for the reason in `plan.soft`.
        parts = [tf.cast(part, tf.float64) for part in parts]
        sums = [tf.reduce_sum(part, axis=list(range(1, part.shape.rank))) for part in parts]
        total = tf.add_n(sums)
        shares = tf.math.divide_no_nan(tf.stack(sums[1:], axis=1), total[:, None])
        shares = tf.cast(shares, tf.float32)
        weights = plans.with_own(shares, plan.sources)
    return plans.keep_unmixed(plan._replace(weights=weights), total > 0, crossed=crossed)


def mixed(plan, own, donors):
    """bool [B, T], the real places of the mixed samples.

    Under a region these are the places whose source is real there, at any of the axes behind the
    first; of a blend those that are real in any source with a weight.
    """
    if plan.fill is not None:
        return own
    if plan.region is None:
        shown = plan.weights > 0
        parts = [
            part & shown[:, source, None]
            for source, part in enumerate(_of_sources(plan, own, donors))
        ]
        return functools.reduce(operator.or_, parts)
    parts = _parts(plan, own, donors)
    if not plan.hard:
        parts = [part > 0 for part in parts]
    places = functools.reduce(operator.or_, parts)
    return tf.reduce_any(places, axis=list(range(2, places.shape.rank)))


def longest(plan, own, donors):
    """The largest of the lengths [B] of the sources that have a weight."""
    if plan.fill is not None:
        return own
    lengths = tf.stack(_of_sources(plan, own, donors), axis=1)
    return tf.reduce_max(tf.where(plan.weights > 0, lengths, 0), axis=1)


def between(plan, own, donors, ends):
    """The plan, its region kept off the ends of sequences.

    What is pasted lies, in the sample and in its partner alike, between the first and the last
    real places, without as many of them as `ends` says.

    Args:
        plan: A `keras_mix.plan.Plan` whose region covers one axis.
        own: As in `counted`.
        donors: As in `counted`.
        ends: How many real places stay as they are at the first and at the last end.
    """
    region = plans.rendered(plan.region)
    free = _inside(own, ends)
    others = _of_sources(plan, free, _inside(donors, ends))[1:]
    # What is filled has no source.
    for number, inside in enumerate(others or [free], start=1):
        taken = plans.is_source(region, number) & ~(free & inside)
        region = tf.where(taken, tf.zeros([], region.dtype), region)
    return plan._replace(region=region)


def shares_of_frames(plan):
    """For each source, float32 [B or 1, T], the part of each frame that is its own.

    Frames are the places along the first axis of the region, parts are counted along the others.
    """
    region, numbers = plans.rendered(plan.region), range(1, plan.sources.shape[1])
    if plan.hard:
        others = [tf.cast(plans.is_source(region, source), tf.float32) for source in numbers]
    else:
        others = [region[..., source] for source in numbers]
    others = [tf.reduce_mean(part, axis=list(range(2, part.shape.rank))) for part in others]
    return [tf.maximum(1.0 - tf.add_n(others), 0.0), *others]


def _inside(real, ends):
    """bool [B, T], from the first to the last real place without the ends."""
    place, (first, last) = tf.range(tf.shape(real)[1]), ends
    start = tf.reduce_min(tf.where(real, place, tf.shape(real)[1]), axis=1)
    return (place >= start[:, None] + first) & (place < lengths_of(real)[:, None] - last)


def _of_sources(plan, own, donors):
    """What own and donors hold, for each source of each sample."""
    others = range(1, plan.sources.shape[1])
    return [own, *(tf.gather(donors, plan.sources[:, source]) for source in others)]


def _parts(plan, own, donors):
    """The real part of each source in every place [B, *spatial]: bool, or its share if soft."""
    region, numbers = plans.rendered(plan.region), range(1, plan.sources.shape[1])
    if plan.hard:
        others = [plans.is_source(region, source) for source in numbers]
        shares = [~functools.reduce(operator.or_, others), *others]
    else:
        shares = tf.unstack(region, axis=-1)
    over = (..., *[tf.newaxis] * (shares[0].shape.rank - 2))
    real = [part[over] for part in _of_sources(plan, own, donors)]
    if plan.hard:
        return [part & share for part, share in zip(real, shares, strict=True)]
    return [tf.where(part, share, 0.0) for part, share in zip(real, shares, strict=True)]
