"""Reads every place of a result from its source, where the plan has placed the source's frame."""

import functools
import operator

import tensorflow as tf

from keras_mix import plan as plans
from keras_mix import resizing


def read(pool, sources, placement, axes, source, nearest):
    """The value of every place.

    Args:
        pool: The samples to read from, [N, …, *spatial, …].
        sources: int32 [B, S], which of these are the sources of each sample.
        placement: As in `keras_mix.plan.Plan`. Beyond a resized frame its border goes on; one of
            its own size covers what is read from it.
        axes: The pool's spatial axes.
        source: The source of each place, a hard region as in `keras_mix.plan.Plan`; or one number
            for all.
        nearest: Whether a place between pixels is the nearest of them, as class ids must be, and
            not the mean of those around it.

    Returns:
        [B, …, *spatial, …]. Means are floats; what lies on a pixel keeps its bits.
    """
    shape = tf.unstack(tf.shape(pool))
    sizes = shape[axes[0] : axes[-1] + 1]
    # A video has many frames, and channels may come before the frame.
    before, behind = _product(shape[1 : axes[0]]), _product(shape[axes[-1] + 1 :])
    frames = tf.reshape(pool, [shape[0], before, *sizes, behind])
    if placement.dtype.is_integer:
        result = _moved(frames, sources, placement, source)
    else:
        result = resizing.read(frames, sources, placement, source, nearest)
    return tf.reshape(result, [tf.shape(sources)[0], *shape[1:]])


def _moved(pool, sources, placement, source):
    """The value of every place, from frames [N, frames, *spatial, values] that keep their size."""
    number, *sizes, values = tf.unstack(tf.shape(pool))[1:]
    strides = [_product(sizes[axis + 1 :]) for axis in range(len(sizes))]
    if not isinstance(source, int):
        source = tf.expand_dims(tf.cast(plans.rendered(source), tf.int32), 1)
    # All that can be is computed along the axes: a place of the result only adds up.
    lines = [
        (tf.range(size) - corner[..., None]) * stride
        for size, corner, stride in zip(sizes, tf.unstack(placement, axis=2), strides, strict=True)
    ]
    lines[0] += sources[..., None] * (number * _product(sizes))
    index = _line(tf.range(number), -1, len(sizes)) * _product(sizes)
    for axis, line in enumerate(lines):
        index += _chosen(source, line, axis, len(sizes))
    pixels = tf.reshape(pool, [tf.shape(pool)[0] * number * _product(sizes), values])
    return tf.gather(pixels, tf.clip_by_value(index, 0, tf.shape(pixels)[0] - 1))


def _chosen(source, lines, axis, rank):
    """For every place [B, 1, *spatial], what its source's line along an axis says of it.

    Args:
        source: int32 [B or 1, 1, *spatial], or one number for all places.
        lines: [B, S, size].
        axis: The axis of the lines.
        rank: The number of spatial axes.
    """
    lines = [_line(line, axis, rank) for line in tf.unstack(lines, axis=1)]
    if isinstance(source, int):
        return lines[source]
    chosen = lines[0]
    for number, line in enumerate(lines[1:], start=1):
        chosen = tf.where(tf.equal(source, number), line, chosen)
    return chosen


def _line(values, axis, rank):
    """Values [size] or [B, size] along an axis (-1: the frames), over [B, frames, *spatial]."""
    shape = [1] * (1 + rank)
    shape[1 + axis] = tf.shape(values)[-1]
    return tf.reshape(values, [-1, *shape])


def _product(sizes):
    return functools.reduce(operator.mul, sizes, 1)
