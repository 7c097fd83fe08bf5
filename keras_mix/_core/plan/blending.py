"""Blending and rounding that lose no bit of what is not mixed."""

import functools

import tensorflow as tf


def convert(tensor, dtype):
    """The tensor in another dtype; floats become integers by rounding, within their range."""
    if tensor.dtype == dtype:
        return tensor
    if dtype.is_integer and tensor.dtype.is_floating:
        return tf.saturate_cast(tf.round(tensor), dtype)
    return tf.cast(tensor, dtype)


def precise(tensor):
    """The tensor as float32, or as float64 where float32 would lose bits of the data."""
    narrow = tensor.dtype.is_floating or tensor.dtype.size < 4
    return tf.cast(tensor, tf.float32 if narrow and tensor.dtype != tf.float64 else tf.float64)


def blend(sources, shares):
    """Σ share · source. A source of share 1, -0 and ∞ too, keeps every bit; one of 0 adds nothing.

    Args:
        sources: Tensors of one dtype, the sample itself first.
        shares: As many tensors that sum to 1; that of the first of two is never looked at.
    """
    if len(sources) != 2:
        # A sum of shares is never negative where its parts are not, as labels must be.
        return add(sources, shares)
    own, other = sources
    share = tf.cast(shares[1], own.dtype)
    # Not own + share (other - own): the difference of an infinity and a number is no blend.
    mixed = (1 - share) * own + share * other
    mixed = tf.where(share == 1, other, mixed)
    # The operator == gives up the shape where one size is unknown.
    return tf.where((share == 0) | tf.equal(other, own), own, mixed)


def add(sources, gains):
    """Σ gain · source, whatever the gains sum to. A source alone, of gain 1, keeps every bit.

    Args:
        sources: Tensors of one dtype, the sample itself first.
        gains: As many tensors.
    """
    (own, *others), (own_gain, *gains) = sources, gains
    mixed = own
    if others:
        own_gain = tf.cast(own_gain, own.dtype)
        mixed = tf.where(own_gain == 0, tf.zeros([], own.dtype), own_gain * own)
        mixed = tf.where(own_gain == 1, own, mixed)
    for other, gain in zip(others, gains, strict=True):
        gain = tf.cast(gain, own.dtype)
        mixed = tf.where(gain == 0, mixed, mixed + gain * other)
    return mixed


def blend_logarithms(sources, shares, exponent):
    """log(Σ share · exp(exponent · source)) / exponent: a blend of what these are logarithms of.

    A source alone, of share 1, keeps every bit.

    Args:
        sources: As in `blend`.
        shares: As in `blend`.
        exponent: A number above 0.
    """
    highest = functools.reduce(tf.maximum, sources)
    # The difference of two infinities is no number.
    highest = tf.where(tf.math.is_finite(highest), highest, tf.zeros([], highest.dtype))
    exponent = tf.cast(exponent, highest.dtype)
    mixed = add([tf.exp(exponent * (source - highest)) for source in sources], shares)
    mixed = highest + tf.math.log(mixed) / exponent
    for source, share in zip(sources, shares, strict=True):
        mixed = tf.where(share == 1, source, mixed)
    return mixed
