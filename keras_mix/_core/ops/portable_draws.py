"""Draws and blends of the model side, in `keras.ops` for any backend.

The draws have the names and arguments of `draw.random`, with a `keras.random.SeedGenerator` instead
of a seed; `draws` selects one of the two modules. Blends are computed here on every backend.
"""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core.ops.target_portions import over


class BlendPlan(NamedTuple):
    """A plan that blends whole samples, on any backend.

    Attributes:
        sources: int32 `(B, S)`, indices into the batch. Column 0 is the sample itself.
        weights: float32 `(B, S)`. Every row sums to 1.
    """

    sources: object
    weights: object


def begin(generator):
    """The seed of one step: the generator itself, which advances at each draw."""
    return generator


def split(seed, count):
    """A list of `count` seeds. A generator can be repeated, since it advances at each draw."""
    return [seed] * count


def uniform(seed, shape):
    """float32 of a shape, uniform in [0, 1)."""
    return keras.random.uniform(shape, dtype="float32", seed=seed)


def coin(seed, probability, count):
    """bool `(count,)`, True with the given probability; 0 and 1 are exact."""
    return uniform(seed, [count]) < probability


class Concentration:
    """An α that may change between steps; `variable` is the variable that holds it, or a value."""

    def __init__(self, variable):
        self.variable = variable

    def assign(self, alpha):
        """Does nothing, since `beta` reads the variable."""


def concentration(alpha, variable):
    """An α that may change, for `beta`; `variable` holds its value."""
    return Concentration(variable)


def fixed(alpha):
    """An α that never changes, for `beta`."""
    return Concentration(alpha)


def beta(seed, alpha, count, keep_major=False):
    """float32 `(count,)`, draws of λ ~ Beta(a, b) by `keras.random`; α = 0 draws λ = 1."""
    value = ops.broadcast_to(ops.convert_to_tensor(alpha.variable, "float32"), [2])
    mixes = value[0] > 0
    a, b = (ops.where(mixes, value[index], 1.0) for index in range(2))
    lam = keras.random.beta([count], a, b, dtype="float32", seed=seed)
    lam = ops.where(mixes, lam, 1.0)
    return ops.maximum(lam, 1.0 - lam) if keep_major else lam


def partners(seed, pairing, size, donors, has_second_batch=False):
    """int32 `(size,)`, the partner of each sample in the batch; `donors` equals `size`."""
    index = ops.arange(size, dtype="int32")
    if pairing == "reverse":
        return donors - 1 - index
    if pairing == "roll":
        return (index + 1) % donors
    order = ops.cast(ops.argsort(uniform(seed, [donors])), "int32")
    if pairing == "derange":
        return ops.take(ops.roll(order, -1), ops.argsort(order))
    return order


def blend_plan(partners, weight):
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
    mixed = own * over(weights[:, 0], own)
    for source in range(1, plan.sources.shape[1]):
        other = ops.take(own, plan.sources[:, source], axis=0)
        mixed += other * over(weights[:, source], own)
    return ops.cast(mixed, tensor.dtype)
