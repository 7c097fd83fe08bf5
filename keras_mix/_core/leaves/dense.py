"""Dense values: pasted or combined on the grid of a region, blended by the weights otherwise.

Images, sounds and other numeric inputs are dense, and so are dense targets. Other rules build on
this one.
"""

import dataclasses

from keras_mix._core import dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import along, columns
from keras_mix._core.batch.region_grid import aligned
from keras_mix._core.leaves.coordinates import refuse_coordinates
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan import writing
from keras_mix._core.plan.blending import convert, precise
from keras_mix._core.plan.combinations import Blend
from keras_mix._core.plan.selecting import by_quadrants


@dataclasses.dataclass(frozen=True)
class Dense(Rule):
    """The rule of dense values.

    Attributes:
        axes: The axes that a region covers, or None.
        dtype: The dtype of the result.
        target: Whether the leaf is a target, which is never filled and always blended by weights.
    """

    axes: tuple | None = dataclasses.field()  # no default
    dtype: str
    target: bool = False

    nearest = False
    """Whether a position between pixels takes the nearest one, as ids must."""

    def form(self, tensor):
        return convert(tensor, self.dtype)

    def mix(self, plan, pool):
        if self.axes is None or plan.region is None:
            weights = columns(plan.weights, pool.own)
            return self._combined(plan, pool.sources(plan), weights)
        if plan.region.hard:
            return convert(self.pasted(plan, pool), self.dtype)
        sources = [self.placed(plan, pool, number) for number in range(plan.number)]
        weights = [along(weight, pool.own, self.axes) for weight in plan.coverage()]
        return self._combined(plan, sources, weights)

    def pasted(self, plan, pool):
        """Takes each position from its source, or fills it."""
        if plan.placement is not None:
            return convert(self.placed(plan, pool, plan.region), dtypes.of(pool.own))
        value = pool.own
        if plan.combine.fills and self.target:
            return value
        if xp.mutable():
            places = writing.places(plan.region.rectangles(), self.axes, value.shape)
            if places is not None:
                return writing.written(value, places, *self._pasted_samples(plan, pool))
        quadrants = plan.region.quadrants()
        if quadrants is not None and pool.second is None and not plan.combine.fills:
            return by_quadrants(value, plan.sources, self.axes, quadrants)
        _, *layers = pool.sources(plan)
        if plan.combine.fills:
            layers.append(plan.combine.filling(value, self.axes))
        for covered, layer in zip(plan.coverage_by_others(), layers, strict=True):
            value = xp.select(along(covered, value, self.axes), layer, value)
        return value

    def _pasted_samples(self, plan, pool):
        """Samples, and the number of the one that each sample of the batch is covered by."""
        if plan.combine.fills:
            filling = plan.combine.filling(pool.own, self.axes)
            return xp.broadcast_to(filling, pool.own.shape), range(len(pool.own))
        return pool.partners(plan.sources[:, 1])

    def placed(self, plan, pool, source):
        """Takes each position from a source, moved or resized by the plan's placement.

        Args:
            plan: A `plan.Plan`.
            pool: A `Pool`.
            source: int, the source of all positions; or a hard region.
        """
        if plan.placement is None:
            return pool.source(plan, source)
        return plan.placement.read(pool.whole(), plan.sources, self.axes, source, self.nearest)

    def _combined(self, plan, sources, weights):
        combine = Blend() if self.target or self.axes is None else plan.combine
        return convert(combine.combine([precise(each) for each in sources], weights), self.dtype)


@dataclasses.dataclass(frozen=True)
class DenseOfUnknownSize(Dense):
    """The rule of inputs with sizes that are known only when the graph runs.

    They are pasted if they have the sizes of the region, and blended by the weights otherwise.
    """

    def mix(self, plan, pool):
        blended = Dense(None, self.dtype, self.target).mix(plan, pool)
        if plan.region is None:
            return blended
        sizes = [xp.shape(pool.own)[axis] for axis in self.axes]
        on_the_grid = xp.reduce_all(xp.equal(sizes, plan.region.sizes))
        # Stretched to the leaf's own sizes, so that both branches have one shape.
        pasted = super().mix(plan._replace(region=plan.region.stretch(sizes)), pool)
        mixed = xp.where(on_the_grid, pasted, blended)
        mixed.set_shape(pool.own.shape)
        return mixed


def bind(mixer, leaf, grid):
    """The rule of inputs, and of targets of kind "values"."""
    found = aligned(mixer, leaf, grid)
    axes = found and found.axes
    if leaf.target:
        refuse_coordinates(mixer, leaf, found, grid)
        return Dense(axes, leaf.precise_dtype, target=True)
    own, computed = dtypes.of(leaf.tensor), mixer.compute_dtype
    if found is not None and not found.known and leaf.kind == "values" and leaf is not grid.leaf:
        return DenseOfUnknownSize(axes, own if mixer.keep_dtype else computed)
    kept = mixer.keep_dtype or (mixer.pastes and axes is not None)
    # A plan may have another region for inputs, such as one with soft edges.
    return Dense(axes, own if kept else computed, group=None if axes is None else "inputs")
