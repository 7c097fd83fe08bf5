"""Blending and rounding that lose no bit of what is not mixed."""

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
    """Σ share · source. What is not mixed, -0 and ∞ too, keeps every bit.

    Args:
        sources: Tensors of one dtype, the sample itself first.
        shares: As many tensors that sum to 1; that of the first of two is never looked at.
    """
    own, *others = sources
    own_share, *shares = shares
    if len(others) == 1:
        share = tf.cast(shares[0], own.dtype)
        unmixed = (share == 0) | (others[0] == own)
        return tf.where(unmixed, own, own + share * (others[0] - own))
    mixed = own
    if others:
        # A sum of shares is never negative where its parts are not, as labels must be.
        own_share = tf.cast(own_share, own.dtype)
        mixed = tf.where(own_share == 0, tf.zeros([], own.dtype), own_share * own)
        mixed = tf.where(own_share == 1, own, mixed)
    for other, share in zip(others, shares, strict=True):
        share = tf.cast(share, own.dtype)
        mixed = tf.where(share == 0, mixed, mixed + share * other)
    return mixed
