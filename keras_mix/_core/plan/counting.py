"""Mixing weights by counting: how many positions of a region come from each source.

The weights of a plan are these counts divided by the number of positions, never the λ that was
drawn. All counts are exact.
"""

from keras_mix._core.backend import xp

# Positions are counted in this many pieces at once.
_PIECES = 16


def count(positions):
    """Counts the True positions of each sample, exactly up to 2^31 - 1 of them.

    Pieces are added first, since XLA vectorizes elementwise sums, but no sum along a row.

    Args:
        positions: bool `(B, ...)`.

    Returns:
        int32 `(B,)`.
    """
    positions = xp.reshape(positions, [xp.shape(positions)[0], -1])
    size = positions.shape[1]
    if xp.executing_eagerly():
        # Eagerly, one operation is faster than many small ones.
        return xp.count_nonzero(positions, axis=1, dtype="int32")
    if size is None:
        return xp.reduce_sum(xp.cast(positions, "int32"), axis=1)
    *pieces, rest = xp.split(positions, [size // _PIECES] * _PIECES + [size % _PIECES], axis=1)
    counts = sum(xp.cast(piece, "int32") for piece in pieces)
    return row_sums(counts, _PIECES) + xp.reduce_sum(xp.cast(rest, "int32"), axis=1)


def row_sums(numbers, largest):
    """The exact sum of each row of numbers that are at most `largest`.

    XLA sums along an axis one element at a time. It vectorizes matrix products, in which float32
    represents integers up to 2^24 exactly.

    Args:
        numbers: int32 `(B, n)`, not negative.
        largest: An int.

    Returns:
        int32 `(B,)`.
    """
    size, most = numbers.shape[1], 2**24 // largest
    if size is None or xp.executing_eagerly():
        return xp.reduce_sum(numbers, axis=1)
    parts = xp.split(xp.cast(numbers, "float32"), [most] * (size // most) + [size % most], axis=1)
    added = [xp.matvec(part, xp.ones([part.shape[1]])) for part in parts]
    return sum(xp.cast(part, "int32") for part in added)


def weights_of(counts, total, sources):
    """float32 `(B, S)`, the weights of sources by the number of positions of each.

    Args:
        counts: List of int32 `(B or 1,)`, the number of positions of sources 1 to S - 1.
        total: int32, the number of all positions: a scalar, or `(B, 1)`.
        sources: int32 `(B, S)`.
    """
    # Compiled graphs may multiply by the reciprocal. In double precision the quotient, rounded to
    # float32, is nevertheless the same in every mode.
    quotients = xp.cast(xp.stack(counts, axis=1), "float64") / xp.cast(total, "float64")
    return with_own(xp.cast(quotients, "float32"), sources)


def with_own(weights, sources):
    """float32 `(B, S)`, weights that sum to 1; the sample itself has the remaining weight.

    Args:
        weights: float32 `(B or 1, S - 1)`, the weights of sources 1 to S - 1.
        sources: int32 `(B, S)`.
    """
    # After rounding, the weights of several sources may sum to more than 1.
    own = xp.maximum(1.0 - xp.reduce_sum(weights, axis=1, keepdims=True), 0.0)
    return xp.broadcast_to(xp.concat([own, weights], axis=1), xp.shape(sources))
