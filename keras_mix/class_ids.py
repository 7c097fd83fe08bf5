"""Checks of class ids: at once where values are known, else by an assertion in the graph.

XLA drops assertions, so a train step that it compiles takes ids out of range without a word: a
one-hot label is then a row of zeros, and a packed id is rounded.
"""

import numpy as np
import tensorflow as tf

from keras_mix import checks
from keras_mix.packed import EXACT
from keras_mix.reading import known_values


def check_class_ids(owner, leaf, num_classes):
    """Refuses ids outside 0 … num_classes - 1."""
    rule = (
        f"must hold whole numbers from 0 to {num_classes - 1}, class ids, "
        f"as num_classes={num_classes} says"
    )
    way_out = "Where heads differ, give num_classes as a dict by their names."
    _check(owner, leaf, (0, num_classes - 1), rule, way_out)


def check_packable(owner, leaf):
    """Refuses ids that packed targets, which are float32, cannot hold exactly."""
    largest = EXACT["float32"]
    rule = f'must hold whole numbers up to {largest:,} to be packed by labels="pairs"'
    way_out = "Number the classes anew, from 0 on."
    _check(owner, leaf, (-largest, largest), rule, way_out)


def _check(owner, leaf, limits, rule, way_out):
    """Refuses what is not a whole number within the limits."""
    values, (lowest, highest) = known_values(leaf.tensor), limits
    if values is None:
        # Any dtype of ids, bool and uint8 too, takes the limits as float64.
        numbers = tf.cast(leaf.tensor, tf.float64)
        legal = (numbers >= lowest) & (numbers <= highest) & tf.equal(numbers, tf.round(numbers))
        tf.debugging.assert_equal(legal, True, f"{owner}: `{leaf.name}` {rule}. {way_out}")
        return
    numbers = np.asarray(values).astype(np.float64)
    if not ((numbers >= lowest) & (numbers <= highest) & (numbers == np.round(numbers))).all():
        received = f"values from {numbers.min():.15g} to {numbers.max():.15g}"
        checks.reject(owner, leaf.name, rule, received, way_out)
