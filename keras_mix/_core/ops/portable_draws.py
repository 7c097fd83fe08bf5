"""The draws of `draw.random` in `keras.ops`, for other backends than TensorFlow.

They have its names and arguments, with a `keras.random.SeedGenerator` in place of a seed; `draws`
selects one of the two modules.
"""

import keras
from keras import ops


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
