"""Checks of the values of leaves: at once where they are known, else as a graph runs.

XLA drops assertions, so a train step that it compiles takes ids out of range without a word: a
one-hot label is then a row of zeros, and a packed id is rounded.
"""

import functools
import operator

import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.ops.tensors import EXACT

# The tolerance for rounded sums of class probabilities.
_MARGIN = 1e-5


def check_class_ids(owner, leaf, num_classes):
    """Refuses ids outside 0 … num_classes - 1."""
    rule = (
        f"must hold class ids, integers from 0 to {num_classes - 1}, "
        f"since num_classes={num_classes}"
    )
    way_out = "If targets differ, pass num_classes as a dict by target name."
    _check(owner, leaf, rule, way_out, 0, num_classes - 1, whole=True)


def check_packable(owner, leaf):
    """Refuses ids that packed targets, which are float32, cannot hold exactly."""
    largest = EXACT["float32"]
    rule = f'must hold whole numbers up to {largest:,} to be packed by label_mode="pairs"'
    way_out = "Renumber the classes from 0."
    _check(owner, leaf, rule, way_out, -largest, largest, whole=True)


def check_shares(owner, leaf, rule, way_out=""):
    """Refuses a leaf of floats below 0 or above 1, within the tolerance of rounding."""
    if leaf.tensor.dtype.is_floating:
        _check(owner, leaf, rule, way_out, -_MARGIN, 1 + _MARGIN, whole=False)


def check_whole(owner, leaf, rule, way_out, lowest=-np.inf, highest=np.inf):
    """Refuses a leaf of any dtype with what is not a whole number within limits."""
    _check(owner, leaf, rule, way_out, lowest, highest, whole=True)


def known_values(tensor):
    """The values of an eager tensor; None while a graph is traced."""
    return tensor.numpy() if hasattr(tensor, "numpy") else None


def asserted(legal, sentence):
    """An operation that fails with a sentence, as the graph runs, unless all of `legal` is True.

    `tf.debugging.assert_equal` would add a branch, which costs as much as some of the mixing.
    """
    return tf.debugging.Assert(tf.reduce_all(legal), [sentence])


def _check(owner, leaf, rule, way_out, lowest, highest, whole):
    values = known_values(leaf.tensor)
    if values is None:
        sentence = f"{owner}: `{leaf.name}` {rule}. {way_out}".rstrip()
        asserted(_legal(leaf.tensor, lowest, highest, whole), sentence)
        return
    numbers = np.asarray(values).astype(np.float64)
    legal = (numbers >= lowest) & (numbers <= highest)
    if not legal.all() or (whole and (numbers != np.round(numbers)).any()):
        received = f"values from {numbers.min():.15g} to {numbers.max():.15g}"
        checks.reject(owner, leaf.name, rule, received, way_out)


def _legal(tensor, lowest, highest, whole):
    """bool, whether each value is within the limits; NaN is not."""
    if tensor.dtype.is_bool:
        tensor = tf.cast(tensor, tf.uint8)
    if tensor.dtype.is_floating:
        # float32 holds all limits exactly but those of very many classes.
        exact = all(abs(limit) <= 2**24 or np.isinf(limit) for limit in (lowest, highest))
        narrow = exact and tensor.dtype != tf.float64
        tensor = tf.cast(tensor, tf.float32 if narrow else tf.float64)
        legal = [tf.equal(tf.round(tensor), tensor)] * whole
    else:
        legal = []
    # No dtype has to hold a limit beyond its own.
    if lowest > tensor.dtype.min:
        legal.append(tensor >= tf.constant(lowest, tensor.dtype))
    if highest < tensor.dtype.max:
        legal.append(tensor <= tf.constant(highest, tensor.dtype))
    return functools.reduce(operator.and_, legal, True)
