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
    # [N, frames, *spatial, values], where a video has many frames and channels may come first.
    frames = functools.reduce(operator.mul, shape[1:first], 1)
    values = functools.reduce(operator.mul, shape[last:], 1)
    pixels = tf.reshape(pool, [-1, values])
    if not isinstance(source, int):
        source = tf.expand_dims(source, 1)
    frame = _line(tf.range(frames), -1, len(axes))
    start = _chosen(source, sources[..., None], 0, len(axes)) * frames + frame
    if placement.dtype.is_integer:
        places = [_line(tf.range(size), axis, len(axes)) for axis, size in enumerate(sizes)]
        zero = tf.zeros([], tf.int32)
        moved = _chosen(
            source, _index(zero, sizes, tf.unstack(placement, axis=2))[..., None], 0, len(axes)
        )
        index = _index(start, sizes, places) - moved
        result = tf.gather(pixels, tf.clip_by_value(index, 0, tf.shape(pixels)[0] - 1))
    else:
        lines = _positions(placement, sizes)
        at = [_chosen(source, line, axis, len(axes)) for axis, line in enumerate(lines)]
        result = _between(functools.partial(_tap, pixels, sizes, start), at, nearest)
    return tf.reshape(result, [-1, *shape[1:]])


def _positions(placement, sizes):
    """For each axis float32 [B, S, size], where each place lies in its source's frame."""
    starts, extents = placement[..., :2], placement[..., 2:]
    return [
        # From the centre of a pixel to the centre of a pixel.
        (tf.cast(tf.range(size), tf.float32) + 0.5 - starts[..., a, None])
        * (tf.cast(size, tf.float32) / extents[..., a, None])
        - 0.5
        for a, size in enumerate(sizes)
    ]


def _line(values, axis, rank):
    """Values along an axis (-1: that of the frames), shaped to lie over [B, frames, *spatial]."""
    return tf.reshape(values, [1, *(-1 if a == axis else 1 for a in range(-1, rank))])


def _chosen(source, lines, axis, rank):
    """For every place [B, 1, *spatial], what its source's line along an axis says of it.

    Args:
        source: int32 [B or 1, 1, *spatial], or one number for all places.
        lines: [B, S, size or 1].
        axis: The axis of the lines.
        rank: The number of spatial axes.
    """
    shape = [-1, 1] + [1] * rank
    shape[2 + axis] = tf.shape(lines)[2]
    lines = [tf.reshape(line, shape) for line in tf.unstack(lines, axis=1)]
    if isinstance(source, int):
        return lines[source]
    chosen = lines[0]
    for number, line in enumerate(lines[1:], start=1):
        chosen = tf.where(tf.equal(source, number), line, chosen)
    return chosen


def _between(tap, positions, nearest, found=()):
    """Reads at positions between the pixels, one axis after the other."""
    if not positions:
        return tap(found)
    at, *rest = positions
    low = tf.floor(at + 0.5 if nearest else at)
    index = tf.cast(low, tf.int32)
    values = _between(tap, rest, nearest, (*found, index))
    if nearest:
        return values
    above = _between(tap, rest, nearest, (*found, index + 1))
    return blend([precise(values), precise(above)], [None, (at - low)[..., None]])


def _tap(pixels, sizes, start, coordinates):
    """The pixels [B, frames, *spatial, values] at whole coordinates, or nearest to them."""
    inside = [
        tf.clip_by_value(coordinate, 0, size - 1)
        for coordinate, size in zip(coordinates, sizes, strict=True)
    ]
    return tf.gather(pixels, _index(start, sizes, inside))


def _index(frame, sizes, coordinates):
    """Which pixel of all pixels stands at the coordinates of a frame."""
    for size, coordinate in zip(sizes, coordinates, strict=True):
        frame = frame * size + coordinate
    return frame
