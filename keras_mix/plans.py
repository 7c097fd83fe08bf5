"""Building blocks of mixers of your own: plans, batches and draws.

A mixer's `sample(batch, seed)` takes a `Batch` and returns a `Plan`, made by `blend`, `paste`,
`soft` or `erase`. The functions of `random` draw numbers, each from a seed int32[2], and those of
`shapes` make regions. See `keras_mix.layers.Mixer` for an example.
"""

from keras_mix._core.batch.batch import Batch, Leaf
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan.choice import Choice
from keras_mix._core.plan.combinations import Blend, Fill, Gains, LogBlend
from keras_mix._core.plan.placements import Resize, Shift
from keras_mix._core.plan.plan import PerGroup, Plan, blend, erase, paste, soft
from keras_mix._core.plan.regions import Blocks, Box, Boxes, Mask, Region, Soft

__all__ = [
    "Batch",
    "Blend",
    "Blocks",
    "Box",
    "Boxes",
    "Choice",
    "Fill",
    "Gains",
    "Leaf",
    "LogBlend",
    "Mask",
    "PerGroup",
    "Plan",
    "Region",
    "Resize",
    "Shift",
    "Soft",
    "blend",
    "erase",
    "paste",
    "random",
    "shapes",
    "soft",
]


def __dir__():
    return __all__
