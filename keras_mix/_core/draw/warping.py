"""λ changed by the distance of a pair: tables of the regularized incomplete beta function.

Tables are read at whole numbers, and compared, never interpolated, so that λ is the same eagerly,
in graphs and under XLA.
"""

import functools

import numpy as np

from keras_mix._core import incomplete_beta
from keras_mix._core.backend import xp

# The rows of a table: log τ in steps of 1 / 16, τ from about 0.011 to 1,100.
_STEPS = 16
_FIRST, _LAST = -72, 112
# Inputs are compared in so many levels from their smallest to their largest value.
_LEVELS = 2**15 - 1


def warped(lam, log_tau, law):
    """float32 `(B,)`, λ' = I_λ(τ, τ), or its inverse, within 0.01 of the formula.

    Args:
        lam: float32 `(B or 1,)`.
        log_tau: float64 `(B,)`.
        law: "cdf" or "quantile", the inverse.
    """
    row = xp.clip_by_value(xp.round(log_tau * _STEPS), _FIRST, _LAST)
    row = xp.cast(row, "int32") - _FIRST
    # Exact, and so is the difference from 1 of the result.
    is_low = lam < 0.5
    limits, table = _limits(), _table(law)
    column = xp.searchsorted(xp.constant(limits), xp.where(is_low, lam, 1.0 - lam))
    value = xp.gather(xp.constant(table.ravel()), row * table.shape[1] + column)
    return xp.where(is_low, value, 1.0 - value)


def distances(own, donors, index):
    """int64 `(B,)`, the squared Euclidean distance of each sample from its partner, in levels.

    Args:
        own: `(B, ...)`.
        donors: `(D, ...)`, the samples that partners come from.
        index: int32 `(B,)`, the partner of each sample among them.
    """
    lows, highs = zip(*map(_limits_of, (own, donors)), strict=True)
    low, high = xp.minimum(*lows), xp.maximum(*highs)
    rate = _LEVELS / xp.where(high > low, high - low, 1.0)
    own, donors = (_levels(each, low, rate) for each in (own, donors))
    apart = xp.cast(own - xp.gather(donors, index), "int64")
    return xp.reduce_sum(apart * apart, axis=list(range(1, len(apart.shape))))


def _limits_of(tensor):
    """float32, the smallest and the largest finite value."""
    values = xp.cast(tensor, "float32")
    known = xp.is_finite(values)
    low = xp.reduce_min(xp.where(known, values, np.float32(np.inf)))
    return low, xp.reduce_max(xp.where(known, values, np.float32(-np.inf)))


def _levels(values, low, rate):
    """int32, values rounded to levels; those that are not finite are the lowest."""
    levels = xp.round((xp.cast(values, "float32") - low) * rate)
    return xp.cast(xp.where(xp.is_finite(levels), levels, 0.0), "int32")


@functools.cache
def _points():
    """float64, ascending from 0 to ½: 16 an octave up to 2**-6, then steps of 2**-12.

    The smallest above 0 is the smallest normal float32, since λ is never subnormal.
    """
    small = 2.0 ** (np.arange(-126 * 16, -6 * 16) / 16)
    return np.concatenate([[0.0], small, np.arange(2**6, 2**11 + 1) / 2**12])


@functools.cache
def _limits():
    """float32, the bounds between the points that a λ is read at."""
    points = _points()
    return ((points[1:] + points[:-1]) / 2).astype(np.float32)


@functools.cache
def _table(law):
    """float32 `(rows, columns)`, λ' for each log τ and point."""
    points = _points()
    taus = np.exp(np.arange(_FIRST, _LAST + 1) / _STEPS)
    function = {"cdf": incomplete_beta.distribution, "quantile": _inverse}[law]
    table = np.stack([function(tau, tau, points) for tau in taus]).astype(np.float32)
    # XLA flushes subnormal numbers to zero, so they are set to zero in all modes.
    return np.where(table < np.finfo(np.float32).tiny, np.float32(0), table)


def _inverse(a, b, levels):
    return np.concatenate([[0.0], incomplete_beta.inverse(a, b, levels[1:])])
