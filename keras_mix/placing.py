"""Reads every place of a result from its source, where the plan has placed the source's frame."""

import functools
import operator

import tensorflow as tf

from keras_mix.arithmetic import blend, precise


def read(pool, sources, placement, axes, source, nearest):
    """The value of every place.

    Args:
        pool: The samples to read from, [N, …, *spatial, …].
        sources: int32 [B, S], which of these are the sources of each sample.
        placement: As in `keras_mix.plan.Plan`. Beyond a resized frame its border goes on; one of
            its own size covers what is read from it.
        axes: The pool's spatial axes.
        source: int32 [B or 1, *spatial], the source of each place; or one number for all.
        nearest: Whether a place between pixels is the nearest of them, as class ids must be, and
            not the mean of those around it.

    Returns:
        [B, …, *spatial, …]. Means are floats; what lies on a pixel keeps its bits.
    """
    shape = tf.unstack(tf.shape(pool))
    first, last = axes[0], axes[-1] + 1
    sizes = shape[first:last]
    strides = [_product(sizes[axis + 1 :]) for axis in range(len(sizes))]
    # [N, frames, *spatial, values], where a video has many frames and channels may come first.
    frames = _product(shape[1:first])
    pixels = tf.reshape(pool, [-1, _product(shape[last:])])
    if not isinstance(source, int):
        source = tf.expand_dims(source, 1)
    if placement.dtype.is_integer:
        lows = [
            tf.range(size) - corner[..., None]
            for size, corner in zip(sizes, tf.unstack(placement, axis=2), strict=True)
        ]
        shares = []
    else:
        lows, shares = _between(placement, sizes, nearest)
    # All that can be is computed along the axes: a place of the result only adds up.
    lines = [low * stride for low, stride in zip(lows, strides, strict=True)]
    lines[0] += sources[..., None] * (frames * _product(sizes))
    index = _line(tf.range(frames), -1, len(axes)) * _product(sizes)
    for axis, line in enumerate(lines):
        index += _chosen(source, line, axis, len(axes))
    shares = [_chosen(source, share, axis, len(axes)) for axis, share in enumerate(shares)]
    steps = list(zip(strides, shares, strict=True)) if shares else []
    result = _mean(pixels, index, steps)
    return tf.reshape(result, [-1, *shape[1:]])


def _between(placement, sizes, nearest):
    """Which pixels of its source a place lies between, for each axis.

    Returns:
        int32 [B, S, size], the lower one or, if asked for, the nearest; and float32 alike, the
        share of the next one (0 beyond the border), or nothing.
    """
    lows, shares = [], []
    for axis, size in enumerate(sizes):
        start, extent = placement[..., axis, None], placement[..., 2 + axis, None]
        last = tf.cast(size - 1, tf.float32)
        # From the centre of a pixel to the centre of a pixel.
        place = tf.cast(tf.range(size), tf.float32) + 0.5 - start
        at = place * (tf.cast(size, tf.float32) / extent) - 0.5
        low = tf.floor(at + 0.5 if nearest else at)
        lows.append(tf.cast(tf.clip_by_value(low, 0.0, last), tf.int32))
        if not nearest:
            shares.append(tf.where((low >= 0.0) & (low < last), at - low, 0.0))
    return lows, shares


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


def _mean(pixels, index, steps):
    """The pixels [B, frames, *spatial, values] at an index, and the means with those after them.

    Args:
        pixels: [number, values].
        index: int32 [B, frames, *spatial].
        steps: For each axis how far on the next pixel is, and float32 [B, 1, *spatial], its share.
    """
    if not steps:
        return tf.gather(pixels, tf.clip_by_value(index, 0, tf.shape(pixels)[0] - 1))
    (stride, share), *rest = steps
    sources = [_mean(pixels, start, rest) for start in (index, index + stride)]
    return blend([precise(source) for source in sources], [None, share[..., None]])


def _product(sizes):
    return functools.reduce(operator.mul, sizes, 1)
