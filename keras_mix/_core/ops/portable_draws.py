"""The draws of `draw.random` in `keras.ops`, for other backends than TensorFlow.

They have its names and arguments, with a `keras.random.SeedGenerator` in place of a seed; `draws`
selects one of the two modules.
"""

import functools

import keras
from keras import ops

from keras_mix._core import incomplete_beta, lambda_quantiles
from keras_mix._core.lambda_quantiles import HALF


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


def beta(seed, alpha, count, keep_major=False):
    """float32 `(count,)`, draws of λ ~ Beta(a, b) from the table of the TensorFlow backend.

    XLA takes seconds to compile the rejection loops of `keras.random.beta`, and no time for a
    lookup. λ has neither ties at 0.5 nor NaN, for any α.

    Args:
        seed: A `keras.random.SeedGenerator`.
        alpha: Float ≥ 0, pair of floats, or `Concentration`. 0 draws λ = 1: no mixing.
        count: Integer. Number of draws.
        keep_major: Boolean. Whether to return max(λ, 1 - λ) instead. Defaults to False.
    """
    quantiles = alpha.quantiles if isinstance(alpha, Concentration) else _quantiles(alpha)
    number = keras.random.randint([count], 0, 2 * HALF, dtype="int32", seed=seed)
    lam = ops.take(ops.convert_to_tensor(quantiles), number)
    return ops.maximum(lam, 1.0 - lam) if keep_major else lam


class Concentration:
    """An α that may change between the steps of a compiled function, without a new trace.

    Attributes:
        quantiles: The variable with the table of `beta`.
        variables: List of the variables that a model must track. JAX compiles untracked state as a
            constant. Empty on PyTorch, where tracked variables enter the model's `state_dict`.

    Args:
        alpha: As in `beta`.
    """

    def __init__(self, alpha):
        self.quantiles = keras.Variable(
            _quantiles(alpha), dtype="float32", trainable=False, autocast=False, name="quantiles"
        )
        self.variables = [] if keras.backend.backend() == "torch" else [self.quantiles]

    def assign(self, alpha):
        """Sets α."""
        self.quantiles.assign(_quantiles(alpha))


@functools.lru_cache(maxsize=64)
def _quantiles(alpha):
    """The table of λ, `lambda_quantiles.table`."""
    return lambda_quantiles.table(alpha, incomplete_beta.inverse)


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
