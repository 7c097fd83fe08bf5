"""Blending and rounding, which keep every bit of unmixed values."""

import functools

from keras_mix._core import dtypes
from keras_mix._core.backend import xp


def convert(tensor, dtype):
    """Casts a tensor; floats are rounded and clipped to the range of an integer dtype."""
    given, dtype = dtypes.of(tensor), dtypes.name(dtype)
    if given == dtype:
        return tensor
    if dtypes.is_integer(dtype) and dtypes.is_floating(given):
        return xp.saturate_cast(xp.round(tensor), dtype)
    return xp.cast(tensor, dtype)


def precise(tensor):
    """Casts a tensor to float32, or to float64 where float32 would lose precision."""
    dtype = dtypes.of(tensor)
    narrow = dtype != "float64" if dtypes.is_floating(dtype) else dtypes.size(dtype) < 4
    return xp.cast(tensor, "float32" if narrow else "float64")


def blend(sources, weights):
    """Σ weight · source, for weights that sum to 1.

    A source of weight 1 keeps every bit, including -0 and ∞; a source of weight 0 adds nothing.

    Args:
        sources: List of tensors of one dtype, the sample itself first.
        weights: List of as many tensors, which sum to 1. With two sources, the first weight is
            never read and may be None.
    """
    if len(sources) != 2:
        # A weighted sum of labels, which are not negative, must not become negative by rounding.
        return add(sources, weights)
    own, other = sources
    weight = xp.cast(weights[1], own.dtype)
    # Not own + weight (other - own), which is NaN or infinite where only one source is infinite.
    mixed = (1 - weight) * own + weight * other
    # The operator == loses the static shape where one size is unknown.
    equal = xp.equal(other, own)
    mixed = xp.choose(equal, own, mixed)
    mixed = xp.select(weight == 1, other, mixed)
    return xp.select(weight == 0, own, mixed)


def add(sources, gains):
    """Σ gain · source, for gains of any sum. A single source of gain 1 keeps every bit.

    Args:
        sources: List of tensors of one dtype, the sample itself first.
        gains: List of as many tensors.
    """
    (own, *others), (own_gain, *gains) = sources, gains
    mixed = own
    if others:
        own_gain = xp.cast(own_gain, own.dtype)
        mixed = xp.select(own_gain == 0, xp.zeros_like(own), own_gain * own)
        mixed = xp.select(own_gain == 1, own, mixed)
    for other, gain in zip(others, gains, strict=True):
        gain = xp.cast(gain, own.dtype)
        mixed = xp.select(gain == 0, mixed, mixed + gain * other)
    return mixed


def blend_logarithms(sources, weights, exponent):
    """log(Σ weight · exp(exponent · source)) / exponent.

    The sources are logarithms of values, and these values are blended. A source of weight 1 keeps
    every bit.

    Args:
        sources: As in `blend`.
        weights: As in `blend`.
        exponent: Number above 0.
    """
    highest = functools.reduce(xp.maximum, sources)
    # The difference of two infinities is NaN.
    highest = xp.where(xp.is_finite(highest), highest, xp.zeros([], highest.dtype))
    exponent = xp.cast(exponent, highest.dtype)
    mixed = add([xp.exp(exponent * (source - highest)) for source in sources], weights)
    mixed = highest + xp.log(mixed) / exponent
    for source, weight in zip(sources, weights, strict=True):
        mixed = xp.select(weight == 1, source, mixed)
    return mixed
