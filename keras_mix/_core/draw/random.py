"""All random draws, from stateless int32 `(2,)` seeds.

All draws start from integer bits of the Philox algorithm with the seed as its key, which are the
same eagerly, in graphs and under XLA. TensorFlow's stateless floats are not the same, nor are
integers of the algorithm that it selects by default, for negative seeds (seen on TF 2.21). Only
this file imports TensorFlow Probability, at the first draw of a λ.
"""

import functools
import statistics

import numpy as np

from keras_mix._core import lambda_quantiles
from keras_mix._core.backend import xp
from keras_mix._core.concentration import pair
from keras_mix._core.lambda_quantiles import HALF

__all__ = [
    "Concentration",
    "begin",
    "below",
    "beta",
    "between",
    "bits",
    "by_weight",
    "coin",
    "dirichlet",
    "normal",
    "partners",
    "points",
    "split",
    "uniform",
]


def begin(generator):
    """int32 `(2,)`, the seed of one step by a `keras.random.SeedGenerator`."""
    return xp.seed_of_replica(xp.cast(generator.next(), "int32"))


def split(seed, count):
    """A list of `count` independent seeds int32 `(2,)`; use each for one draw only."""
    return xp.unstack(bits(seed, [count, 2]), num=count)


def bits(seed, shape):
    """int32 of a shape; every bit pattern is equally likely."""
    return xp.bits(seed, shape)


def uniform(seed, shape):
    """float32 of a shape, uniform in [0, 1), in multiples of 2**-24."""
    return xp.cast(bits(seed, shape) & 0xFFFFFF, "float32") * 2.0**-24


def between(seed, limits, shape):
    """float32 of a shape, uniform between two limits, a pair of floats."""
    low, high = limits
    return low + (high - low) * uniform(seed, shape)


def coin(seed, probability, count):
    """bool `(count,)`, True with the given probability; 0 and 1 are exact."""
    return uniform(seed, [count]) < probability


def below(seed, limits):
    """int32 of the shape of `limits`, each uniform over 0 … limit - 1."""
    pattern = xp.cast(bits(seed, xp.shape(limits)) & 0x7FFFFFFF, "int64")
    scaled = pattern * xp.cast(limits, "int64")
    return xp.cast(xp.right_shift(scaled, xp.constant(31, "int64")), "int32")


def by_weight(seed, weights):
    """Draws a column for each row of weights, with probabilities proportional to the weights.

    Args:
        seed: int32 `(2,)`.
        weights: int64 `(B, N)`, not negative. The sum of each row is below 2**44, so that the
            relative error of a probability is at most 2**-18.

    Returns:
        int32 `(B,)`; -1 for rows of zeros.
    """
    sums = xp.cumsum(weights, axis=1)
    total = xp.reduce_sum(weights, axis=1)
    pattern = xp.cast(bits(seed, [xp.shape(weights)[0], 2]) & 0x7FFFFFFF, "int64")
    drawn = (pattern[:, 0] * 2**31 + pattern[:, 1]) % xp.maximum(total, 1)
    column = xp.reduce_sum(xp.cast(sums <= drawn[:, None], "int32"), axis=1)
    return xp.where(total > 0, column, -1)


def normal(seed, shape):
    """float32 of a shape, standard normal, from 2**14 equally likely quantiles."""
    pattern = bits(seed, shape)
    small = xp.gather(xp.constant(_lower_normal_quantiles()), pattern & (HALF - 1))
    return xp.where(pattern < 0, small, -small)


def points(seed, count, grid):
    """int32 `(count, axes)`, positions on a grid, all equally likely."""
    return below(seed, xp.broadcast_to(grid, [count, len(grid)]))


def beta(seed, alpha, count, keep_major=False):
    """float32 `(count,)`, draws of λ ~ Beta(a, b) by inverse CDF.

    A draw is a lookup in a table of 2**14 equally likely quantiles, which TensorFlow Probability
    computes once for each alpha, in float64. So λ is the same to the bit in every mode, is fast,
    and has neither the ties at 0.5 nor the NaN of a ratio of gamma variates. The largest error of
    the CDF is 2**-15.

    Args:
        seed: int32 `(2,)`.
        alpha: Float a ≥ 0 for Beta(a, a), a pair (a, b) of floats above 0, or a `Concentration`,
            which may change later. 0 draws λ = 1: no mixing.
        count: Integer or scalar tensor. Number of draws.
        keep_major: Boolean. Whether to return max(λ, 1 - λ) instead. Defaults to False.
    """
    if isinstance(alpha, Concentration):
        quantiles = alpha.quantiles
    elif alpha == 0:
        return xp.ones([count])
    else:
        quantiles = xp.constant(_quantiles(alpha))
    pattern = bits(seed, [count])
    number = pattern & (HALF - 1)
    lam = xp.gather(quantiles, xp.where(pattern < 0, number + HALF, number))
    return xp.maximum(lam, 1.0 - lam) if keep_major else lam


