"""Draws and blend once more, in `keras.ops`, for the backends that TensorFlow's cannot serve.

The one permitted twin, of `sampling`, `plan.blend` and the blending rule of `leaves`. The draws
have the names and arguments of `random`, with a `keras.random.SeedGenerator` in the
place of a seed; `draws` chooses between the two. Blending is done here on every
backend.
"""

from typing import NamedTuple

import keras
from keras import ops


class Shares(NamedTuple):
    """A plan that blends: who is mixed with whom, and how much.

    Attributes:
        sources: int32 [B, S]. Column 0 is the sample itself.
        weights: float32 [B, S]. Every row sums to 1.
    """

    sources: object
    weights: object


def begin(generator):
    """The seed of one step: the generator, which hands out a new one at each draw."""
    return generator


def split(seed, count):
    """A generator hands out a new seed at each draw: it serves as many as are asked for."""
    return [seed] * count


def uniform(seed, shape):
    """float32 `shape` in [0, 1)."""
    return keras.random.uniform(shape, dtype="float32", seed=seed)


def coin(seed, probability, count):
    """bool [count], True with the given probability; 0 and 1 are exact."""
    return uniform(seed, [count]) < probability


class Concentration:
    """An α that may change between steps; `variable` is where a model keeps it, or its value."""

    def __init__(self, variable):
        self.variable = variable

    def assign(self, alpha):
        """Nothing is derived from α here."""


def beta(seed, alpha, count, keep_major=False):
    """float32 [count] draws of λ ~ Beta(a, b) by `keras.random`; α = 0 draws λ = 1."""
    value = ops.broadcast_to(ops.convert_to_tensor(alpha.variable, "float32"), [2])
    mixes = value[0] > 0
    a, b = (ops.where(mixes, value[index], 1.0) for index in range(2))
    ratio = keras.random.beta([count], a, b, dtype="float32", seed=seed)
    ratio = ops.where(mixes, ratio, 1.0)
    return ops.maximum(ratio, 1.0 - ratio) if keep_major else ratio


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


def shares(partners, ratio):
    """The plan in which each sample keeps its ratio, float32 [B], and a partner has the rest.

    Where no rest is left the sample is its own partner, so that nothing of another can reach it,
    not even by an infinity times 0.
    """
    own = ops.arange(ops.shape(partners)[0], dtype="int32")
    sources = ops.stack([own, ops.where(ratio < 1, partners, own)], axis=1)
    return Shares(sources, ops.stack([ratio, 1.0 - ratio], axis=1))


def blend(tensor, plan):
    """Σ weight · source, in float32 or better, in the tensor's own dtype.

    This form has fewer passes over the data than own + share (other - own), forward and back. A
    sample of weights 1 and 0 keeps its values if they are finite.
    """
    double = keras.backend.standardize_dtype(tensor.dtype) == "float64"
    own = ops.cast(tensor, "float64" if double else "float32")
    # Nothing is learned of the draws: their gradient would cost two passes more.
    weights = ops.cast(ops.stop_gradient(plan.weights), own.dtype)
    mixed = own * beside(weights[:, 0], own)
    for source in range(1, plan.sources.shape[1]):
        other = ops.take(own, plan.sources[:, source], axis=0)
        mixed += other * beside(weights[:, source], own)
    return ops.cast(mixed, tensor.dtype)


def beside(share, tensor):
    """A share [B], shaped to be multiplied with a tensor [B, …]."""
    return ops.reshape(share, [-1] + [1] * (len(tensor.shape) - 1))
