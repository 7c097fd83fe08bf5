"""The highest values of each sample: an exact number of them, without sorting.

The threshold is searched bit by bit, so the values that reach a threshold are counted fourteen
times or more. Four values share a word of 32 bits, a byte each, and one addition compares them all:
adding 128 - t to a byte below 128 sets its highest bit where the byte is at least t.
"""

import math

from keras_mix._core.backend import xp
from keras_mix._core.plan.counting import row_sums

# A byte's values below 128 are the coarse levels. Each is divided into fine ones: one less at each
# end, for the values below and above the level.
_BITS = 7
_COARSE, _FINE = 2**_BITS, 2**_BITS - 2
# Between them, if 24 bits are compared. Powers of 2 are exact factors.
_BETWEEN = (2**6, 2**6)
# Each byte of a word is 1.
_ONES = 0x01010101
_LANES, _SHIFTS = 4, (0, 8, 16, 24)
# Words are added in so many pieces. XLA vectorizes a sum of pieces, but no sum along a row.
_PIECES = 16


def top(values, limit, count, precise=False):
    """Selects the `count` largest values of each sample.

    Unless `precise`, values are rounded down to multiples of `limit` / 8064. Which of the values
    are selected that are then equal depends on their positions only.

    Args:
        values: float32 `(B, *grid)`, in (-`limit`, `limit`).
        limit: Float, a power of 2.
        count: int32 `(B,)`.
        precise: Whether values are rounded down to multiples of `limit` / 33,030,144 instead, in
            twice the passes; this leaves float32 almost as it is.

    Returns:
        bool of the shape of `values`.
    """
    grid = xp.shape(values)
    known = tuple(values.shape[1:])
    size = xp.reduce_prod(grid[1:]) if None in known else math.prod(known)
    levels = xp.reshape(values, [grid[0], size]) * (_COARSE / 2 / limit)
    words = _fine_words(levels, count, size, (*_BETWEEN, _FINE) if precise else (_FINE,))
    # XLA would compute the mask again for each of its consumers.
    lanes = xp.apart(xp.reduce_any(count > 0), _mask, words, count)
    mask = xp.reshape(lanes, [grid[0], lanes.shape[1] * xp.shape(lanes)[2]])
    return xp.reshape(mask[:, :size], grid)


