"""Mixing weights by a map: how much of it the region takes from each source."""

from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.plan.counting import with_own


def weights_by_map(plan, values):
    """The weight of each source: the sum of the map over its positions, divided by the whole sum.

    Each position of the map takes the source of the region's position at the same fraction of each
    axis, as in a resize to the nearest. Plans without a region keep their weights, and so do
    samples whose map is zero everywhere.

    Args:
        plan: A `Plan`, or a `Choice` or `PerGroup` of plans.
        values: float32 `(B, *spatial)`, not negative, of as many axes as the region's.

    Returns:
        float32 `(B, S)`; rows sum to 1.
    """
    return plan.map(lambda each: _weighed(each, values)).weights


def _weighed(plan, values):
    if plan.region is None or plan.number == 1:
        return plan
    axes = list(range(1, len(values.shape)))
    region = plan.region.stretch([axis_size(values, axis) for axis in axes])
    total = xp.reduce_sum(values, axis=axes)
    sums = [
        xp.reduce_sum(values * xp.cast(covered, values.dtype), axis=axes)
        for covered in region.coverage_by_others(plan.number)
    ]
    found = with_own(xp.stack(sums, axis=1) / total[:, None], plan.sources)
    return plan._replace(weights=xp.where(total[:, None] > 0, found, plan.weights))
