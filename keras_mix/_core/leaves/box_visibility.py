"""How much of a rectangle a source shows under a plan, and the rectangle around what it shows."""

import functools
from typing import NamedTuple

import tensorflow as tf


class Span(NamedTuple):
    """Parts of an axis: floats, where each begins and ends, in pixels."""

    low: tf.Tensor
    high: tf.Tensor

    @property
    def length(self):
        """How long each is; 0 where it ends before it begins."""
        return tf.maximum(self.high - self.low, 0.0)

    def within(self, other):
        """What both have in common."""
        return Span(tf.maximum(self.low, other.low), tf.minimum(self.high, other.high))

    def around(self, amounts):
        """From the first to the last, along the last axis, of those with an amount above 0."""
        seen = amounts > 0
        first = tf.where(seen, self.low, tf.float32.max)
        last = tf.where(seen, self.high, tf.float32.min)
        return Span(tf.reduce_min(first, axis=-1), tf.reduce_max(last, axis=-1))


def visible(plan, source, rectangles, frame):
    """What a source shows inside of rectangles.

    Args:
        plan: A `keras_mix.plans.Plan`; its placement is not looked at.
        source: The source's number.
        rectangles: float32 [B, N, 4], left, top, right, bottom in pixels.
        frame: float32 [2], the height and width of the images.

    Returns:
        float32 [B, N], how much of each is seen, in pixels; and float32 [B, N, 4], the rectangle
        around that, without meaning where nothing is seen.
    """
    left, top, right, bottom = tf.unstack(rectangles[..., None], axis=2)
    rows = Span(top, bottom).within(Span(0.0, frame[0]))
    columns = Span(left, right).within(Span(0.0, frame[1]))
    if plan.region is None:
        return _in_parts(rows, columns)
    in_places = functools.partial(_in_places, rows, columns, plan, source, frame)
    quadrants = plan.region.quadrants()
    if quadrants is None:
        return in_places()
    lines, outside = quadrants.crossing(source)
    in_parts = functools.partial(_in_parts, rows, columns, _parts(lines, outside))
    # Boxes and blocks are rectangles, but a mixer may as well choose lines here and there.
    are_runs = [
        _run(line).length == tf.math.count_nonzero(line, axis=1, dtype=tf.float32) for line in lines
    ]
    return tf.cond(tf.reduce_all(are_runs), in_parts, in_places)


def _in_parts(rows, columns, parts=()):
    """What is seen in a sum of rectangles, their spans [B or 1, 1, P]; or everywhere."""
    if parts:
        rows, columns = rows.within(parts[0]), columns.within(parts[1])
    amounts = rows.length * columns.length
    return _seen(rows, amounts, columns, amounts)


def _in_places(rows, columns, plan, source, frame):
    """What is seen, row by row and column by column."""
    rows, columns = (
        span.within(_pixels(size))
        for span, size in zip((rows, columns), tf.unstack(frame), strict=True)
    )
    shown = _shown(plan, source)
    in_rows = rows.length * tf.matmul(columns.length, shown, transpose_b=True)
    return _seen(rows, in_rows, columns, columns.length * tf.matmul(rows.length, shown))


def _seen(rows, in_rows, columns, in_columns):
    """What `visible` returns, from spans [B, N, number] and the amounts that are seen in each."""
    rows, columns = rows.around(in_rows), columns.around(in_columns)
    rectangle = tf.stack([columns.low, rows.low, columns.high, rows.high], axis=-1)
    return tf.reduce_sum(in_rows, axis=-1), rectangle


def _parts(lines, outside):
    """The rectangles inside or outside a crossing: spans [B or 1, 1, P] of rows, and of columns."""
    rows, columns = lines
    parts = [(_run(rows), _run(columns))]
    if outside:
        whole = _run(tf.ones_like(columns))
        parts = [(_run(rows), span) for span in _beside(columns)]
        parts += [(span, whole) for span in _beside(rows)]
    return [_together(spans) for spans in zip(*parts, strict=True)]


def _run(line):
    """The span [B or 1] from the first to the last True of each line, bool [B or 1, size]."""
    place = tf.cast(tf.range(tf.shape(line)[1]), tf.float32)
    end = tf.reduce_max(tf.where(line, place + 1, 0.0), axis=1)
    return Span(tf.reduce_min(tf.where(line, place, end[:, None]), axis=1), end)


def _beside(line):
    """The spans before and behind the run in each line."""
    run, whole = _run(line), _run(tf.ones_like(line))
    return Span(whole.low, run.low), Span(run.high, whole.high)


def _together(spans):
    """Spans [B or 1] as one, [B or 1, 1, number]."""
    lows, highs = (tf.stack(ends, axis=-1)[:, None] for ends in zip(*spans, strict=True))
    return Span(lows, highs)


def _pixels(size):
    """The span of each of the pixels along an axis."""
    place = tf.range(size)
    return Span(place, place + 1.0)


def _shown(plan, source):
    """float32 `(B or 1, H, W)`, how much of each position shows the source."""
    return tf.cast(plan.coverage()[source], tf.float32)
