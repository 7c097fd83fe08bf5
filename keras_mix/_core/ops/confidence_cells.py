"""Cells of [0, 1] that are narrower near 0 and near 1, for histograms of confidences.

Confidences crowd at 1. So a cell is 2^-12 wide in the middle, and at most 1/64 of p and of 1 - p
where that is less. Above 1 - 2^-17 each float32 has a cell of its own.
"""

import numpy as np
from keras import ops

from keras_mix._core.ops.score_tables import edges_below

_WIDTH = 2.0**-12
# How many cells an octave has at least: 64 of the width above are the octave from 2^-6.
_PER_OCTAVE = 64


def _edges():
    tail = 2.0 ** -np.arange(24, 6, -1)
    tail = np.outer(tail, 1 + np.arange(_PER_OCTAVE) / _PER_OCTAVE).ravel()
    middle = np.arange(_PER_OCTAVE, 1 / _WIDTH - _PER_OCTAVE + 1) * _WIDTH
    return np.unique(np.concatenate([tail, middle, 1 - tail]).astype("float32"))


EDGES = _edges()
COUNT = len(EDGES) + 1


def index(values):
    """int32, the cell (edge, next edge] of each value in [0, 1], from 0."""
    return edges_below(ops.cast(values, "float32"), EDGES)
