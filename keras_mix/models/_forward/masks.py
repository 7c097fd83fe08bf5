"""Keras masks: which arguments are masks, and how they are mixed."""

import functools

import keras
from keras import ops

from keras_mix._core.ops.tensors import over


@functools.cache
def is_mask(name):
    """Whether an argument of a layer's `call` is a mask, by Keras's convention."""
    return name is not None and (name == "mask" or name.endswith("_mask"))


def is_of_batch(layer, name, mask):
    """Whether a mask has an axis of samples, judging by the layer that receives it.

    Keras's attention takes a mask `(T, S)` for all samples, too.
    """
    attention = isinstance(
        layer, keras.layers.MultiHeadAttention | keras.layers.GroupQueryAttention
    )
    return not (attention and name == "attention_mask" and len(getattr(mask, "shape", ())) < 3)


def union(mask, plan, active):
    """The mask of a mixed sample: a position is valid if it is valid in any source.

    Args:
        mask: `(B, ...)`, bool, or numbers of which the larger unmasks (0 and 1; -1e9 and 0).
        plan: Its sources `(B, S)` and weights `(B, S)`.
        active: Scalar bool, whether the plan applies to this batch.
    """
    mixed = mask
    for source in range(1, plan.sources.shape[1]):
        other = ops.take(mask, plan.sources[:, source], axis=0)
        present = over((plan.weights[:, source] > 0) & active, mask)
        # Booleans are compared as 0 and 1, since not every backend has their maximum.
        larger = ops.cast(
            ops.maximum(ops.cast(mixed, "float32"), ops.cast(other, "float32")), mask.dtype
        )
        mixed = ops.where(present, larger, mixed)
    return mixed
