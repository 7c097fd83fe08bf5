"""The visible area of rectangles under a plan, and the rectangle around the visible part."""

import functools
import operator
from typing import NamedTuple

import numpy as np

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import axis_size

_LARGEST = float(np.finfo(np.float32).max)


class Span(NamedTuple):
    """Intervals on an axis: float tensors of their ends, in pixels."""

    low: Tensor
    high: Tensor

    @property
    def length(self):
        """The length of each interval; 0 where it is empty."""
        return xp.maximum(self.high - self.low, 0.0)

    def within(self, other):
        """The intersection of two spans."""
        return Span(xp.maximum(self.low, other.low), xp.minimum(self.high, other.high))

    def around(self, amounts):
        """The interval, along the last axis, around those with an amount above 0."""
        visible = amounts > 0
        first = xp.where(visible, self.low, _LARGEST)
        last = xp.where(visible, self.high, -_LARGEST)
        return Span(xp.reduce_min(first, axis=-1), xp.reduce_max(last, axis=-1))


def visible(plan, source, rectangles, frame):
    """The part of rectangles in which a source is visible.

    Args:
        plan: A `keras_mix.plans.Plan`; its placement is ignored.
        source: The number of the source.
        rectangles: float32 `(B, N, 4)`, left, top, right, bottom in pixels of the result.
        frame: float32 `(2,)`, the height and width of the images.

    Returns:
        float32 `(B, N)`, the visible area in pixels; and float32 `(B, N, 4)`, the rectangle around
        the visible part, undefined where the area is 0.
    """
    left, top, right, bottom = xp.unstack(rectangles[..., None], axis=2)
    rows = Span(top, bottom).within(Span(0.0, frame[0]))
    columns = Span(left, right).within(Span(0.0, frame[1]))
    if plan.region is None:
        return _by_rectangles(rows, columns)
    by_pixels = functools.partial(_by_pixels, rows, columns, plan, source)
    quadrants = plan.region.quadrants()
    if quadrants is None:
        return by_pixels()
    lines, outside = quadrants.crossing(source)
    by_rectangles = functools.partial(_by_rectangles, rows, columns, _rectangles(lines, outside))
    # A mixer may choose lines with gaps, which make no rectangles.
    are_runs = [
        _run(line).length == xp.count_nonzero(line, axis=1, dtype="float32") for line in lines
    ]
    every = functools.reduce(operator.and_, map(xp.reduce_all, are_runs))
    return xp.cond(every, by_rectangles, by_pixels)


def _by_rectangles(rows, columns, visible_spans=()):
    """The result of `visible`, for a source that is visible in P disjoint rectangles.

    Args:
        rows: `Span` `(B, N, 1)`, the rows of the rectangles that are asked about.
        columns: `Span` `(B, N, 1)`, their columns.
        visible_spans: Spans `(B or 1, 1, P)` of rows and of columns in which the source is
            visible; empty if it is visible everywhere.
    """
    if visible_spans:
        rows, columns = rows.within(visible_spans[0]), columns.within(visible_spans[1])
    amounts = rows.length * columns.length
    return _result(rows, amounts, columns, amounts)


def _by_pixels(rows, columns, plan, source):
    """The result of `visible` for any region, by sums over its rows and columns."""
    # (B or 1, H, W), how much of each pixel the source covers.
    covered = xp.cast(plan.coverage()[source], "float32")
    rows, columns = (
        span.within(_pixels(axis_size(covered, axis)))
        for axis, span in enumerate((rows, columns), start=1)
    )
    in_rows = rows.length * xp.matmul(columns.length, covered, transpose_b=True)
    return _result(rows, in_rows, columns, columns.length * xp.matmul(rows.length, covered))


def _result(rows, in_rows, columns, in_columns):
    """The result of `visible`, by spans `(B, N, number)` and the visible area in each."""
    rows, columns = rows.around(in_rows), columns.around(in_columns)
    rectangle = xp.stack([columns.low, rows.low, columns.high, rows.high], axis=-1)
    return xp.reduce_sum(in_rows, axis=-1), rectangle


def _rectangles(lines, outside):
    """The rectangle where both lines are True, or the four around it.

    Args:
        lines: bool `(B or 1, H)` and `(B or 1, W)`, each with a single run of True.
        outside: Whether to return the rectangles that cover all other positions.

    Returns:
        A `Span` `(B or 1, 1, P)` of the rows of P rectangles, and one of their columns.
    """
    rows, columns = lines
    pairs = [(_run(rows), _run(columns))]
    if outside:
        whole = _run(xp.ones_like(columns))
        pairs = [(_run(rows), span) for span in _around_run(columns)]
        pairs += [(span, whole) for span in _around_run(rows)]
    return [_stacked(spans) for spans in zip(*pairs, strict=True)]


def _run(line):
    """The span `(B or 1,)` from the first to the last True of each line, bool `(B or 1, size)`."""
    index = xp.cast(xp.range(xp.shape(line)[1]), "float32")
    end = xp.reduce_max(xp.where(line, index + 1, 0.0), axis=1)
    return Span(xp.reduce_min(xp.where(line, index, end[:, None]), axis=1), end)


def _around_run(line):
    """The spans before and after the run in each line."""
    run, whole = _run(line), _run(xp.ones_like(line))
    return Span(whole.low, run.low), Span(run.high, whole.high)


def _stacked(spans):
    """Stacks spans `(B or 1,)` into one, `(B or 1, 1, number)`."""
    lows, highs = (xp.stack(ends, axis=-1)[:, None] for ends in zip(*spans, strict=True))
    return Span(lows, highs)


def _pixels(size):
    """The span of each pixel along an axis."""
    start = xp.cast(xp.range(size), "float32")
    return Span(start, start + 1.0)
