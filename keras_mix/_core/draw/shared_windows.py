"""Windows at the same positions of tensors with different rates or sizes."""

import functools
import math
from fractions import Fraction
from typing import NamedTuple

from keras_mix._core import dtypes
from keras_mix._core.backend import xp
from keras_mix._core.draw import random


class Steps(NamedTuple):
    """Common steps of several axes: each step is a whole number of positions along every axis.

    Attributes:
        sizes: Dict from the name of a tensor to the number of positions of a step.
        length: The number of steps of a window; None if it is not a whole number.
    """

    sizes: dict
    length: int | None


def common(rates, length):
    """The largest steps that are whole numbers of positions at every rate.

    Args:
        rates: Dict from names to the number of positions per unit, such as a second or a side.
        length: The length of a window in units.

    Returns:
        `Steps`.
    """
    exact = {name: fraction(rate) for name, rate in rates.items()}
    divisor = functools.reduce(_gcd, exact.values())
    steps = fraction(length) * divisor
    sizes = {name: int(rate / divisor) for name, rate in exact.items()}
    return Steps(sizes, int(steps) if steps.denominator == 1 else None)


def fraction(value):
    """A number as an exact fraction of its decimal form: 0.1 is 1/10."""
    return Fraction(str(value))


def starts(seed, length, total):
    """int32, uniform starts of windows of int32 `length` steps among int32 `total` steps."""
    return random.below(seed, xp.maximum(total - length, 0) + 1)


def cut(tensor, start, size, axis):
    """The positions start … start + size - 1 of each sample along an axis.

    Args:
        tensor: `(B, ...)`.
        start: int32 `(B,)`.
        size: int.
        axis: int.
    """
    return xp.gather(tensor, start[:, None] + xp.range(size), axis=axis, batch_dims=1)


def resample(tensor, start, size, speed):
    """`size` time steps along axis 1, from `start` on, at intervals of `speed`.

    Floats are interpolated linearly; other dtypes take the nearest time step.

    Args:
        tensor: `(B, T, ...)`.
        start: int32 `(B,)`.
        size: int.
        speed: float32 `(B,)`.
    """
    offset = xp.range(size, dtype="float32") * speed[:, None]
    last = xp.shape(tensor)[1] - 1
    if not dtypes.is_floating(tensor):
        nearest = start[:, None] + xp.cast(xp.round(offset), "int32")
        return xp.gather(tensor, xp.minimum(nearest, last), axis=1, batch_dims=1)
    whole = xp.floor(offset)
    before = xp.minimum(start[:, None] + xp.cast(whole, "int32"), last)
    low = xp.gather(tensor, before, axis=1, batch_dims=1)
    high = xp.gather(tensor, xp.minimum(before + 1, last), axis=1, batch_dims=1)
    weight = xp.cast(offset - whole, tensor.dtype)
    trailing = [1] * (len(tensor.shape) - 2)
    weight = xp.reshape(weight, xp.concat([xp.shape(weight), trailing], axis=0))
    return low + weight * (high - low)


def _gcd(one, other):
    """The largest fraction of which both are integer multiples."""
    below = math.lcm(one.denominator, other.denominator)
    return Fraction(math.gcd(int(one * below), int(other * below)), below)
