"""Checks of the values of leaves: at once where they are known, else as a graph runs.

XLA drops assertions, so a train step that it compiles takes ids out of range without a word: a
one-hot label is then a row of zeros, and a packed id is rounded.
"""

import functools
import operator

import numpy as np

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
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
    if dtypes.is_floating(leaf.tensor):
        _check(owner, leaf, rule, way_out, -_MARGIN, 1 + _MARGIN, whole=False)


def check_whole(owner, leaf, rule, way_out, lowest=-np.inf, highest=np.inf):
    """Refuses a leaf of any dtype with what is not a whole number within limits."""
    _check(owner, leaf, rule, way_out, lowest, highest, whole=True)


def _check(owner, leaf, rule, way_out, lowest, highest, whole):
    values = xp.known(leaf.tensor)
    if values is None:
        sentence = f"{owner}: `{leaf.name}` {rule}. {way_out}".rstrip()
        xp.checked(_legal(leaf.tensor, lowest, highest, whole), sentence)
        return
    numbers = np.asarray(values).astype(np.float64)
    legal = (numbers >= lowest) & (numbers <= highest)
    if not legal.all() or (whole and (numbers != np.round(numbers)).any()):
        received = f"values from {numbers.min():.15g} to {numbers.max():.15g}"
        checks.reject(owner, leaf.name, rule, received, way_out)


def _legal(tensor, lowest, highest, whole):
    """bool, whether each value is within the limits; NaN is not."""
    if dtypes.of(tensor) == "bool":
        tensor = xp.cast(tensor, "uint8")
    if dtypes.is_floating(tensor):
        # float32 holds all limits exactly but those of very many classes.
        exact = all(abs(limit) <= 2**24 or np.isinf(limit) for limit in (lowest, highest))
        narrow = exact and dtypes.of(tensor) != "float64"
        tensor = xp.cast(tensor, "float32" if narrow else "float64")
        legal = [xp.equal(xp.round(tensor), tensor)] * whole
    else:
        legal = []
    # No dtype has to hold a limit beyond its own.
    smallest, largest = dtypes.limits(dtypes.of(tensor))
    if lowest > smallest:
        legal.append(tensor >= xp.constant(lowest, dtypes.of(tensor)))
    if highest < largest:
        legal.append(tensor <= xp.constant(highest, dtypes.of(tensor)))
    return functools.reduce(operator.and_, legal, True)
