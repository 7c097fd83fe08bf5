"""Choosing, among boxes to paste, the one that covers least of a sample's own objects."""

import tensorflow as tf


def least_covering(corner, sides, objects, exist):
    """int32 `(B,)`, which of K boxes covers least of the objects; of several the first.

    What a box covers is the sum, over objects, of the fraction of each that it covers.

    Args:
        corner: int32 `(B or 1, K, 2)`, the row and column of the first corner of each box.
        sides: int32 of the same shape, its height and width.
        objects: float32 `(B, N, 4)`, left, top, right, bottom of objects in pixels.
        exist: bool `(B, N)`, which rows hold one.
    """
    covered, area = _overlap(corner, sides, objects)
    fraction = tf.math.divide_no_nan(covered, area[:, None])
    total = tf.reduce_sum(tf.where(exist[:, None], fraction, 0.0), axis=2)
    # Compilers round sums differently, and equal ones must stay equal.
    return tf.argmin(tf.cast(total, tf.float32), axis=1, output_type=tf.int32)


def show(corner, sides, objects, exist, least):
    """bool `(B,)`, whether a box of each sample shows a fraction `least` of an object.

    Args:
        corner: int32 `(B, 2)`.
        sides: int32 `(B, 2)`.
        objects: As in `least_covering`, those of the partner.
        exist: As there.
        least: Float.
    """
    covered, area = _overlap(corner[:, None], sides[:, None], objects)
    enough = (covered > 0) & (covered >= least * area[:, None])
    return tf.reduce_any(enough & exist[:, None], axis=[1, 2])


def _overlap(corner, sides, objects):
    """float64 `(B, K, N)`, the area that boxes and objects share, and `(B, N)`, that of objects."""
    first = tf.cast(corner, tf.float64)[:, :, None]
    last = first + tf.cast(sides, tf.float64)[:, :, None]
    left, top, right, bottom = tf.unstack(tf.cast(objects, tf.float64), axis=2)
    start, end = (tf.stack(ends, axis=2)[:, None] for ends in ((top, left), (bottom, right)))
    shared = tf.maximum(tf.minimum(last, end) - tf.maximum(first, start), 0.0)
    return shared[..., 0] * shared[..., 1], (right - left) * (bottom - top)
