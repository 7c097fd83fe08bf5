"""Blending and rounding, which keep every bit of unmixed values."""

import functools

import tensorflow as tf

from keras_mix._core.plan.selecting import select


def convert(tensor, dtype):
    """Casts a tensor; floats are rounded and clipped to the range of an integer dtype."""
    if tensor.dtype == dtype:
        return tensor
    if dtype.is_integer and tensor.dtype.is_floating:
        return tf.saturate_cast(tf.round(tensor), dtype)
    return tf.cast(tensor, dtype)


def precise(tensor):
    """Casts a tensor to float32, or to float64 where float32 would lose precision."""
    narrow = tensor.dtype.is_floating or tensor.dtype.size < 4
    return tf.cast(tensor, tf.float32 if narrow and tensor.dtype != tf.float64 else tf.float64)


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
    weight = tf.cast(weights[1], own.dtype)
    # Not own + weight (other - own), which is NaN or infinite where only one source is infinite.
    mixed = (1 - weight) * own + weight * other
    # The operator == loses the static shape where one size is unknown.
    equal = tf.equal(other, own)
    # `tf.where`, which broadcasts, is many times as slow as TensorFlow's first operation of the
    # name; but that takes a number of samples that is known for one that is yet to be checked.
    choose = tf.where if own.shape != other.shape else tf.raw_ops.Select
    mixed = choose(condition=equal, x=own, y=mixed)
    mixed = select(weight == 1, other, mixed)
    return select(weight == 0, own, mixed)


def add(sources, gains):
    """Σ gain · source, for gains of any sum. A single source of gain 1 keeps every bit.

    Args:
        sources: List of tensors of one dtype, the sample itself first.
        gains: List of as many tensors.
    """
    (own, *others), (own_gain, *gains) = sources, gains
    mixed = own
    if others:
        own_gain = tf.cast(own_gain, own.dtype)
        mixed = select(own_gain == 0, tf.zeros_like(own), own_gain * own)
        mixed = select(own_gain == 1, own, mixed)
    for other, gain in zip(others, gains, strict=True):
        gain = tf.cast(gain, own.dtype)
        mixed = select(gain == 0, mixed, mixed + gain * other)
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
    highest = functools.reduce(tf.maximum, sources)
    # The difference of two infinities is NaN.
    highest = tf.where(tf.math.is_finite(highest), highest, tf.zeros([], highest.dtype))
    exponent = tf.cast(exponent, highest.dtype)
    mixed = add([tf.exp(exponent * (source - highest)) for source in sources], weights)
    mixed = highest + tf.math.log(mixed) / exponent
    for source, weight in zip(sources, weights, strict=True):
        mixed = select(weight == 1, source, mixed)
    return mixed
