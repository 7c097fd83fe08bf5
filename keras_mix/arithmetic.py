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


def blend(own, others, shares):
    """own + Σ share (other - own). What is not mixed, -0 and ∞ too, keeps every bit."""
    mixed = own
    for other, share in zip(others, shares, strict=True):
        share = tf.cast(share, own.dtype)
        unmixed = (share == 0) | (other == own)
        mixed = tf.where(unmixed, mixed, mixed + share * (other - own))
    return mixed
