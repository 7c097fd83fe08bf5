"""The plan: which samples are combined, how much of each, and where.

The law of a plan: `weights[i, s]` is the share of sample i that really comes from source s, counted
from the region after rounding and clipping, never the λ that was drawn.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.plan.combinations import Blend, Combination, Fill
from keras_mix._core.plan.placements import Resize, Shift
from keras_mix._core.plan.regions import Mask, Region, Soft


class Plan(NamedTuple):
    """How each of B samples is made of S sources.

    Attributes:
        sources: int32 `(B, S)`, indices into the pool of samples: the batch itself, then the second
            batch if partners come from one. Column 0 is the sample itself.
        weights: float32 `(B, S)`, the share of each source. Every row sums to 1.
        region: The `Region` that tells what each position shows; None where all positions are
            blended alike.
        placement: Where each source's frame lies in the result, a `Shift` or a `Resize`; None
            leaves every source in place.
        combine: The `Combination` of inputs. Targets are blended by the weights.
    """

    sources: tf.Tensor
    weights: tf.Tensor
    region: Region | None = None
    placement: Shift | Resize | None = None
    combine: Combination = Blend()

    @property
    def number(self):
        """The number of sources S, an int."""
        return self.sources.shape[1]

    @property
    def hard(self):
        """Whether a region takes each position from exactly one source."""
        return self.region is not None and self.region.hard

    def parts(self):
        """What each position shows of each source: a list of tensors, see `Region.parts`."""
        return self.region.parts(self.number + self.combine.fills)[: self.number]

    def others(self):
        """What each position shows of each source but the first; then of what fills it."""
        return self.region.others(self.number + self.combine.fills)

    def keep(self, mixed, sizes=None):
        """The plan in which samples are left as they are where bool `mixed` `(B or 1,)` is False.

        Args:
            mixed: bool `(B or 1,)`.
            sizes: The sizes of the grid, needed where the plan has a placement.
        """
        own = tf.one_hot(0, self.number)
        placement = self.placement and self.placement.keep(mixed, sizes)
        return Plan(
            tf.where(mixed[:, None], self.sources, self.sources[:, :1]),
            tf.where(mixed[:, None], self.weights, own),
            self.region and self.region.keep(mixed),
            placement,
            self.combine.keep(mixed),
        )

    def map(self, function):
        """The same plan, or plans, each passed through a function."""
        return function(self)

    def apply(self, function):
        """`function(plan)`, a structure of tensors `(B, ...)`, under the plan that holds."""
        return function(self)

    def fold(self, function, choose):
        """`function(plan)`, or of several plans `choose(index, results)`."""
        return function(self)

    def of(self, group):
        """The plan of a group of leaves: see `PerGroup`."""
        return self

    def relabelled(self, rule):
        """The plan, with labels weighed by `rule(plan)` where a sample is mixed."""
        if self.number == 1:
            return self
        weights = tf.where(self.weights[:, :1] == 1, self.weights, rule(self))
        return PerGroup(self, {"labels": self._replace(weights=weights)})


class PerGroup(NamedTuple):
    """One plan for each group of leaves, all of the same sources.

    Attributes:
        default: The plan of leaves that belong to no group of `groups`.
        groups: A dict from the name of a group to its plan.
    """

    default: Plan
    groups: dict

    @property
    def sources(self):
        return self.default.sources

    @property
    def weights(self):
        return self.default.weights

    @property
    def hard(self):
        return self.default.hard

    def map(self, function):
        groups = {name: plan.map(function) for name, plan in self.groups.items()}
        return PerGroup(self.default.map(function), groups)

    def apply(self, function):
        return function(self)

    def fold(self, function, choose):
        return function(self)

    def keep(self, mixed, sizes=None):
        return self.map(lambda plan: plan.keep(mixed, sizes))

    def of(self, group):
        return self.groups.get(group, self.default)

    def relabelled(self, rule):
        return self._replace(groups={**self.groups, **self.default.relabelled(rule).groups})


def blend(partners, weights, region=None):
    """A plan that blends by given weights.

    Args:
        partners: int32 `(B,)` or `(B, S - 1)`, the other sources of each sample.
        weights: float32 `(B or 1, S)`, rows that sum to 1.
        region: float32 `(B or 1, *spatial, S)`, whose expectation the weights are, where positions
            are drawn independently; None where all are blended alike.
    """
    sources = _sources(partners)
    region = None if region is None else _region(region)
    return Plan(sources, tf.broadcast_to(weights, tf.shape(sources)), region)


def paste(partners, region, placement=None):
    """A plan that takes every position from one source; the weights are counted from the region.

    Args:
        partners: int32 `(B,)` or `(B, S - 1)`, the other sources of each sample.
        region: A `Region`, such as `shapes.rectangle` returns; or bool (True is source 1) or int32
            `(B or 1, *spatial)`, the source of each position.
        placement: A `Shift` or `Resize`; None leaves every source in place.
    """
    sources, region = _sources(partners), _region(region)
    return Plan(sources, region.weights(sources), region, placement)


def soft(partners, region, placement=None):
    """A plan whose sources share every position; the weights are the region's means.

    Args:
        partners: int32 `(B,)` or `(B, S - 1)`, the other sources of each sample.
        region: float32 `(B or 1, *spatial, S)` that sums to 1 over S.
        placement: A `Resize` or None.
    """
    return paste(partners, region, placement)


def erase(size, region, fill):
    """A plan that fills positions of every sample; its label stays whole.

    Args:
        size: The number of samples B.
        region: A `Region`, or bool `(B or 1, *spatial)`, True where a position is filled.
        fill: A number; or "mean", each sample's mean for each channel.
    """
    region = _region(region)
    return Plan(tf.range(size)[:, None], tf.ones([size, 1]), region, combine=Fill(fill))


def unless_alone(plan):
    """The plan, in which samples that are their own partner are left as they are."""
    return plan.keep(tf.reduce_any(plan.sources != plan.sources[:, :1], axis=1))


def _sources(partners):
    others = partners if partners.shape.rank == 2 else partners[:, None]
    return tf.concat([tf.range(tf.shape(others)[0])[:, None], others], axis=1)


def _region(region):
    if isinstance(region, Region):
        return region
    return Soft(region) if region.dtype.is_floating else Mask(region)
