"""The rule for columns of a table: continuous ones are blended, the others taken whole."""

from typing import NamedTuple

import tensorflow as tf

from keras_mix.arithmetic import blend, convert, precise


class Columns(NamedTuple):
    """What a leaf holds of a table; all static.

    Attributes:
        first: The number of its first column among all of the table's.
        continuous: A tuple, of each of its columns whether it is continuous. A leaf of one column
            may be wider than one number, as one-hot categories are.
        categories: The number of categories that ids are one-hot encoded with, or None.
    """

    first: int
    continuous: tuple
    categories: int | None = None


def form(tensor, spec):
    """The leaf as it comes when it is not mixed."""
    if spec.columns.categories is None:
        return convert(tensor, spec.dtype)
    ids = tf.reshape(tensor, [-1])
    return tf.one_hot(ids, spec.columns.categories, dtype=spec.dtype)


def mix(plan, own, donor, spec):
    """The leaf, mixed by a plan whose region, if any, lies over the table's columns."""
    columns = spec.columns
    if columns.categories is not None:
        own, donor = form(own, spec), form(donor, spec)
    other = tf.gather(donor, plan.sources[:, 1])
    share = _over(_share(plan, columns), own)
    if share.dtype == tf.bool:
        return convert(tf.where(share, other, own), spec.dtype)
    if own.dtype.is_floating:
        own, other = _filled(own, other, _over(plan.weights[:, 1:] > 0, own))
    if not any(columns.continuous):
        return convert(tf.where(share == 1, other, own), spec.dtype)
    blended = convert(blend([precise(own), precise(other)], [None, share]), spec.dtype)
    if all(columns.continuous):
        return blended
    taken = convert(tf.where(share == 1, other, own), spec.dtype)
    return tf.where(tf.constant(columns.continuous), blended, taken)


def _share(plan, columns):
    """How much of each column is the partner's: bool or float [B or 1, columns]."""
    if plan.region is None:
        return plan.weights[:, 1:]
    region = plan.region if plan.hard else plan.region[..., 1]
    return region[:, columns.first : columns.first + len(columns.continuous)]


def _filled(own, other, mixed):
    """Of mixed samples both values, each standing in for the other where that is missing."""
    own_misses, other_misses = tf.math.is_nan(own), tf.math.is_nan(other)
    return (
        tf.where(mixed & own_misses, other, own),
        tf.where(mixed & other_misses, own, other),
    )


def _over(share, tensor):
    return share if tensor.shape.rank == 2 else share[:, 0]
