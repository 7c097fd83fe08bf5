"""Padding does not count: mixing weights are counted over the valid time steps."""

import functools
import operator
from typing import NamedTuple

from keras_mix._core.backend import xp
from keras_mix._core.leaves.rule import Pool
from keras_mix._core.leaves.sequences import lengths_of, refuse_moved, valid_coverage
from keras_mix._core.plan.counting import count, weights_of, with_own
from keras_mix._core.plan.regions import Mask


class Validity(NamedTuple):
    """The leaves of a batch that determine which time steps are valid.

    Attributes:
        rules: List of their rules.
        pools: List of the `Pool` of each.
    """

    rules: list
    pools: list

    def steps(self, size):
        """A `Pool` of bool `(B, T)`, the valid ones of `size` time steps; None if all are."""
        return _valid_steps(self.rules, self.pools, size)

    def discount(self, plan, compiled):
        """The plan with weights counted over valid steps and a region without special tokens.

        A sample that would have no valid step left stays unmixed. Plans without a region keep
        their weights.

        Args:
            plan: A `plan.Plan`.
            compiled: Function that calls `function(*tensors)`, compiled where possible.
        """
        if plan.region is None:
            return plan
        refuse_moved(plan, self.rules[0].owner)
        function = functools.partial(_discounted, rules=self.rules)
        region, weights, valid = compiled(function, plan, self.pools)
        return plan._replace(region=region, weights=weights).keep(valid)


def _discounted(plan, pools, rules):
    """The region, the weights, and bool `(B or 1,)`, which samples have a valid step."""
    everywhere = xp.constant([True])
    pool = _valid_steps(rules, pools, plan.region.sizes[0])
    if pool is None:
        return plan.region, plan.weights, everywhere
    ends = next((rule.special_tokens for rule in rules if rule.special_tokens), None)
    if ends is not None:
        plan = between(plan, pool, ends)
    if plan.number == 1:
        return plan.region, plan.weights, everywhere
    return plan.region, *counted(plan, pool)


def _valid_steps(rules, pools, size):
    """A `Pool` of bool `(B, T)`, the steps that are valid in all leaves; None if none says so.

    Where a mask is of pixels, `(B, H, W)`.
    """
    known = [
        pool.map(functools.partial(rule.valid, size=size))
        for rule, pool in zip(rules, pools, strict=True)
    ]
    known = [pool for pool in known if pool.own is not None]
    if not known:
        return None
    own, second = zip(*known, strict=True)
    return Pool(_all(own), None if second[0] is None else _all(second))


def counted(plan, pool):
    """The weights counted over valid steps, and bool `(B,)`, whether a sample has any.

    Args:
        plan: A `plan.Plan` with a region.
        pool: A `Pool` of bool `(B, T)`, the valid steps along the first axis of the region.
    """
    covered = valid_coverage(plan, pool)
    if plan.hard:
        counts = [count(positions) for positions in covered]
        total = xp.add_n(counts)
        weights = weights_of(counts[1:], xp.maximum(total, 1)[:, None], plan.sources)
    else:
        # In double precision: see `regions.Soft.weights`.
        covered = [xp.cast(weights, "float64") for weights in covered]
        sums = [xp.reduce_sum(each, axis=list(range(1, len(each.shape)))) for each in covered]
        total = xp.add_n(sums)
        weights = xp.divide_no_nan(xp.stack(sums[1:], axis=1), total[:, None])
        weights = with_own(xp.cast(weights, "float32"), plan.sources)
    return weights, total > 0


def between(plan, pool, ends):
    """The plan with a region that leaves out the special tokens at both ends of sequences.

    A pasted step lies, in the sample and in its partner, between the first and the last valid step,
    without the given number of steps at each end.

    Args:
        plan: A `plan.Plan` with a region over one axis.
        pool: As in `counted`.
        ends: Pair of ints, the number of valid steps to keep at the start and at the end.
    """
    source = plan.region.dense()
    inside = pool.map(functools.partial(_inside, ends=ends))
    free, *others = inside.sources(plan)
    # Filled steps have no source.
    others += [free] * plan.combine.fills
    for covered, allowed in zip(plan.coverage_by_others(), others, strict=True):
        source = xp.where(covered & ~(free & allowed), xp.zeros([], source.dtype), source)
    return plan._replace(region=Mask(source))


def _all(masks):
    rank = max(len(mask.shape) for mask in masks)
    return functools.reduce(
        operator.and_, [mask[(..., *[None] * (rank - len(mask.shape)))] for mask in masks]
    )


def _inside(valid, ends):
    """bool `(B, T)`, True from the first to the last valid step, without `ends`."""
    step, (first, last) = xp.range(xp.shape(valid)[1]), ends
    start = xp.reduce_min(xp.where(valid, step, xp.shape(valid)[1]), axis=1)
    return (step >= start[:, None] + first) & (step < lengths_of(valid)[:, None] - last)
