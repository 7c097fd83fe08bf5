"""How alike labels are: the weights by which partners are drawn, in whole numbers.

A kernel of floats would choose other partners in other modes, since a compiler may round another
way. So labels are rounded to a fine grid by one product in double precision, distances on it are
exact, and the kernel is looked up in a table of whole numbers.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_mix._core import checks, leaf_names

# The kernel's weight at distance 0.
PEAK = 2**30
# The table's steps for each unit of d²/2σ², and where the kernel has fallen below 1 / PEAK.
_STEPS = 2**10
FARTHEST = 21 * _STEPS
# A label's steps for each bandwidth, where that is given; else from the smallest to the largest.
_FINE = 2**8
_ACROSS = 2**16
# The table's steps for a squared distance of 1, where the bandwidth is given.
RATE = 0.5 * _STEPS / _FINE**2
# So that squares of distances, added over the targets, fit into 64 bits.
_LARGEST = 2.0**30
# The bandwidth by default, as a share of the labels' standard deviation.
SHARE = 0.5


class Levels(NamedTuple):
    """Labels on a grid of whole numbers.

    Attributes:
        own: int64 [B, K], the samples' levels for each target.
        donors: int64 [D, K], those of the donors.
        rate: float64, the table's steps for a squared distance of 1.
    """

    own: tf.Tensor
    donors: tf.Tensor
    rate: tf.Tensor | float


def numbers_of(owner, batch, target=None):
    """float64 [B, K] and [donors, K], a target of numbers; see `_labels_of`."""
    return tuple(_numbers(owner, y) for y in _labels_of(owner, batch, target, batch.heads))


def class_ids_of(owner, batch, target=None):
    """int32 [B] and [donors], the classes that a target tells; see `_labels_of`."""
    # Beside class ids a float of its own is no class.
    heads = [head for head in batch.heads if head.kind in ("class_ids", "labels")]
    return tuple(_class_ids(owner, y) for y in _labels_of(owner, batch, target, heads))


def _labels_of(owner, batch, target, heads):
    """The labels of the samples and those of their donors; refuses a batch without.

    Args:
        owner: The name that messages begin with.
        batch: A `keras_mix.plans.Batch`.
        target: The name of the target; None where only one is possible.
        heads: Those of the batch's heads that are possible.
    """
    if batch.labels is None:
        checks.refuse(
            owner,
            "partners and weights by labels need the labels",
            "inputs alone",
            "Call `layer(x, y)`, or map the layer over a dataset of (x, y): inside a model a mixer "
            "sees no labels.",
        )
    own, donors = batch.labels, batch.donor_labels
    if target is not None or len(heads) > 1:
        head = _named(owner, target, heads if target is None else batch.heads)
        own, donors = head.labels, head.donor_labels
    elif len(heads) == 1:
        own, donors = heads[0].labels, heads[0].donor_labels
    if not batch.has_second_batch:
        return own, own
    if donors is None:
        checks.refuse(
            owner,
            "the batch that partners come from must have labels, too",
            "inputs alone as `partners`",
            "Give (x, y) as `partners`.",
        )
    return own, donors


def _named(owner, target, heads):
    names = [head.name for head in heads]
    if target is None:
        checks.refuse(
            owner,
            "the target to go by must be named where there are several",
            ", ".join(names),
            f'Name it, {owner}(…, target="{leaf_names.key(names[0])}"), say.',
        )
    return heads[leaf_names.position(owner, "target", target, names)]


def _numbers(owner, labels):
    """float64 [B, K], labels that are numbers."""
    if labels.shape.rank not in (1, 2):
        checks.refuse(owner, "labels are compared as (B,) or (B, K)", checks.described(labels))
    values = tf.cast(labels, tf.float64)
    return values if labels.shape.rank == 2 else values[:, None]


def _class_ids(owner, labels):
    """int32 [B], the classes of ids (B,) or (B, 1), or the largest entry of (B, K)."""
    rank = labels.shape.rank
    if rank == 1 or (rank == 2 and labels.shape[1] == 1):
        return tf.cast(tf.reshape(labels, [-1]), tf.int32)
    if rank != 2:
        checks.refuse(
            owner,
            "classes are told by ids (B,) or (B, 1), or by one-hot labels (B, K)",
            checks.described(labels),
        )
    largest = tf.argmax(tf.cast(labels, tf.float32), axis=1, output_type=tf.int32)
    if labels.shape[1] is not None:
        return largest
    # A single column holds ids, however little is known before the graph runs.
    return tf.where(tf.shape(labels)[1] == 1, tf.cast(labels[:, 0], tf.int32), largest)


def reach(bandwidth, targets):
    """The largest difference of labels that the grid of a bandwidth can tell."""
    return _LARGEST / math.sqrt(targets) * bandwidth / _FINE


def finite(values):
    """bool [B], whether all targets of a sample are finite."""
    return tf.reduce_all(tf.math.is_finite(values), axis=1)


def levels(own, donors, bandwidth=None):
    """Numbers [B, K] and [D, K] on a grid.

    Args:
        own: float64 [B, K].
        donors: float64 [D, K].
        bandwidth: The kernel's σ; or None for `SHARE` of the standard deviation of all of them,
            the root of the variances' sum where there are several targets.
    """
    both = tf.concat([own, donors], axis=0)
    targets = both.shape[1] or 2**10
    known = tf.math.is_finite(both)
    low = tf.reduce_min(tf.where(known, both, tf.cast(np.inf, tf.float64)), axis=0)
    above = tf.where(known, both - low, tf.zeros([], tf.float64))
    if bandwidth is None:
        across = tf.reduce_max(above)
        across = tf.where(across > 0, across, tf.ones([], tf.float64))
        steps = tf.cast(tf.round(above * (_ACROSS / across)), tf.int64)
        rate = _rate_of(steps)
    else:
        above = tf.minimum(above * (_FINE / bandwidth), _LARGEST / math.sqrt(targets))
        steps, rate = tf.cast(tf.round(above), tf.int64), RATE
    size = tf.shape(own)[0]
    return Levels(steps[:size], steps[size:], rate)


def _rate_of(steps):
    """The rate of the bandwidth by default. Whole numbers add up alike in every order."""
    count = tf.shape(steps, out_type=tf.int64)[0]
    total, squares = tf.reduce_sum(steps, axis=0), tf.reduce_sum(steps * steps, axis=0)
    variance = tf.cast(tf.reduce_sum(count * squares - total * total), tf.float64)
    wide = tf.cast(count * count, tf.float64) * (0.5 * _STEPS / SHARE**2)
    # Where all labels are one, all distances are 0.
    return wide / tf.maximum(variance, 1.0)


def kernel(levels, legal):
    """int64 [B, D], exp(-d²/2σ²) in parts of `PEAK`, where the nearest legal donor has it all.

    Relative to the nearest, so that a sample far from all others has partners nevertheless. What
    is less than 1 / `PEAK` of that is 0.

    Args:
        levels: `Levels`.
        legal: bool [B, D], which donors may be drawn.
    """
    exponent = steps_apart(levels.own[:, None] - levels.donors[None], levels.rate)
    exponent = tf.where(legal, exponent, tf.cast(2.0**60, tf.float64))
    nearest = tf.reduce_min(exponent, axis=1, keepdims=True)
    return tf.where(legal, weight(exponent - nearest), tf.zeros([], tf.int64))


def steps_apart(differences, rate):
    """float64 […], whole steps of the table for differences [..., K] of levels."""
    squared = tf.cast(tf.reduce_sum(differences * differences, axis=-1), tf.float64)
    return tf.floor(squared * rate)


def weight(exponent):
    """int64, the kernel after whole steps of the table."""
    place = tf.cast(tf.minimum(exponent, tf.cast(FARTHEST, tf.float64)), tf.int32)
    return tf.gather(tf.constant(_table()), place)


@functools.cache
def _table():
    """int64 [FARTHEST + 1], the kernel at whole steps; 0 at the last."""
    values = np.round(PEAK * np.exp(-np.arange(FARTHEST + 1) / _STEPS)).astype(np.int64)
    values[-1] = 0
    return values
