"""Sums of floats as integers of many digits: exact, in any order, and never saturated.

float32 stops counting at 16.7 million, and its sums depend on the batches. Here a sum is a
fixed-point number of 6 digits to the base 4096, each an integer: from 2^-36 up to 2^55. So the
state after many batches equals that after one, to the bit.
"""

import math

from keras import ops

BASE = 4096
DIGITS = 6
# The digits below the point.
FRACTION = 3
# What a single value must stay below.
LIMIT = float(BASE) ** (DIGITS - FRACTION)
# Rows whose digits can be added up in int32.
_ROWS = 2**31 // BASE


def added(state, index, values):
    """The state of the sums with more values.

    Args:
        state: Integers `(groups, columns, DIGITS)`, the digits from the lowest.
        index: int32 `(N,)`, the group of each row.
        values: float32 `(N, columns)` in [0, LIMIT).
    """
    size = values.shape[0]
    for start in range(0, size or 1, _ROWS):
        # The backend with sizes that are unknown, TensorFlow, has 64 bits.
        rows = slice(start, None if size is None else start + _ROWS)
        state = _carried(state + _digits(state, index[rows], values[rows]))
    return state


def values_of(state):
    """float32 `(groups, columns)`, the sums."""
    total = 0.0
    for place in range(DIGITS):
        total += ops.cast(state[..., place], "float32") * float(BASE) ** (place - FRACTION)
    return total


def _digits(state, index, values):
    """The sums of the digits of each group, not carried."""
    rest, digits = values * (BASE / LIMIT), []
    for _ in range(DIGITS):
        # Exact in floats, as all that is cut off are whole numbers and powers of two.
        digit = ops.floor(rest)
        rest = (rest - digit) * BASE
        digits.insert(0, digit)
    digits = ops.cast(ops.stack(digits, axis=-1), state.dtype)
    groups, *shape = state.shape
    sums = ops.segment_sum(ops.reshape(digits, [-1, math.prod(shape)]), index, groups)
    return ops.reshape(sums, state.shape)


def _carried(state):
    """The same numbers, each digit but the highest below `BASE`."""
    digits, carry = [], 0
    for place in range(DIGITS - 1):
        digit = state[..., place] + carry
        carry = ops.floor_divide(digit, BASE)
        digits.append(digit - carry * BASE)
    return ops.stack([*digits, state[..., DIGITS - 1] + carry], axis=-1)
