"""Segmentation masks: class ids are pasted with the images; soft masks are also blended."""

import dataclasses

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.batch.reader import classes_of
from keras_mix._core.batch.region_grid import aligned
from keras_mix._core.batch.value_checks import check_shares, check_whole
from keras_mix._core.leaf_names import entry, key
from keras_mix._core.leaves.dense import Dense


@dataclasses.dataclass(frozen=True)
class SegmentationMasks(Dense):
    """The rule of masks of class ids `(B, H, W)` or `(B, H, W, 1)`, which keep their dtype."""

    nearest = True

    def form(self, tensor):
        return tensor

    def mix(self, plan, pool):
        return self.pasted(plan, pool)


@dataclasses.dataclass(frozen=True)
class SoftMasks(Dense):
    """The rule of masks returned as class probabilities, `(B, H, W, K)`.

    Attributes:
        num_classes: The number of classes K. Other ids become zeros.
        smoothing: The label smoothing, in [0, 1].
    """

    num_classes: int = 0
    smoothing: float = 0.0

    def form(self, tensor):
        if len(tensor.shape) == self.axes[-1] + 2:
            tensor = xp.squeeze(tensor, axis=-1)
        return xp.one_hot(xp.cast(tensor, "int32"), self.num_classes, dtype=self.dtype)

    def mix(self, plan, pool):
        return super().mix(plan, pool.map(self.form))

    def smooth(self, tensor):
        if not self.smoothing:
            return tensor
        # A pixel of no class stays zero.
        spread = self.smoothing / self.num_classes * xp.reduce_sum(tensor, axis=-1, keepdims=True)
        return tensor * (1.0 - self.smoothing) + spread


def bind(mixer, leaf, grid):
    """The rule of segmentation masks, by the mixer's `soft_masks`."""
    found = aligned(mixer, leaf, grid)
    axes = found and found.axes
    _refuse_unclear(mixer, leaf, grid, axes)
    if _is_soft(mixer, leaf):
        check_shares(mixer.owner, leaf, "must hold class probabilities from 0 to 1 to be blended")
        return Dense(axes, leaf.precise_dtype, target=True)
    if mixer.soft_masks:
        return _bind_soft(mixer, leaf, axes)
    if not mixer.pastes:
        way_out = "Pass soft_masks=True and num_classes=… for masks of class probabilities; "
        if len(leaf.tensor.shape) == 4 and leaf.tensor.shape[-1] != 1:
            way_out += f'name masks of objects, kinds={{"{key(leaf.name)}": "instance_masks"}}; '
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids of pixels, which cannot be blended",
            checks.described(leaf.tensor),
            f"{way_out}or use a mixer that pastes, such as CutMix.",
        )
    return SegmentationMasks(axes, dtypes.of(leaf.tensor), target=True)


def _refuse_unclear(mixer, leaf, grid, axes):
    """Refuses unnamed masks `(B, N, H, W)` of N objects or classes beside images `(B, H, W, C)`."""
    named = entry(mixer.kinds, leaf.name) or leaf.name == "segmentation_masks"
    if named or axes != (2, 3) or grid.axes != (1, 2) or leaf.tensor.shape[1] == 1 or mixer.erases:
        return
    name = key(leaf.name)
    checks.reject(
        mixer.owner,
        leaf.name,
        "may hold a mask for each object or for each class, which are mixed differently",
        checks.described(leaf.tensor),
        f'Name masks of objects, kinds={{"{name}": "instance_masks"}}; or, for masks of classes, '
        f'kinds={{"{name}": "segmentation_masks"}}.',
    )


def _is_soft(mixer, leaf):
    """Whether a mask already holds class probabilities (B, H, W, K) to be blended."""
    shape, count = leaf.tensor.shape, classes_of(mixer.num_classes, leaf.name)
    if not dtypes.is_floating(leaf.tensor) or len(shape) < 4 or shape[-1] == 1:
        return False
    return count in (None, shape[-1]) if mixer.soft_masks else not mixer.pastes


def _bind_soft(mixer, leaf, axes):
    count = classes_of(mixer.num_classes, leaf.name)
    if count is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids of pixels, which need `num_classes` to become a soft mask",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            "Pass num_classes=…, or a dict by the names of the targets if they differ.",
        )
    shape = leaf.tensor.shape
    if axes is None and len(shape) >= 3:
        column = len(shape) > 3 and shape[-1] == 1
        axes = tuple(range(1, len(shape) - column))
    spatial = len(axes) + 1 if axes else 0
    channels_first = mixer.data_format == "channels_first" and len(shape) > spatial
    columns = len(shape) - 1 - axes[-1] if axes else 0
    if not axes or channels_first or (columns and shape[-1] != 1):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be (B, H, W) or (B, H, W, 1) to become a soft mask",
            checks.described(leaf.tensor),
        )
    if dtypes.is_floating(leaf.tensor):
        rule = "must hold class ids, whole numbers, to become a soft mask"
        check_whole(mixer.owner, leaf, rule, "Pass class probabilities as (B, H, W, K).")
    return SoftMasks(axes, "float32", target=True, num_classes=count)
