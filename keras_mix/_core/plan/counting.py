"""Mixing weights, counted: how many positions of a region are of each source.

The weights of a plan are these counts divided by the number of positions, never the λ that was
drawn. All counts are exact.
"""

import tensorflow as tf

# As many pieces are counted side by side.
_PIECES = 16


def count(positions):
    """int32 `(B,)`, how many of each sample's positions are True; exact up to 2^31 - 1 of them.

    XLA adds along an axis one by one. It vectorizes pieces that are added as wholes, and the
    products that add what is left: whole numbers, as many as float32 holds exactly.
    """
    positions = tf.reshape(positions, [tf.shape(positions)[0], -1])
    size = positions.shape[1]
    if tf.executing_eagerly():
        # There so many small operations take longer.
        return tf.math.count_nonzero(positions, axis=1, dtype=tf.int32)
    if size is None:
        return tf.reduce_sum(tf.cast(positions, tf.int32), axis=1)
    *pieces, rest = tf.split(positions, [size // _PIECES] * _PIECES + [size % _PIECES], axis=1)
    counts = tf.cast(sum(tf.cast(piece, tf.int32) for piece in pieces), tf.float32)
    added = [
        tf.linalg.matvec(part, tf.ones([part.shape[1]]))
        for part in tf.split(counts, _exact_sizes(size // _PIECES), axis=1)
    ]
    added.append(tf.reduce_sum(tf.cast(rest, tf.int32), axis=1))
    return sum(tf.cast(part, tf.int32) for part in added)


def weights_of(counts, total, sources):
    """float32 `(B, S)`, the weights of the sources from the number of positions of each.

    Args:
        counts: int32 `(B or 1, S - 1)`, the positions of each source but the first.
        total: int32, the number of all positions; it broadcasts to the counts.
        sources: int32 `(B, S)`.
    """
    # In double precision, since graphs may multiply by the reciprocal: so the quotient, rounded to
    # float32, is the exact one in every mode.
    shares = tf.cast(tf.cast(counts, tf.float64) / tf.cast(total, tf.float64), tf.float32)
    return with_own(shares, sources)


def with_own(shares, sources):
    """float32 `(B, S)`: the sample itself has the weight that the others leave.

    Args:
        shares: float32 `(B or 1, S - 1)`, the weights of the others.
        sources: int32 `(B, S)`.
    """
    # The rounded shares of several others may exceed 1.
    own = tf.maximum(1.0 - tf.reduce_sum(shares, axis=1, keepdims=True), 0.0)
    return tf.broadcast_to(tf.concat([own, shares], axis=1), tf.shape(sources))


def _exact_sizes(number):
    """The sizes of parts of a number of counts, each with a sum that float32 holds exactly."""
    most = 2**24 // _PIECES
    return [most] * (number // most) + [number % most]
