"""Partners with similar labels from a whole dataset, without a matrix of all pairs.

Rejection sampling: a candidate is drawn uniformly from the samples that are near along the first
value of the label, and accepted with the kernel's probability, which gives exactly the kernel's
distribution. Samples without an accepted candidate after many rounds, such as one far from all
others, draw from all samples by their weights, in blocks of rows. In a small dataset all samples
do, since that is faster than rejection sampling.
"""

import functools
import math

from keras_mix._core.backend import xp
from keras_mix._core.draw import label_kernels, random

# Rounds for all samples, and then for those without a partner.
_ROUNDS = (24, 200)
# The number of pairs with weights that are computed at once.
_BLOCK = 2**20
# Datasets of up to this size skip rejection sampling.
_FEW = 2**11


def partners(seed, levels, include_self=False):
    """Draws a partner for each sample among all, with P ∝ exp(-d²/2σ²).

    Args:
        seed: int32 `(2,)`.
        levels: int64 `(N, K)` with known N, the levels of all labels by `label_kernels.levels` for
            a given bandwidth.
        include_self: Whether a sample may be its own partner.

    Returns:
        int32 `(N,)`.
    """
    order = xp.argsort(levels[:, 0], stable=True)
    levels = xp.gather(levels, order)
    first, second, last = random.split(seed, 3)
    found = xp.fill([xp.shape(order)[0]], -1)
    tries = zip(_ROUNDS, (first, second), strict=True) if levels.shape[0] > _FEW else ()
    for rounds, once in tries:
        rows = _without_partner(found)
        found = _updated(found, rows, _accepted(once, rows, levels, include_self, rounds))
    rows = _without_partner(found)
    found = _updated(found, rows, _by_weight(last, rows, levels, include_self))
    return xp.gather(order, xp.gather(found, xp.argsort(order, stable=True)))


def _without_partner(found):
    return xp.cast(xp.where(found < 0)[:, 0], "int32")


def _updated(found, rows, new):
    return xp.tensor_scatter_nd_update(found, rows[:, None], new)


def _accepted(seed, rows, levels, include_self, rounds):
    """int32 of the shape of `rows`, the first accepted candidate of each, or -1."""
    line = levels[:, 0]
    reach = int(math.sqrt(label_kernels.FARTHEST / label_kernels.RATE)) + 1
    own = xp.gather(line, rows)
    low = xp.searchsorted(line, own - reach, side="left")
    near = xp.searchsorted(line, own + reach, side="right") - low
    step = functools.partial(_round, seed, rows, levels, include_self, low, near)
    proceed = functools.partial(_proceed, rounds)
    start = xp.zeros([], "int32"), xp.fill(xp.shape(rows), -1)
    return xp.while_loop(proceed, step, start)[1]


def _proceed(rounds, number, found):
    return (number < rounds) & xp.reduce_any(found < 0)


def _round(seed, rows, levels, include_self, low, near, number, found):
    candidate_seed, coin_seed = random.split(seed + xp.stack([number, 0]), 2)
    candidate = low + random.below(candidate_seed, near)
    differences = xp.gather(levels, rows) - xp.gather(levels, candidate)
    weight = label_kernels.weight(label_kernels.steps_apart(differences, label_kernels.RATE))
    coin = xp.cast(random.bits(coin_seed, xp.shape(rows)), "int64") & (label_kernels.PEAK - 1)
    accepted = (coin < weight) & (found < 0)
    if not include_self:
        accepted = accepted & (candidate != rows)
    return number + 1, xp.where(accepted, candidate, found)


def _by_weight(seed, rows, levels, include_self):
    """int32 of the shape of `rows`, drawn by the weights of all samples; itself if all are 0."""
    count = xp.shape(levels)[0]
    size = xp.maximum(_BLOCK // count, 1)
    step = functools.partial(_block, seed, rows, levels, include_self, size)
    start = xp.zeros([], "int32"), xp.identity(rows)
    return xp.while_loop(lambda number, _: number * size < xp.shape(rows)[0], step, start)[1]


def _block(seed, rows, levels, include_self, size, number, found):
    at = xp.range(number * size, xp.minimum((number + 1) * size, xp.shape(rows)[0]))
    block = xp.gather(rows, at)
    legal = xp.ones([xp.shape(block)[0], xp.shape(levels)[0]], "bool")
    if not include_self:
        legal = legal & (block[:, None] != xp.range(xp.shape(levels)[0])[None])
    some = label_kernels.Levels(xp.gather(levels, block), levels, label_kernels.RATE)
    drawn = random.by_weight(seed + xp.stack([number, 0]), label_kernels.kernel(some, legal))
    return number + 1, _updated(found, at, xp.where(drawn < 0, block, drawn))
