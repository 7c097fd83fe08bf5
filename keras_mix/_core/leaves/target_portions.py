"""The portions of a target under a plan, which takes each position from its source."""

from keras_mix._core import dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import along, axis_size
from keras_mix._core.leaves.dense import Dense
from keras_mix._core.leaves.rule import Pool
from keras_mix._core.leaves.segmentation_masks import SegmentationMasks
from keras_mix._core.leaves.sequences import refuse_moved, weights_of_frames
from keras_mix._core.ops.target_portions import Portion, choose, of_samples
from keras_mix._core.plan.regions import Soft


def portions(plan, target, fit=None):
    """The portions of a target.

    Under a hard region there is one portion, the pasted target, which is exact for any loss. Under
    a soft region there is one for each source, with a weight for each position; without a region,
    one for each source, with a weight for each sample.

    Args:
        plan: A `Plan`, or a `Choice` or `PerGroup` of plans.
        target: `(B, ...)`.
        fit: A `target_portions.Fit`; None for a target that does not lie on the grid.

    Returns:
        A list of `target_portions.Portion`.
    """
    group = fit and "columns"
    return plan.fold(
        lambda each: _portions(each.of(group), target, fit),
        lambda index, alternatives: choose(index, alternatives, target),
    )


def _portions(plan, target, fit):
    if plan.number == 1:
        return [Portion(target, None)]
    if fit is None or plan.region is None:
        return of_samples(target, plan.sources, plan.weights)
    if fit.along_first:
        return _along_first(plan, target, fit)
    plan = _stretched(plan, [axis_size(target, axis) for axis in fit.axes])
    rule = (SegmentationMasks if fit.nearest else Dense)(fit.axes, dtypes.of(target), target=True)
    pool = Pool(target)
    if plan.hard:
        return [Portion(rule.pasted(plan, pool), None)]
    return [
        _portion(rule.placed(plan, pool, source), along(weights, target, fit.axes), target)
        for source, weights in enumerate(plan.coverage())
    ]


def _portion(value, weight, target):
    """Replaces values of weight 0 by the target, so that their loss cannot be infinite."""
    return Portion(xp.where(weight > 0, value, target), weight)


def _along_first(plan, target, fit):
    """The portions of labels of frames: weights are means over all axes but the first."""
    refuse_moved(plan)
    pool, size = Pool(target), axis_size(target, fit.axes[0])
    found = []
    for source, weights in enumerate(weights_of_frames(plan)):
        _check_multiple([size], [xp.shape(weights)[1]])
        weight = Soft(weights[..., None]).stretch([size]).values
        weight = xp.reshape(weight, [-1, size, *[1] * (len(target.shape) - 2)])
        found.append(_portion(pool.source(plan, source), weight, target))
    return found


def _stretched(plan, sizes):
    """The plan on a grid of these sizes, each a multiple of the size of the plan's grid."""
    own = plan.region.sizes
    if all(isinstance(size, int) for size in (*own, *sizes)) and own == sizes:
        return plan
    _check_multiple(sizes, own)
    placement = plan.placement
    if placement is not None:
        placement = placement.scale([size // old for size, old in zip(sizes, own, strict=True)])
    return plan._replace(region=plan.region.stretch(sizes), placement=placement)


def _check_multiple(sizes, own):
    """Asserts that sizes are multiples; sizes that are known have been compared before."""
    for size, old in zip(sizes, own, strict=True):
        if not (isinstance(size, int) and isinstance(old, int)):
            rule = "A target on the grid of a region must have its sizes or multiples of them."
            xp.checked(xp.equal(size % old, 0), rule)
