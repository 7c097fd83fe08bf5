"""Mixup on any backend: its plan, drawn for a batch, and the blend of tensors by a plan."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core.draw import random
from keras_mix._core.ops.tensors import columns


class BlendPlan(NamedTuple):
    """A plan that blends whole samples, on any backend.

    Attributes:
        sources: int32 `(B, S)`, indices into the batch. Column 0 is the sample itself.
        weights: float32 `(B, S)`. Every row sums to 1.
    """

    sources: object
    weights: object


def draw(seed, size, rate, *, alpha, keep_major, pairing, per):
    """The `BlendPlan` of a batch.

    Args:
        seed: As `random.begin` or `random.split` gives it.
        size: The number of samples.
        rate: The probability that a sample is mixed, or the batch if λ is shared.
        alpha: Float ≥ 0, pair of floats, or `random.Concentration`.
        keep_major: As in `keras_mix.layers.MixUp`, like `pairing` and `per`.
        pairing: A string.
        per: "sample" or "batch".
    """
    order, share, chance = random.split(seed, 3)
    count = 1 if per == "batch" else size
    lam = random.beta(share, alpha, count, keep_major)
    lam = ops.where(random.coin(chance, rate, count), lam, 1.0)
    partners = random.partners(order, pairing, size, size, has_second_batch=False)
    return plan_of(partners, ops.broadcast_to(lam, [size]))


def plan_of(partners, weight):
    """The plan that blends each sample with one partner.

    A sample of weight 1 becomes its own partner, so that no infinity of a partner, multiplied by 0,
    makes it NaN.

    Args:
        partners: int32 `(B,)`.
        weight: float32 `(B,)`, the weight of the sample itself.
    """
    own = ops.arange(ops.shape(partners)[0], dtype="int32")
    sources = ops.stack([own, ops.where(weight < 1, partners, own)], axis=1)
    return BlendPlan(sources, ops.stack([weight, 1.0 - weight], axis=1))


def blend(tensor, plan):
    """Σ weight · source, computed in float32 or float64, in the dtype of the tensor.

    Takes fewer passes over the data than own + weight · (other - own), forward and backward. A
    sample with weights 1 and 0 keeps its values if they are finite.

    Args:
        tensor: `(B, ...)`.
        plan: A `BlendPlan`.
    """
    double = keras.backend.standardize_dtype(tensor.dtype) == "float64"
    own = ops.cast(tensor, "float64" if double else "float32")
    # The weights have no gradient, which would take two more passes.
    weights = ops.cast(ops.stop_gradient(plan.weights), own.dtype)
    weight, *others = columns(weights, own)
    mixed = own * weight
    for source, weight in enumerate(others, start=1):
        mixed += ops.take(own, plan.sources[:, source], axis=0) * weight
    return ops.cast(mixed, tensor.dtype)
