"""The portions of a target under a plan: each position of the grid takes its own source's label."""

import tensorflow as tf

from keras_mix import fitting, masks, sequences, values
from keras_mix.batch import axis_size
from keras_mix.composite import Choice, Joint
from keras_mix.leaves import Spec
from keras_mix.portions import Portion, choose, of_samples


def portions(plan, target, fit=None):
    """The portions of a target of one batch.

    Under a hard region there is one portion, the pasted target, which is exact for any loss; under
    a soft region there is one for each source, weighted at each position; under a blend one for
    each source, weighted as a whole.

    Args:
        plan: A `Plan`, `Choice` or `Joint`.
        target: `(B, ...)`.
        fit: A `keras_mix.portions.Fit`, or None for a target that belongs to its sample as a
            whole.

    Returns:
        A list of `keras_mix.portions.Portion`.
    """
    if isinstance(plan, Choice):
        return choose(plan.index, [portions(each, target, fit) for each in plan.plans], target)
    if isinstance(plan, Joint):
        plan = plan.plans[0]
    if plan.fill is not None:
        return [Portion(target, None)]
    if fit is None or plan.region is None:
        return of_samples(target, plan.sources, plan.weights)
    if fit.along_first:
        return _along_first(plan, target, fit)
    plan = _stretched(plan, [axis_size(target, axis) for axis in fit.axes])
    kind = "segmentation_masks" if fit.nearest else "values"
    spec = Spec(kind, fit.axes, target.dtype, target=True)
    if plan.hard:
        return [Portion(values.paste(plan, target, target, spec), None)]
    found = []
    for source in range(plan.sources.shape[1]):
        value = values.placed(plan, target, target, spec, source)
        found.append(_portion(value, values.over(plan.region[..., source], target, spec), target))
    return found


def _portion(value, weight, target):
    """Where the weight is 0, even an infinite loss of the source must not reach the sum."""
    return Portion(tf.where(weight > 0, value, target), weight)


def _along_first(plan, target, fit):
    """Labels along the first axis of the grid, weighted by the mean over the other axes."""
    fitting.refuse_moved(plan)
    size = axis_size(target, fit.axes[0])
    found = []
    for source, shares in enumerate(sequences.shares_of_frames(plan)):
        _check_multiple([size], [tf.shape(shares)[1]])
        weight = masks.stretched(shares, [size])
        weight = tf.reshape(weight, [-1, size, *[1] * (target.shape.rank - 2)])
        value = target if source == 0 else values.source_of(plan, target, source)
        found.append(_portion(value, weight, target))
    return found


def _stretched(plan, sizes):
    """The plan on a grid of these sizes, each a whole multiple of its own."""
    if isinstance(plan.region, tuple):
        own = [axis_size(line, line.shape.rank - 1) for line in plan.region]
    else:
        own = [axis_size(plan.region, axis) for axis in range(1, 1 + len(sizes))]
    if all(isinstance(size, int) for size in (*own, *sizes)) and own == sizes:
        return plan
    _check_multiple(sizes, own)
    placement = plan.placement
    if placement is not None:
        factors = [size // old for size, old in zip(sizes, own, strict=True)]
        factors = factors * (placement.shape[-1] // len(factors))
        placement *= tf.cast(tf.stack(factors), placement.dtype)
    return plan._replace(region=masks.stretched(plan.region, sizes), placement=placement)


def _check_multiple(sizes, own):
    """Where all sizes are known, the shapes have been compared before."""
    for size, old in zip(sizes, own, strict=True):
        if not (isinstance(size, int) and isinstance(old, int)):
            tf.debugging.assert_equal(
                size % old,
                0,
                "A target on the grid of a region must have its sizes, or whole multiples of them.",
            )
