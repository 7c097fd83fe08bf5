"""Mixup of feature maps whose positions are aligned first, on any backend."""

import math
from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core.draw import random
from keras_mix._core.ops import mixup, transport
from keras_mix._core.ops.tensors import over


class AlignedPlan(NamedTuple):
    """A `mixup.BlendPlan` that says at whose positions the features of a pair are blended.

    Attributes:
        sources: int32 `(B, 2)`, indices into the batch. Column 0 is the sample itself.
        weights: float32 `(B, 2)`. Every row sums to 1.
        at_partner: bool `(B,)`, whether features stay where the partner has them.
    """

    sources: object
    weights: object
    at_partner: object


def draw(seed, size, rate, *, per, **options):
    """The `AlignedPlan` of a batch.

    Args:
        seed: As in `mixup.draw`, like all arguments.
        size: The number of samples.
        rate: The probability that a sample is mixed.
        per: "sample" or "batch". Whose λ, and positions, are drawn.
        **options: The others of `mixup.draw`.
    """
    of_blend, of_positions = random.split(seed, 2)
    plan = mixup.draw(of_blend, size, rate, per=per, **options)
    at_partner = random.coin(of_positions, 0.5, 1 if per == "batch" else size)
    return AlignedPlan(*plan, ops.broadcast_to(at_partner, [size]))


def blend(tensor, plan, *, channels_first, epsilon, iterations):
    """The features of each sample, blended with its partner's, in the dtype of the tensor.

    One of a pair stays, and the other is transported to its positions: position p receives the mean
    of the other's features, weighted by row p of the assignment. A sample that is its own partner
    stays as it is.

    Args:
        tensor: `(B, …, C)`, or `(B, C, …)`.
        plan: An `AlignedPlan`.
        channels_first: Whether the channels are the second axis.
        epsilon: As in `transport.assignment`, like `iterations`.
        iterations: Integer.
    """
    double = keras.backend.standardize_dtype(tensor.dtype) == "float64"
    own = _positions(ops.cast(tensor, "float64" if double else "float32"), channels_first)
    partners = plan.sources[:, 1]
    other = ops.take(own, partners, axis=0)
    at_partner = over(plan.at_partner, own)
    kept, moved = ops.where(at_partner, other, own), ops.where(at_partner, own, other)
    weights = ops.cast(ops.stop_gradient(plan.weights), own.dtype)
    weight = ops.where(at_partner, over(weights[:, 1], own), over(weights[:, 0], own))
    # As in the authors' code, no gradient passes through the assignment.
    cost = transport.squared_distances(ops.stop_gradient(kept), ops.stop_gradient(moved))
    assigned = ops.stop_gradient(transport.assignment(cost, epsilon, iterations))
    mixed = kept * weight + ops.matmul(assigned, moved) * (1.0 - weight)
    is_alone = over(partners == ops.arange(ops.shape(own)[0], dtype="int32"), own)
    return ops.cast(
        _restored(ops.where(is_alone, own, mixed), tensor, channels_first), tensor.dtype
    )


def _positions(maps, channels_first):
    """Maps as `(B, P, C)`."""
    if channels_first:
        maps = ops.moveaxis(maps, 1, -1)
    return ops.reshape(maps, [-1, math.prod(maps.shape[1:-1]), maps.shape[-1]])


def _restored(values, maps, channels_first):
    """Values `(B, P, C)` in the shape of the maps."""
    if not channels_first:
        return ops.reshape(values, [-1, *maps.shape[1:]])
    channels, *sizes = maps.shape[1:]
    return ops.moveaxis(ops.reshape(values, [-1, *sizes, channels]), -1, 1)
