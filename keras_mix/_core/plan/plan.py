"""The plan: which samples are combined, with which weights, and where.

The law of a plan: where it has a region, `weights[i, s]` is the fraction of sample i that comes
from source s, counted from the region after rounding and clipping, never the λ that was drawn.
"""

from typing import NamedTuple

from keras_mix._core import dtypes
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.plan.combinations import Blend, Combination, Fill
from keras_mix._core.plan.placements import Resize, Shift
from keras_mix._core.plan.regions import Mask, Region, Soft, SoftBox


class Plan(NamedTuple):
    """How each of B samples is combined from S sources.

    Attributes:
        sources: int32 `(B, S)`, indices into the pool of samples: the batch, followed by the second
            batch if partners come from one. Column 0 is the sample itself.
        weights: float32 `(B, S)`, the mixing weight of each source. Every row sums to 1.
        region: `Region`, the source of each position. None if all positions are blended by the
            weights.
        placement: `Shift` or `Resize`, where the frame of each source lies in the result. None if
            every source stays where it is.
        combine: `Combination` of the inputs. Targets are always blended by the weights.
    """

    sources: Tensor
    weights: Tensor
    region: Region | None = None
    placement: Shift | Resize | None = None
    combine: Combination = Blend()

    @property
    def number(self) -> int:
        """The number of sources S, an int."""
        return self.sources.shape[1]

    @property
    def hard(self) -> bool:
        """Whether the plan has a region that takes each position from exactly one source."""
        return self.region is not None and self.region.hard

    def coverage(self):
        """How much of each position each source covers: a list, see `Region.coverage`."""
        return self.region.coverage(self.number + self.combine.fills)[: self.number]

    def coverage_by_others(self):
        """The same for sources 1 to S - 1, followed by the filled positions if there are any."""
        return self.region.coverage_by_others(self.number + self.combine.fills)

    def keep(self, mixed, sizes=None):
        """The plan that leaves samples unmixed where `mixed` is False.

        Args:
            mixed: bool `(B or 1,)`.
            sizes: The sizes of the grid. Needed if the plan has a placement.
        """
        own = xp.one_hot(0, self.number)
        placement = self.placement and self.placement.keep(mixed, sizes)
        return Plan(
            xp.where(mixed[:, None], self.sources, self.sources[:, :1]),
            xp.where(mixed[:, None], self.weights, own),
            self.region and self.region.keep(mixed),
            placement,
            self.combine.keep(mixed),
        )

    def map(self, function):
        """Replaces the plan, or each of several plans, by `function(plan)`.

        For changes of plans, such as counting the weights anew without padding.
        """
        return function(self)

    def apply(self, function):
        """`function(plan)` for the plan that applies; it returns a structure of `(B, ...)`.

        For results of a plan, such as mixed leaves. A `Choice` selects each sample's result.
        """
        return function(self)

    def fold(self, function, choose):
        """`function(plan)`; for a `Choice`, `choose(index, results)` over its plans.

        For results that `apply` cannot select sample by sample, such as the portions of a target,
        whose number differs between plans.
        """
        return function(self)

    def of(self, group):
        """The plan that applies to a group of leaves, see `PerGroup`."""
        return self

    def relabelled(self, rule):
        """The plan, with the weights `rule(plan)` for the labels of mixed samples."""
        if self.number == 1:
            return self
        weights = xp.where(self.weights[:, :1] == 1, self.weights, rule(self))
        return PerGroup(self, {"labels": self._replace(weights=weights)})


class PerGroup(NamedTuple):
    """A plan for each group of leaves. All plans have the same sources.

    Attributes:
        default: The plan for leaves whose group is not in `groups`.
        groups: Dict from the name of a group to its plan.
    """

    default: Plan
    groups: dict

    @property
    def sources(self) -> Tensor:
        return self.default.sources

    @property
    def weights(self) -> Tensor:
        return self.default.weights

    @property
    def hard(self) -> bool:
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


def blend(partners: Tensor, weights: Tensor, region: Region | None = None) -> Plan:
    """See `keras_mix.plans.blend`, which also checks its arguments."""
    sources = _sources(partners)
    region = None if region is None else _region(region)
    return Plan(sources, xp.broadcast_to(weights, xp.shape(sources)), region)


def paste(
    partners: Tensor, region: Region | Tensor, placement: Shift | Resize | None = None
) -> Plan:
    """See `keras_mix.plans.paste`, which also checks its arguments."""
    sources, region = _sources(partners), _region(region)
    return Plan(sources, region.weights(sources), region, placement)


def soft(
    partners: Tensor,
    region: Soft | SoftBox | Tensor,
    placement: Shift | Resize | None = None,
) -> Plan:
    """See `keras_mix.plans.soft`, which also checks its arguments."""
    return paste(partners, region, placement)


def erase(size: int | Tensor, region: Region | Tensor, fill: float | str) -> Plan:
    """See `keras_mix.plans.erase`, which also checks its arguments."""
    region = _region(region)
    return Plan(xp.range(size)[:, None], xp.ones([size, 1]), region, combine=Fill(fill))


def unless_alone(plan):
    """The plan that leaves samples unmixed whose partners are all the sample itself."""
    return plan.keep(xp.reduce_any(plan.sources != plan.sources[:, :1], axis=1))


def once(plan):
    """The plan in which each sample is blended once, unless sources are moved.

    For leaves that list the objects of all sources: those of a sample that is its own partner, or
    that is drawn as several partners, appear once.
    """
    if plan.placement is not None or plan.number == 1:
        return plan
    if plan.region is None and plan.number > 2:
        same = plan.sources[:, :, None] == plan.sources[:, None]
        weights = xp.reduce_sum(xp.where(same, plan.weights[:, None], 0.0), axis=2)
        # The first source counts for all that are the same sample.
        number = xp.range(plan.number)
        repeated = xp.reduce_any(same & (number < number[:, None]), axis=2)
        plan = plan._replace(weights=xp.where(repeated, 0.0, weights))
    return unless_alone(plan)


def _sources(partners):
    others = partners if len(partners.shape) == 2 else xp.expand_dims(partners, 1)
    own = xp.expand_dims(xp.range(axis_size(others, 0)), 1)
    return xp.concat([own, others], axis=1)


def _region(region):
    if isinstance(region, Region):
        return region
    return Soft(region) if dtypes.is_floating(region) else Mask(region)
