"""Padding counts for nothing: weights are counted over the valid time steps of a plan."""

import functools
import operator
from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.leaves.rule import Pool
from keras_mix._core.leaves.sequences import lengths_of, refuse_moved, valid_parts
from keras_mix._core.plan.counting import count, weights_of, with_own
from keras_mix._core.plan.regions import Mask


class Validity(NamedTuple):
    """What the leaves of a batch say of valid time steps.

    Attributes:
        rules: A tuple of rules that say which steps are valid.
        pools: The `Pool` of each.
    """

    rules: tuple
    pools: tuple

    def discount(self, plan, compiled):
        """A `Plan` with weights counted over valid steps and a region off the special tokens.

        A sample that would be left without any valid step stays as it is. Blends keep their
        weights.

        Args:
            plan: A `plan.Plan`.
            compiled: A function that calls a function with arguments that are tensors.
        """
        if plan.region is None:
            return plan
        refuse_moved(plan)
        function = functools.partial(_discounted, rules=self.rules)
        region, weights, valid = compiled(function, plan, self.pools)
        return plan._replace(region=region, weights=weights).keep(valid)


def _discounted(plan, pools, rules):
    """The region, the weights, and bool `(B,)` or `(1,)`, which samples have a valid step."""
    everywhere = tf.constant([True])
    pool = _said(rules, pools, plan.region.sizes[0])
    if pool is None:
        return plan.region, plan.weights, everywhere
    ends = next((rule.special_tokens for rule in rules if rule.special_tokens), None)
    if ends is not None:
        plan = between(plan, pool, ends)
    if plan.number == 1:
        return plan.region, plan.weights, everywhere
    return plan.region, *counted(plan, pool)


def _said(rules, pools, size):
    """A `Pool` of bool `(B, T)`, the steps that are valid in all leaves that say so; or None."""
    said = [
        pool.map(functools.partial(rule.valid, size=size))
        for rule, pool in zip(rules, pools, strict=True)
    ]
    said = [pool for pool in said if pool.own is not None]
    if not said:
        return None
    own, second = zip(*said, strict=True)
    return Pool(_all(own), None if second[0] is None else _all(second))


def counted(plan, pool):
    """The weights counted over valid steps alone, and bool `(B,)`, whether there are any.

    Args:
        plan: A `plan.Plan` with a region.
        pool: A `Pool` of bool `(B, T)`, the valid steps along the first axis that is cut.
    """
    parts = valid_parts(plan, pool)
    if plan.hard:
        counts = tf.stack([count(part) for part in parts], axis=1)
        total = tf.reduce_sum(counts, axis=1)
        weights = weights_of(counts[:, 1:], tf.maximum(total, 1)[:, None], plan.sources)
    else:
        # In double precision: see `regions.Soft.weights`.
        parts = [tf.cast(part, tf.float64) for part in parts]
        sums = [tf.reduce_sum(part, axis=list(range(1, part.shape.rank))) for part in parts]
        total = tf.add_n(sums)
        shares = tf.math.divide_no_nan(tf.stack(sums[1:], axis=1), total[:, None])
        weights = with_own(tf.cast(shares, tf.float32), plan.sources)
    return weights, total > 0


def between(plan, pool, ends):
    """The plan, its region kept off the ends of sequences.

    What is pasted lies, in the sample and in its partner alike, between the first and the last
    valid steps, without as many of them as `ends` says.

    Args:
        plan: A `plan.Plan` whose region covers one axis.
        pool: As in `counted`.
        ends: How many valid steps stay in place at the first and at the last end.
    """
    owner = plan.region.dense()
    inside = pool.map(functools.partial(_inside, ends=ends))
    free, *others = inside.sources(plan)
    # What is filled has no source.
    others += [free] * plan.combine.fills
    for taken, allowed in zip(plan.coverage_by_others(), others, strict=True):
        owner = tf.where(taken & ~(free & allowed), tf.zeros([], owner.dtype), owner)
    return plan._replace(region=Mask(owner))


def _all(masks):
    return functools.reduce(operator.and_, masks)


def _inside(valid, ends):
    """bool `(B, T)`, from the first to the last valid step without the ends."""
    step, (first, last) = tf.range(tf.shape(valid)[1]), ends
    start = tf.reduce_min(tf.where(valid, step, tf.shape(valid)[1]), axis=1)
    return (step >= start[:, None] + first) & (step < lengths_of(valid)[:, None] - last)
