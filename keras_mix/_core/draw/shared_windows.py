"""Windows that lie alike over tensors of different rates or sizes: on what they have in common."""

import functools
import math
from fractions import Fraction
from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.draw import random


class Steps(NamedTuple):
    """What several axes have in common: steps that are whole places along each.

    Attributes:
        sizes: A dict from a tensor's name to the places of one step.
        length: The steps of a window; None if a window ends between two places.
    """

    sizes: dict
    length: int | None


def common(rates, length):
    """The largest steps that are whole places at every rate.

    Args:
        rates: A dict from names to places for one unit, such as a second or a whole side.
        length: The units of a window.
    """
    exact = {name: fraction(rate) for name, rate in rates.items()}
    divisor = functools.reduce(_gcd, exact.values())
    steps = fraction(length) * divisor
    sizes = {name: int(rate / divisor) for name, rate in exact.items()}
    return Steps(sizes, int(steps) if steps.denominator == 1 else None)


def fraction(value):
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(str(value))


def starts(seed, length, total):
    """int32 like `length`, where windows of so many steps begin among so many, each as likely."""
    return random.below(seed, tf.maximum(total - length, 0) + 1)


def cut(tensor, start, size, axis):
    """The places start … start + size - 1 of each sample along an axis.

    Args:
        tensor: [B, …].
        start: int32 [B].
        size: int.
        axis: int.
    """
    return tf.gather(tensor, start[:, None] + tf.range(size), axis=axis, batch_dims=1)


def resample(tensor, start, size, speed):
    """`size` places along axis 1, `speed` apart, from `start` on.

    Floats are read between their places, on a line; all else at the nearest place.

    Args:
        tensor: [B, T, …].
        start: int32 [B].
        size: int.
        speed: float32 [B].
    """
    offset = tf.range(size, dtype=tf.float32) * speed[:, None]
    last = tf.shape(tensor)[1] - 1
    if not tensor.dtype.is_floating:
        near = start[:, None] + tf.cast(tf.round(offset), tf.int32)
        return tf.gather(tensor, tf.minimum(near, last), axis=1, batch_dims=1)
    whole = tf.floor(offset)
    before = tf.minimum(start[:, None] + tf.cast(whole, tf.int32), last)
    low = tf.gather(tensor, before, axis=1, batch_dims=1)
    high = tf.gather(tensor, tf.minimum(before + 1, last), axis=1, batch_dims=1)
    share = tf.cast(offset - whole, tensor.dtype)
    share = tf.reshape(share, tf.concat([tf.shape(share), [1] * (tensor.shape.rank - 2)], axis=0))
    return low + share * (high - low)


def _gcd(one, other):
    """The largest fraction of which both are whole multiples."""
    below = math.lcm(one.denominator, other.denominator)
    return Fraction(math.gcd(int(one * below), int(other * below)), below)
