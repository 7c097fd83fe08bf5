"""Checks of the values of leaves: at once where they are known, else as a graph runs.

XLA drops assertions, so a train step that it compiles takes ids out of range without a word: a
one-hot label is then a row of zeros, and a packed id is rounded.
"""

import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.reader import known_values
from keras_mix._core.ops.packed import EXACT

# Sums of shares are rounded.
_MARGIN = 1e-5


def check_class_ids(owner, leaf, num_classes):
    """Refuses ids outside 0 … num_classes - 1."""
    rule = (
        f"must hold whole numbers from 0 to {num_classes - 1}, class ids, "
        f"as num_classes={num_classes} says"
    )
    way_out = "Where heads differ, give num_classes as a dict by their names."
    check_whole(owner, leaf, rule, way_out, 0, num_classes - 1)


def check_packable(owner, leaf):
    """Refuses ids that packed targets, which are float32, cannot hold exactly."""
    largest = EXACT["float32"]
    rule = f'must hold whole numbers up to {largest:,} to be packed by label_mode="pairs"'
    way_out = "Number the classes anew, from 0 on."
    check_whole(owner, leaf, rule, way_out, -largest, largest)


def check_shares(owner, leaf, rule, way_out=""):
    """Refuses a leaf of floats below 0 or above 1, but for what sums of shares are rounded by."""
    if leaf.tensor.dtype.is_floating:
        _check(owner, leaf, rule, way_out, -_MARGIN, 1 + _MARGIN, whole=False)


def check_whole(owner, leaf, rule, way_out, lowest=-np.inf, highest=np.inf):
    """Refuses a leaf of any dtype with what is not a whole number within limits."""
    _check(owner, leaf, rule, way_out, lowest, highest, whole=True)


def _check(owner, leaf, rule, way_out, lowest, highest, whole):
    values = known_values(leaf.tensor)
    if values is None:
        # No dtype, bool and uint8 included, has to hold the limits.
        numbers = tf.cast(leaf.tensor, tf.float64)
        legal = (numbers >= lowest) & (numbers <= highest)
        if whole:
            legal &= tf.equal(numbers, tf.round(numbers))
        sentence = f"{owner}: `{leaf.name}` {rule}. {way_out}".rstrip()
        tf.debugging.assert_equal(legal, True, sentence)
        return
    numbers = np.asarray(values).astype(np.float64)
    legal = (numbers >= lowest) & (numbers <= highest)
    if not legal.all() or (whole and (numbers != np.round(numbers)).any()):
        received = f"values from {numbers.min():.15g} to {numbers.max():.15g}"
        checks.reject(owner, leaf.name, rule, received, way_out)
