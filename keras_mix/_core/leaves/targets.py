"""The portions of a target under a plan: each position of the grid takes its own source's label."""

import tensorflow as tf

from keras_mix._core.batch.batch import axis_size
from keras_mix._core.broadcasting import along
from keras_mix._core.leaves.dense import Dense
from keras_mix._core.leaves.rule import Pool
from keras_mix._core.leaves.segmentation_masks import SegmentationMasks
from keras_mix._core.leaves.sequences import refuse_moved, shares_of_frames
from keras_mix._core.ops.portions import Portion, choose, of_samples
from keras_mix._core.plan.regions import Soft


def portions(plan, target, fit=None):
    """The portions of a target of one batch.

    Under a hard region there is one portion, the pasted target, which is exact for any loss; under
    a soft region there is one for each source, weighted at each position; under a blend one for
    each source, weighted as a whole.

    Args:
        plan: A `Plan`, or plans.
        target: `(B, ...)`.
        fit: A `portions.Fit`, or None for a target that belongs to its sample as a whole.

    Returns:
        A list of `portions.Portion`.
    """
    group = fit and "columns"
    return plan.fold(
        lambda each: _portions(each.of(group), target, fit),
        lambda index, found: choose(index, found, target),
    )


def _portions(plan, target, fit):
    if plan.number == 1:
        return [Portion(target, None)]
    if fit is None or plan.region is None:
        return of_samples(target, plan.sources, plan.weights)
    if fit.along_first:
        return _along_first(plan, target, fit)
    plan = _stretched(plan, [axis_size(target, axis) for axis in fit.axes])
    rule = (SegmentationMasks if fit.nearest else Dense)(fit.axes, target.dtype, target=True)
    pool = Pool(target)
    if plan.hard:
        return [Portion(rule.pasted(plan, pool), None)]
    return [
        _portion(rule.placed(plan, pool, source), along(part, target, fit.axes), target)
        for source, part in enumerate(plan.coverage())
    ]


def _portion(value, weight, target):
    """Where the weight is 0, even an infinite loss of the source must not reach the sum."""
    return Portion(tf.where(weight > 0, value, target), weight)


def _along_first(plan, target, fit):
    """Labels along the first axis of the grid, weighted by the mean over the other axes."""
    refuse_moved(plan)
    pool, size = Pool(target), axis_size(target, fit.axes[0])
    found = []
    for source, shares in enumerate(shares_of_frames(plan)):
        _check_multiple([size], [tf.shape(shares)[1]])
        # Along one axis shares are stretched as a region is.
        weight = Soft(shares[..., None]).stretch([size]).values
        weight = tf.reshape(weight, [-1, size, *[1] * (target.shape.rank - 2)])
        found.append(_portion(pool.source(plan, source), weight, target))
    return found


def _stretched(plan, sizes):
    """The plan on a grid of these sizes, each a whole multiple of its own."""
    own = plan.region.sizes
    if all(isinstance(size, int) for size in (*own, *sizes)) and own == sizes:
        return plan
    _check_multiple(sizes, own)
    placement = plan.placement
    if placement is not None:
        placement = placement.scale([size // old for size, old in zip(sizes, own, strict=True)])
    return plan._replace(region=plan.region.stretch(sizes), placement=placement)


def _check_multiple(sizes, own):
    """Where all sizes are known, the shapes have been compared before."""
    for size, old in zip(sizes, own, strict=True):
        if not (isinstance(size, int) and isinstance(old, int)):
            tf.debugging.assert_equal(
                size % old,
                0,
                "A target on the grid of a region must have its sizes, or whole multiples of them.",
            )
