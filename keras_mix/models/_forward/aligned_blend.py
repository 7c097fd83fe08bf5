"""What AlignMixup does at a layer: features are aligned before they are blended."""

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import aligned_mixup
from keras_mix.models._forward.blends import Blend


class AlignedBlend(Blend):
    """A blend of feature maps whose positions are assigned to each other.

    Args:
        blend: The `Blend` whose options it has.
        channels_first: Whether the channels are the second axis.
        epsilon: Float > 0.
        iterations: Integer ≥ 1.
    """

    def __init__(self, blend, *, channels_first, epsilon, iterations):
        super().__init__(blend.per, **blend.options)
        self.alignment = {
            "channels_first": channels_first,
            "epsilon": epsilon,
            "iterations": iterations,
        }

    def check(self, owner, name, tensors):
        """Refuses what has no positions."""
        for tensor in tensors:
            if len(tensor.shape) < 3 or None in tensor.shape[1:]:
                checks.reject(
                    owner,
                    name,
                    "must compute feature maps of known size, such as (B, H, W, C), whose "
                    "positions are aligned",
                    checks.described(tensor),
                    "Name the last layer before the pooling in `mix_at`.",
                )

    def check_mask(self, owner, name, mask):
        """Refuses all masks."""
        checks.reject(
            owner,
            name,
            "must have no mask, since padding would be aligned with valid positions",
            f"a mask, {checks.described(mask)}",
            "Use ManifoldMixup for padded sequences.",
        )

    def plan(self, value, seed, rate):
        """The `aligned_mixup.AlignedPlan` of a batch as large as the value's."""
        size = ops.shape(keras.tree.flatten(value)[0])[0]
        return aligned_mixup.draw(seed, size, rate, per=self.per, **self.options)

    def apply(self, plan, value):
        """The value's tensors, each aligned by itself and blended in its own dtype."""
        if plan is None:
            return value
        return keras.tree.map_structure(
            lambda tensor: aligned_mixup.blend(tensor, plan, **self.alignment), value
        )