def _fine_words(levels, count, size, divisions):
    """Words of the fine levels within the level that the threshold lies in.

    A byte is 0 for lower values, 1 + the fine level, and 1 + the number of fine levels for higher
    values.

    Args:
        levels: float32 `(B, size)`, the coarse levels, from -64 to 64, with their fractions.
        count: int32 `(B,)`.
        size: An int or a scalar tensor.
        divisions: The numbers of levels into which each level is divided, in turn.
    """
    words = _packed(xp.floor(levels) + _COARSE // 2, size)
    level = _highest(words, count, 0) - _COARSE // 2
    for place, number in enumerate(divisions, start=1):
        levels = (levels - xp.cast(level, "float32")[:, None]) * number
        words = _packed(xp.clip_by_value(xp.floor(levels) + 1, 0, number + 1), size)
        if place < len(divisions):
            level = _highest(words, count, 1)
    return words


def _packed(digits, size):
    """uint32 `(B, pieces, n)`, four digits a word, from float32 `(B, size)` in [0, 127]."""
    missing = -size % (_LANES * _PIECES)
    if xp.is_tensor(missing) or missing:
        digits = xp.pad(digits, [[0, 0], [0, missing]])
    batch, row = xp.shape(digits)[0], (size + missing) // (_LANES * _PIECES)
    lanes = xp.reshape(xp.cast(digits, "int32"), [batch, _LANES, _PIECES, row])
    words = (
        lane * 2**shift for shift, lane in zip(_SHIFTS, xp.unstack(lanes, axis=1), strict=True)
    )
    return xp.cast(sum(words), "uint32")


def _highest(words, count, least):
    """int32 `(B,)`, the highest digit that more than `count` bytes reach, less `least`.

    Args:
        words: As `_packed` returns them.
        count: int32 `(B,)`.
        least: The digit that is returned as 0.
    """

    def next_bit(bit, found):
        reached = _count(words, found + bit + least) > count
        return bit // 2, xp.where(reached, found + bit, found)

    found = xp.zeros_like(count)
    return xp.while_loop(lambda bit, _: bit > 0, next_bit, [2 ** (_BITS - 1), found])[1]


def _at_least(words, digit):
    """Compares each byte of `words` with `digit` `(B,)`: 1 if it is at least that, else 0."""
    added = xp.cast(128 - digit, "uint32") * _ONES
    reached = xp.right_shift(words + added[:, None, None], 7)
    return xp.bitwise_and(reached, _ONES)


def _count(words, digit):
    """int32 `(B,)`, the number of bytes that are at least `digit` `(B,)`."""
    added = _lane_sums(_pieces_added(_at_least(words, digit)))
    return row_sums(added, _LANES * _PIECES)


def _pieces_added(words):
    """uint32 `(B, n)`, the sum of all pieces. Bytes are 0 or 1, so sums fit into bytes."""
    return sum(xp.unstack(words, axis=1))


def _lane_sums(words):
    """int32, the sum of the bytes of each word."""
    pairs = xp.bitwise_and(words, 0x00FF00FF)
    pairs = pairs + xp.bitwise_and(xp.right_shift(words, 8), 0x00FF00FF)
    both = xp.bitwise_and(pairs, 0xFFFF) + xp.right_shift(pairs, 16)
    return xp.cast(both, "int32")


def _mask(words, count):
    """bool `(B, lanes, pieces * n)`, the selected values."""
    # XLA would choose again for each lane of a word.
    return _lanes(xp.apart(xp.reduce_any(count > 0), _chosen, words, count)) > 0


def _chosen(words, count):
    """uint32 `(B, pieces, n)`: a byte is 1 if its value is selected.

    Of the values at the threshold, those in the first columns of the words are selected: all of
    some columns, and of the next one as many as are missing.
    """
    threshold = _highest(words, count, 1) + 1
    above = _at_least(words, threshold + 1)
    equal = _at_least(words, threshold) - above
    missing = (count - _count(words, threshold + 1))[:, None]
    until = xp.cumsum(_lane_sums(_pieces_added(equal)), axis=1)
    whole = until <= missing
    column = xp.count_nonzero(whole, axis=1, dtype="int32")[:, None]
    missing = missing - xp.reduce_max(xp.where(whole, until, 0), axis=1, keepdims=True)
    last = xp.minimum(column, xp.shape(words)[2] - 1)
    part = _first_of_column(xp.gather(equal, last, axis=2, batch_dims=1), missing)
    place = xp.range(xp.shape(words)[2]) - column[..., None]
    zero = xp.zeros([], "uint32")
    return above + xp.where(place < 0, equal, xp.where(place == 0, part, zero))


def _first_of_column(words, missing):
    """Keeps the first `missing` bytes that are 1 in words `(B, pieces, 1)`."""
    shape = xp.shape(words)
    ones = xp.cast(_lanes(words), "int32")
    flat = xp.reshape(ones, [shape[0], _LANES * _PIECES])
    kept = xp.where(xp.cumsum(flat, axis=1) <= missing, flat, 0)
    kept = xp.cast(xp.reshape(kept, xp.shape(ones)), "uint32")
    return xp.reshape(xp.reduce_sum(xp.left_shift(kept, _shifts()), axis=1), shape)


def _lanes(words):
    """uint32 `(B, lanes, pieces * n)`, the lowest bit of each byte."""
    rows = xp.reshape(words, [xp.shape(words)[0], 1, _PIECES * xp.shape(words)[2]])
    return xp.bitwise_and(xp.right_shift(rows, _shifts()), 1)


def _shifts():
    """uint32 `(lanes, 1)`."""
    return xp.constant(_SHIFTS, "uint32")[:, None]
