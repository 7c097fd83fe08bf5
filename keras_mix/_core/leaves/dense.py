"""Dense values: pasted or combined where they lie on a region's grid, blended by weights elsewhere.

Inputs of every kind are dense, and so are dense targets; other rules build on this one.
"""

import dataclasses

import tensorflow as tf

from keras_mix._core.batch.grid import lying
from keras_mix._core.broadcasting import along, over
from keras_mix._core.leaves.coordinates import refuse_coordinates
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan.blending import convert, precise
from keras_mix._core.plan.combinations import Blend


@dataclasses.dataclass(frozen=True)
class Dense(Rule):
    """The rule of dense values.

    Attributes:
        axes: The axes that a region covers, or None.
        dtype: The dtype of the result.
        target: Whether the leaf is what a model learns: it is never filled, and always blended.
    """

    axes: tuple | None = dataclasses.field()  # no default
    dtype: tf.DType
    target: bool = False

    nearest = False
    """Whether a position between pixels takes the nearest one, as ids must."""

    def form(self, tensor):
        return convert(tensor, self.dtype)

    def mix(self, plan, pool):
        if self.axes is None or plan.region is None:
            shares = [over(share, pool.own) for share in tf.unstack(plan.weights, axis=1)]
            return self._combined(plan, pool.sources(plan), shares)
        if plan.hard:
            return convert(self.pasted(plan, pool), self.dtype)
        sources = [self.placed(plan, pool, number) for number in range(plan.number)]
        shares = [along(part, pool.own, self.axes) for part in plan.coverage()]
        return self._combined(plan, sources, shares)

    def pasted(self, plan, pool):
        """Each position from one source, or filled."""
        if plan.placement is not None:
            return convert(self.placed(plan, pool, plan.region), pool.own.dtype)
        value = pool.own
        if plan.combine.fills and self.target:
            return value
        layers = [pool.source(plan, number) for number in range(1, plan.number)]
        if plan.combine.fills:
            layers.append(plan.combine.filling(value, self.axes))
        for part, layer in zip(plan.coverage_by_others(), layers, strict=True):
            value = tf.where(along(part, value, self.axes), layer, value)
        return value

    def placed(self, plan, pool, source):
        """Each position from its source, where the plan has placed that.

        Args:
            plan: A `plan.Plan`.
            pool: A `Pool`.
            source: The number of the source of all positions; or a hard region.
        """
        if plan.placement is None:
            return pool.source(plan, source)
        return plan.placement.read(pool.whole(), plan.sources, self.axes, source, self.nearest)

    def _combined(self, plan, sources, shares):
        combine = Blend() if self.target or self.axes is None else plan.combine
        return convert(combine.combine([precise(each) for each in sources], shares), self.dtype)


@dataclasses.dataclass(frozen=True)
class DenseOfUnknownSize(Dense):
    """The rule of inputs whose sizes are known only as the graph runs.

    They are pasted where they have the region's sizes, and blended by the weights where not.
    """

    def mix(self, plan, pool):
        blended = Dense(None, self.dtype, self.target).mix(plan, pool)
        if plan.region is None:
            return blended
        sizes = [tf.shape(pool.own)[axis] for axis in self.axes]
        on_the_grid = tf.reduce_all(tf.equal(sizes, plan.region.sizes))
        # Over the leaf's own sizes, so that the shapes fit whether it lies on the grid or not.
        pasted = super().mix(plan._replace(region=plan.region.stretch(sizes)), pool)
        mixed = tf.where(on_the_grid, pasted, blended)
        mixed.set_shape(pool.own.shape)
        return mixed


def bind(mixer, leaf, main):
    """The rule of inputs, and of targets that are values."""
    found = lying(mixer, leaf, main)
    axes = found and found.axes
    if leaf.target:
        refuse_coordinates(mixer, leaf, found, main)
        return Dense(axes, leaf.precise_dtype, target=True)
    own, computed = leaf.tensor.dtype, tf.as_dtype(mixer.compute_dtype)
    if found is not None and not found.known and leaf.kind == "values" and leaf is not main:
        return DenseOfUnknownSize(axes, own if mixer.keep_dtype else computed)
    kept = mixer.keep_dtype or (mixer.pastes and axes is not None)
    return Dense(axes, own if kept else computed)
