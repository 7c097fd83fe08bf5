"""Reads every place of a result from its source, where the plan has placed the source's frame."""

import functools
import operator

import tensorflow as tf

from keras_mix.arithmetic import blend, precise


def read(pool, sources, placement, axes, source, nearest):
    """The value of every place; beyond a frame its border goes on.

    Args:
        pool: The samples to read from, [N, …, *spatial, …].
        sources: int32 [B, S], which of these are the sources of each sample.
        placement: As in `keras_mix.plan.Plan`.
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
    frame = tf.reshape(tf.range(frames), [1, -1] + [1] * len(axes))
    image = _chosen(source, sources[..., None], 0, len(axes)) * frames + frame
    coordinates = [
        _chosen(source, line, axis, len(axes))
        for axis, line in enumerate(_coordinates(placement, sizes))
    ]
    result = _read_at(functools.partial(_tap, pixels, sizes), image, coordinates, nearest)
    return tf.reshape(result, [-1, *shape[1:]])


def _coordinates(placement, sizes):
    """For each axis [B, S, size], where in its source's frame each place lies, in pixels."""
    places = [tf.range(size) for size in sizes]
    if placement.dtype.is_integer:
        return [place - placement[..., a, None] for a, place in enumerate(places)]
    starts, extents = placement[..., :2], placement[..., 2:]
    return [
        # From the centre of a pixel to the centre of a pixel.
        (tf.cast(place, tf.float32) + 0.5 - starts[..., a, None])
        * (tf.cast(size, tf.float32) / extents[..., a, None])
        - 0.5
        for a, (place, size) in enumerate(zip(places, sizes, strict=True))
    ]


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


def _read_at(tap, image, coordinates, nearest, found=()):
    """Reads the pixels at coordinates, or between them, one axis after the other."""
    if not coordinates:
        return tap(image, found)
    at, *rest = coordinates
    if at.dtype.is_integer:
        return _read_at(tap, image, rest, nearest, (*found, at))
    low = tf.floor(at + 0.5 if nearest else at)
    index = tf.cast(low, tf.int32)
    values = _read_at(tap, image, rest, nearest, (*found, index))
    if nearest:
        return values
    above = _read_at(tap, image, rest, nearest, (*found, index + 1))
    return blend(precise(values), [precise(above)], [(at - low)[..., None]])


def _tap(pixels, sizes, image, coordinates):
    """The pixels [B, frames, *spatial, values] at whole coordinates."""
    index = image
    for size, coordinate in zip(sizes, coordinates, strict=True):
        index = index * size + tf.clip_by_value(coordinate, 0, size - 1)
    return tf.gather(pixels, index)
