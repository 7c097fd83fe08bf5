"""Instance masks: those of all sources, cut together with the images, empty if little is seen."""

import dataclasses

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import compatible, filled
from keras_mix._core.batch.region_grid import refuse_other_axes
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.leaves.segmentation_masks import SegmentationMasks
from keras_mix._core.plan import plan as plans


@dataclasses.dataclass(frozen=True)
class InstanceMasks(Rule):
    """The rule of masks of single objects `(B, N, H, W)`, which come out `(B, S · N, H, W)`.

    The mask of object n of source s comes out as s · N + n: where its source is placed, and 0 at
    the positions that do not show its source or are filled. The other positions keep their values.
    A mask is 0 everywhere if less than `min_visible` of the object is seen, if its source has no
    weight, or if its source shows only some of its objects, and not this one.

    Attributes:
        number: The number of sources S that come out.
        min_visible: The fraction of an object that must be visible.
    """

    number: int
    min_visible: float

    axes = (2, 3)
    weighable = False

    def form(self, tensor):
        return self._padded([tensor])

    def mix(self, plan, pool):
        plan = plans.once(plan)
        return self._padded([self._of_source(plan, pool, s) for s in range(plan.number)])

    def absent(self, tensor, size):
        return filled(tensor, size, 0)

    def _of_source(self, plan, pool, source):
        """The masks of one source, as far as the result shows them."""
        placed = SegmentationMasks(self.axes, dtypes.of(pool.own), target=True).placed(
            plan, pool, source
        )
        weight = plan.weights[:, source, None]
        covered = xp.ones([1, 1, 1, 1])
        if plan.region is not None:
            covered = xp.cast(plan.coverage()[source][:, None], "float32")
        objects = plan.region and plan.region.seen(source)
        if objects is None:
            whole = _sum(_inside(pool.source(plan, source)))
            if plan.placement is not None:
                whole = whole * plan.placement.magnification(source, plan.region.sizes)
            visible = xp.divide_no_nan(_sum(_inside(placed) * covered), whole)
            kept = (visible >= self.min_visible) & (weight > 0)
        else:
            kept = objects.visible > 0
            kept = kept & (objects.fraction >= self.min_visible) & (weight > 0)
        shown = kept[..., None, None] & (covered > 0)
        return xp.where(shown, placed, xp.zeros([], placed.dtype))

    def _padded(self, found):
        """The masks of the sources, as many as always come out."""
        missing = self.number - len(found)
        return xp.concat([*found, *[xp.zeros_like(found[0])] * missing], axis=1)


def bind(mixer, leaf, grid):
    """The rule of instance masks."""
    shape, dtype = leaf.tensor.shape, dtypes.of(leaf.tensor)
    if len(shape) != 4 or not (dtypes.is_integer(dtype) or dtype == "bool"):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be integers or booleans (B, N, H, W) to be masks of N objects",
            checks.described(leaf.tensor),
            "Cast floats to uint8 or bool; give masks (B, H, W) an axis of objects, `[:, None]`.",
        )
    refuse_other_axes(mixer, leaf)
    if grid is not None and not compatible(shape[2:], grid.known):
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have the size {grid.known} of `{grid.leaf.name}` to be cut together with it",
            checks.described(leaf.tensor),
            "Resize it by the nearest pixel, and transpose (B, H, W, N) to (B, N, H, W).",
        )
    # Where nothing is hidden, the pixels of a reduced object may be few.
    return InstanceMasks(mixer.num_sources, mixer.box_options.least_visible if mixer.hides else 0.0)


def _inside(masks):
    """float32 like the masks, 1 inside of objects."""
    return xp.cast(masks if dtypes.of(masks) == "bool" else masks != 0, "float32")


def _sum(values):
    return xp.reduce_sum(values, axis=[2, 3])
