"""Values under a plan: inputs, and all else that is blended, or pasted along the region's grid."""

import tensorflow as tf

from keras_mix import masks, placing
from keras_mix import plan as plans
from keras_mix.arithmetic import add, blend, blend_logarithms, convert, precise


def form(tensor, spec):
    """The values in their dtype."""
    return convert(tensor, spec.dtype)


def mix(plan, own, donor, spec):
    """Pastes what lies on the region's grid, blends the rest by the weights."""
    if spec.axes is not None and plan.hard:
        return convert(paste(plan, own, donor, spec), spec.dtype)
    numbers = range(plan.sources.shape[1])
    if spec.axes is None or plan.region is None:
        sources = [own, *(source_of(plan, donor, s) for s in numbers[1:])]
        shares = [beside(plan.weights[:, s], own) for s in numbers]
    else:
        sources = [placed(plan, own, donor, spec, s) for s in numbers]
        shares = [over(plan.region[..., s], own, spec) for s in numbers]
    return convert(_blended(plan, [precise(s) for s in sources], shares, spec), spec.dtype)


def mix_by_size(plan, own, donor, spec):
    """As `mix`, for inputs whose sizes are known only as the graph runs.

    They are pasted where they have the region's sizes, and blended by the weights where not.
    """
    blended = mix(plan, own, donor, spec._replace(axes=None))
    if plan.region is None:
        return blended
    sizes = [tf.shape(own)[axis] for axis in spec.axes]
    on_the_grid = tf.reduce_all(tf.equal(sizes, _sizes(plan)))
    # Over the leaf's own sizes, so that the shapes fit whether it lies on the grid or not.
    region = masks.stretched(plan.region, sizes)
    pasted = mix(plan._replace(region=region), own, donor, spec)
    mixed = tf.where(on_the_grid, pasted, blended)
    mixed.set_shape(own.shape)
    return mixed


def _sizes(plan):
    """The sizes of the grid that the plan's region covers."""
    if isinstance(plan.region, tuple):
        return [tf.shape(line)[-1] for line in plan.region]
    shape = tf.unstack(tf.shape(plan.region))
    return shape[1:] if plan.hard else shape[1:-1]


def _blended(plan, sources, shares, spec):
    if spec.axes is None or spec.target:
        return blend(sources, shares)
    if plan.gains is not None:
        gains = tf.unstack(plan.gains, axis=1)
        return add(sources, [beside(gain, sources[0]) for gain in gains])
    if plan.exponent is not None:
        return blend_logarithms(sources, shares, plan.exponent)
    return blend(sources, shares)


def paste(plan, own, donor, spec):
    """Takes every place from one source, or fills it."""
    if plan.placement is not None:
        return convert(placed(plan, own, donor, spec, plan.region), own.dtype)
    region = over(plans.rendered(plan.region), own, spec)
    if plan.fill is not None:
        if spec.target:
            return own
        return tf.where(plans.is_source(region, plan.sources.shape[1]), _fill(plan, own, spec), own)
    for source in range(1, plan.sources.shape[1]):
        own = tf.where(plans.is_source(region, source), source_of(plan, donor, source), own)
    return own


def source_of(plan, donor, source):
    """What the donors hold for a source of each sample."""
    return tf.gather(donor, plan.sources[:, source])


def beside(share, tensor):
    """A number [B] for each sample, shaped to lie over the tensor."""
    return tf.reshape(share, [-1] + [1] * (tensor.shape.rank - 1))


def _fill(plan, own, spec):
    if not isinstance(plan.fill, str):
        return convert(tf.convert_to_tensor(plan.fill, tf.float64), own.dtype)
    return convert(tf.reduce_mean(precise(own), axis=spec.axes, keepdims=True), own.dtype)


def placed(plan, own, donor, spec, source):
    """The value of each position, read from its source where the plan has placed that.

    Args:
        plan: A `keras_mix.plan.Plan`.
        own: The leaf, `(B, ...)`.
        donor: The same leaf of the donors.
        spec: A `keras_mix.leaves.Spec` with axes.
        source: The source of each position, a hard region; or one number for all.
    """
    if plan.placement is None:
        return own if source == 0 else source_of(plan, donor, source)
    pool, sources = own, plan.sources
    if spec.crossed:
        pool = tf.concat([own, donor], axis=0)
        sources = tf.concat([sources[:, :1], sources[:, 1:] + tf.shape(own)[0]], axis=1)
    nearest = spec.kind in ("segmentation_masks", "sample_weights")
    return placing.read(pool, sources, plan.placement, spec.axes, source, nearest)


def over(region, tensor, spec):
    """A region `(B or 1, *spatial)`, shaped to broadcast along the tensor's spatial axes."""
    shape = tf.shape(region)
    sizes = [1] * tensor.shape.rank
    sizes[0] = shape[0]
    for axis, place in zip(spec.axes, range(1, region.shape.rank), strict=True):
        sizes[axis] = shape[place]
    return tf.reshape(region, sizes)
