"""Partners by likeness among all samples of a data set, without a matrix of all pairs.

A candidate is drawn uniformly from the samples near enough along one target, and accepted with
the kernel's probability, which leaves exactly the kernel's distribution. What finds none in many
rounds (a sample far from all others, say) is drawn from all by its weights, some rows at a time;
and so are all partners in a small data set, where the rounds would take longer.
"""

import functools
import math

import tensorflow as tf

from keras_mix._core.draw import label_kernels, random

# How often all are tried, and then those that are left.
_ROUNDS = (24, 200)
# As many pairs are weighed at a time.
_BLOCK = 2**20
# Up to as many samples are weighed without a try before.
_FEW = 2**11


def partners(seed, levels, include_self=False):
    """int32 [N], a partner of each sample among all, with P ∝ exp(-d²/2σ²).

    Args:
        seed: int32[2].
        levels: int64 [N, K], N known: all labels' levels, as `label_kernels.levels` of a
            known bandwidth gives them. Along the first target neighbours are sought.
        include_self: Whether a sample may be its own partner.
    """
    order = tf.argsort(levels[:, 0], stable=True)
    levels = tf.gather(levels, order)
    first, second, last = random.split(seed, 3)
    found = tf.fill([tf.shape(order)[0]], -1)
    tries = zip(_ROUNDS, (first, second), strict=True) if levels.shape[0] > _FEW else ()
    for rounds, once in tries:
        rows = _unfinished(found)
        found = _with(found, rows, _tried(once, rows, levels, include_self, rounds))
    rows = _unfinished(found)
    found = _with(found, rows, _weighed(last, rows, levels, include_self))
    return tf.gather(order, tf.gather(found, tf.argsort(order, stable=True)))


def _unfinished(found):
    return tf.cast(tf.where(found < 0)[:, 0], tf.int32)


def _with(found, rows, new):
    return tf.tensor_scatter_nd_update(found, rows[:, None], new)


def _tried(seed, rows, levels, include_self, rounds):
    """int32 like `rows`, those of the candidates that were accepted first, or -1."""
    line = levels[:, 0]
    reach = int(math.sqrt(label_kernels.FARTHEST / label_kernels.RATE)) + 1
    own = tf.gather(line, rows)
    low = tf.searchsorted(line, own - reach, side="left")
    near = tf.searchsorted(line, own + reach, side="right") - low
    step = functools.partial(_round, seed, rows, levels, include_self, low, near)
    unfinished = functools.partial(_goes_on, rounds)
    start = tf.zeros([], tf.int32), tf.fill(tf.shape(rows), -1)
    return tf.while_loop(unfinished, step, start)[1]


def _goes_on(rounds, number, found):
    return (number < rounds) & tf.reduce_any(found < 0)


def _round(seed, rows, levels, include_self, low, near, number, found):
    place, chance = random.split(seed + tf.stack([number, 0]), 2)
    candidate = low + random.below(place, near)
    apart = tf.gather(levels, rows) - tf.gather(levels, candidate)
    weight = label_kernels.weight(label_kernels.steps_apart(apart, label_kernels.RATE))
    coin = tf.cast(random.bits(chance, tf.shape(rows)), tf.int64) & (label_kernels.PEAK - 1)
    accepted = (coin < weight) & (found < 0)
    if not include_self:
        accepted &= candidate != rows
    return number + 1, tf.where(accepted, candidate, found)


def _weighed(seed, rows, levels, include_self):
    """int32 like `rows`, drawn by the weights of all others; itself where there are none."""
    count = tf.shape(levels)[0]
    size = tf.maximum(_BLOCK // count, 1)
    step = functools.partial(_block, seed, rows, levels, include_self, size)
    start = tf.zeros([], tf.int32), tf.identity(rows)
    return tf.while_loop(lambda number, _: number * size < tf.shape(rows)[0], step, start)[1]


def _block(seed, rows, levels, include_self, size, number, found):
    at = tf.range(number * size, tf.minimum((number + 1) * size, tf.shape(rows)[0]))
    block = tf.gather(rows, at)
    legal = tf.ones([tf.shape(block)[0], tf.shape(levels)[0]], tf.bool)
    if not include_self:
        legal &= block[:, None] != tf.range(tf.shape(levels)[0])[None]
    some = label_kernels.Levels(tf.gather(levels, block), levels, label_kernels.RATE)
    drawn = random.by_weight(seed + tf.stack([number, 0]), label_kernels.kernel(some, legal))
    return number + 1, _with(found, at, tf.where(drawn < 0, block, drawn))