def dirichlet(seed, alpha, count, sources, keep_major=False):
    """float32 `(count, S)`, draws of weights ~ Dirichlet(a, b, …, b) by stick-breaking.

    The first weight is a draw of Beta(a, b (S - 1)), the second takes a draw of Beta(b, b (S - 2))
    of the rest, and so on: each draw is one of `beta`, so the weights are the same in every mode.
    Two sources have the weights λ and 1 - λ.

    Args:
        seed: int32 `(2,)`.
        alpha: As in `beta`; a `Concentration` must have been prepared for as many sources.
        count: Integer or scalar tensor. Number of draws.
        sources: Integer ≥ 2. Number of sources S.
        keep_major: Boolean. Whether to swap the first weight and the largest one. Defaults to
            False.
    """
    if sources == 2:
        lam = beta(seed, alpha, count, keep_major)
        return xp.stack([lam, 1.0 - lam], axis=1)
    rest, weights = xp.ones([count]), []
    sticks = alpha.sticks[sources] if isinstance(alpha, Concentration) else _sticks(alpha, sources)
    for each, stick in zip(split(seed, sources - 1), sticks, strict=True):
        lam = beta(each, stick, count)
        weights.append(rest * lam)
        # Not a difference of products, which compilers round differently.
        rest = rest * (1.0 - lam)
    weights = xp.stack([*weights, rest], axis=1)
    return _largest_first(weights) if keep_major else weights


def _largest_first(weights):
    """Exchanges the first weight and the largest one."""
    largest = xp.one_hot(
        xp.argmax(weights, axis=1), weights.shape[1], on_value=True, off_value=False
    )
    others = xp.where(largest, weights[:, :1], weights)[:, 1:]
    return xp.concat([xp.reduce_max(weights, axis=1, keepdims=True), others], axis=1)


class Concentration:
    """An α that may change between the steps of a compiled function, without a new trace.

    Attributes:
        quantiles: The variable with the table of `beta`.
        variables: List of the variables that a model must track, see `xp.tracked`.
        sticks: Dict from a number of sources to the list of concentrations for `dirichlet`; see
            `prepare`.

    Args:
        alpha: As in `beta`.
    """

    def __init__(self, alpha):
        self._alpha = alpha
        self.sticks = {}
        self.quantiles = xp.variable(_quantiles(alpha))
        self.variables = xp.tracked([self.quantiles])

    def prepare(self, sources):
        """Creates the variables for weights of several sources."""
        if sources > 2 and sources not in self.sticks:
            self.sticks[sources] = [Concentration(each) for each in _sticks(self._alpha, sources)]

    def assign(self, alpha):
        """Sets α."""
        self._alpha = alpha
        self.quantiles.assign(_quantiles(alpha))
        for sources, sticks in self.sticks.items():
            for stick, each in zip(sticks, _sticks(alpha, sources), strict=True):
                stick.assign(each)


def _sticks(alpha, sources):
    """The concentrations of the draws of stick-breaking, one for each source but the last."""
    a, b = pair(alpha)
    return [
        (a if partners == sources - 1 else b, b * partners)
        for partners in range(sources - 1, 0, -1)
    ]


def partners(seed, pairing, size, donors, has_second_batch, number=1):
    """The partner of each sample.

    Args:
        seed: int32 `(2,)`.
        pairing: "shuffle", a random permutation, as in the papers; "derange", a random cycle
            through all samples, so that none is its own partner if there are two or more;
            "reverse" or "roll", which are not random.
        size: The number of samples.
        donors: The number of samples that partners are drawn from.
        has_second_batch: Whether these are a second batch. If so, no partner is the sample itself,
            and "derange" is "shuffle".
        number: Integer ≥ 1. Which of a sample's partners to draw, if it has several: "reverse" and
            "roll" move on by one sample for each. Defaults to 1.

    Returns:
        int32 `(size,)`, indices into the samples that partners are drawn from.
    """
    index = xp.range(size)
    if pairing == "reverse":
        return (donors - number - index) % donors
    if pairing == "roll":
        return (index + number) % donors
    order = xp.order_of(xp.invert(bits(seed, [donors])))
    if pairing == "derange" and not has_second_batch:
        # The successor in the cycle through the batch that `order` defines.
        return xp.gather(xp.roll(order, -1, axis=0), xp.argsort(order, stable=True))
    return xp.gather(order, index % donors) if has_second_batch else order


@functools.lru_cache(maxsize=64)
def _quantiles(alpha):
    """The table of λ, `lambda_quantiles.table`."""
    return lambda_quantiles.table(alpha, xp.incomplete_beta_inverse)


@functools.cache
def _lower_normal_quantiles():
    """float32 `(2**13,)`, the quantiles of the standard normal distribution below its median."""
    inverse = statistics.NormalDist().inv_cdf
    levels = (np.arange(HALF) + 0.5) / (2 * HALF)
    return np.array([inverse(level) for level in levels], np.float32)


def __dir__():
    return __all__
