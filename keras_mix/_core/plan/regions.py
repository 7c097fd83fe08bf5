"""Regions: which source each position of a grid shows.

A mixer draws a region, and every leaf on the grid follows it. Each class is one encoding; all have
the same interface, so no caller asks which one it holds. A leading axis of size 1 serves the whole
batch.
"""

import abc
import functools
import itertools
import operator
from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.broadcasting import over
from keras_mix._core.plan.counting import count, weights_of, with_own


class Region(abc.ABC):
    """The interface of all regions.

    Attributes:
        hard: Whether each position comes from exactly one source.
    """

    hard = True

    @property
    @abc.abstractmethod
    def sizes(self):
        """The sizes of the spatial axes: an int where it is known, else a scalar tensor."""

    @abc.abstractmethod
    def dense(self):
        """The region as one tensor.

        bool or int32 `(B or 1, *spatial)`, the source of each position; or float32
        `(B or 1, *spatial, S)`, the share of each source.
        """

    @abc.abstractmethod
    def others(self, number):
        """What each position shows of sources 1 to `number - 1`.

        A list of tensors `(B or 1, *spatial)`: bool if hard, else float32.
        """

    @abc.abstractmethod
    def parts(self, number):
        """What each position shows of sources 0 to `number - 1`: see `others`."""

    @abc.abstractmethod
    def weights(self, sources):
        """float32 `(B, S)`, the counted mixing weights of sources int32 `(B, S)`."""

    @abc.abstractmethod
    def keep(self, mixed):
        """The region in which samples show themselves where bool `mixed` `(B or 1,)` is False."""

    @abc.abstractmethod
    def stretch(self, sizes):
        """The region on another grid of as many axes: the position at the same fraction of each."""

    def quadrants(self):
        """The region as `Quadrants`; None if it is no such division of two axes."""
        return None


class Quadrants(NamedTuple):
    """A division of two axes: the source of a position depends on its row and on its column.

    Attributes:
        numbers: `numbers[r][c]` is the source where `rows` is bool(r) and `columns` is bool(c).
        rows: bool `(B or 1, height)`.
        columns: bool `(B or 1, width)`.
    """

    numbers: tuple
    rows: tf.Tensor
    columns: tf.Tensor

    def crossing(self, source):
        """Bool lines `(rows, columns)` and whether a source is shown outside their crossing."""
        cells = [(r, c) for r in (0, 1) for c in (0, 1)]
        shown = [(r, c) for r, c in cells if self.numbers[r][c] == source]
        outside = len(shown) > 1
        row, column = next(cell for cell in cells if (cell in shown) != outside)
        return (self.rows == bool(row), self.columns == bool(column)), outside


class _ByAxes(Region):
    """A hard region given by one line for each spatial axis, rendered only where it must be."""

    @property
    def sizes(self):
        return [_size(line, -1) for line in self.lines]

    def others(self, number):
        return Mask(self.dense()).others(number)

    def parts(self, number):
        return Mask(self.dense()).parts(number)

    def weights(self, sources):
        return Mask(self.dense()).weights(sources)

    def keep(self, mixed):
        return type(self)(tuple(_or_zero(mixed, line) for line in self.lines))

    def stretch(self, sizes):
        lines = zip(self.lines, sizes, strict=True)
        return type(self)(tuple(_stretched(line, -1, size) for line, size in lines))

    def _total(self):
        return tf.reduce_prod(self.sizes)


class _Lines(NamedTuple):
    lines: tuple


class Box(_ByAxes, _Lines):
    """A box of source 1: `lines` holds bool `(B or 1, size)` for each axis, True along the box."""

    def dense(self):
        return functools.reduce(operator.and_, _over_all_axes(self.lines))

    def weights(self, sources):
        if len(self.lines) == 1:
            # A sound may be long: its line is counted as positions are, not one by one.
            return super().weights(sources)
        return weights_of(_area(self.lines)[:, None], self._total(), sources)

    def quadrants(self):
        return Quadrants(((0, 0), (0, 1)), *self.lines) if len(self.lines) == 2 else None


class Boxes(_ByAxes, _Lines):
    """The union of N boxes of source 1: `lines` holds bool `(B or 1, N, size)` for each axis."""

    def dense(self):
        return tf.reduce_any(functools.reduce(operator.and_, _over_all_axes(self.lines)), axis=1)

    def weights(self, sources):
        if len(self.lines) == 1 or self.lines[0].shape[1] != 2:
            return super().weights(sources)
        # Rendered, XLA would make the boxes anew for each position that it counts.
        one, other = ([line[:, number] for line in self.lines] for number in range(2))
        both = [line & beside for line, beside in zip(one, other, strict=True)]
        covered = _area(one) + _area(other) - _area(both)
        return weights_of(covered[:, None], self._total(), sources)


class Blocks(_ByAxes, _Lines):
    """Blocks around a point, as many as axes can tell apart.

    `lines` holds int32 `(B or 1, size)` for each axis: 0 before the point and then
    2^(axes - 1 - axis), so that the sum is the source.
    """

    def dense(self):
        return functools.reduce(operator.add, _over_all_axes(self.lines))

    def weights(self, sources):
        if len(self.lines) == 1:
            return super().weights(sources)
        behind = [tf.math.count_nonzero(line, axis=1, dtype=tf.int32) for line in self.lines]
        sides = [(size - n, n) for size, n in zip(self.sizes, behind, strict=True)]
        # A block for each number whose bits tell on which side of the point it lies.
        counts = [functools.reduce(operator.mul, block) for block in itertools.product(*sides)]
        return weights_of(tf.stack(counts[1:], axis=1), self._total(), sources)

    def quadrants(self):
        if len(self.lines) != 2:
            return None
        return Quadrants(((0, 1), (2, 3)), *(tf.cast(line, tf.bool) for line in self.lines))


class _Owner(NamedTuple):
    owner: tf.Tensor


class Mask(Region, _Owner):
    """The source of each position.

    `owner` is bool (True is source 1) or int32 `(B or 1, *spatial)`.
    """

    @property
    def sizes(self):
        return [_size(self.owner, axis) for axis in range(1, self.owner.shape.rank)]

    def dense(self):
        return self.owner

    def others(self, number):
        if self.owner.dtype == tf.bool:
            return [self.owner] * (number > 1)
        return [tf.equal(self.owner, source) for source in range(1, number)]

    def parts(self, number):
        others = self.others(number)
        own = ~functools.reduce(operator.or_, others) if others else tf.ones_like(self.owner, bool)
        return [own, *others]

    def weights(self, sources):
        counts = [count(part) for part in self.others(sources.shape[1])]
        total = tf.reduce_prod(tf.shape(self.owner)[1:])
        return weights_of(tf.stack(counts, axis=1), total, sources)

    def keep(self, mixed):
        return Mask(_or_zero(mixed, self.owner))

    def stretch(self, sizes):
        owner = self.owner
        for axis, size in enumerate(sizes, start=1):
            owner = _stretched(owner, axis, size)
        return Mask(owner)


class _Shares(NamedTuple):
    shares: tf.Tensor


class Soft(Region, _Shares):
    """The share of each source in each position: `shares` is float32 `(B or 1, *spatial, S)`."""

    hard = False

    @property
    def sizes(self):
        return [_size(self.shares, axis) for axis in range(1, self.shares.shape.rank - 1)]

    def dense(self):
        return self.shares

    def others(self, number):
        return self.parts(number)[1:]

    def parts(self, number):
        return tf.unstack(self.shares, axis=-1)

    def weights(self, sources):
        spatial = list(range(1, self.shares.shape.rank - 1))
        # XLA adds one by one: in float32 the mean of millions of positions would drift.
        means = tf.reduce_mean(tf.cast(self.shares[..., 1:], tf.float64), axis=spatial)
        return with_own(tf.cast(means, tf.float32), sources)

    def keep(self, mixed):
        own = tf.one_hot(0, self.shares.shape[-1])
        return Soft(tf.where(over(mixed, self.shares), self.shares, own))

    def stretch(self, sizes):
        shares = self.shares
        for axis, size in enumerate(sizes, start=1):
            shares = _stretched(shares, axis, size)
        return Soft(shares)


def _size(tensor, axis):
    size = tensor.shape[axis]
    return tf.shape(tensor)[axis] if size is None else size


def _or_zero(mixed, tensor):
    return tf.where(over(mixed, tensor), tensor, tf.zeros([], tensor.dtype))


def _area(lines):
    """int32 `(B,)`, the number of positions of a box."""
    counts = [tf.math.count_nonzero(line, axis=1, dtype=tf.int32) for line in lines]
    return functools.reduce(operator.mul, counts)


def _over_all_axes(lines):
    """Lines `(..., size)`, one for each axis, each shaped to lie over all axes."""
    spread = []
    for axis, line in enumerate(lines):
        *leading, size = tf.unstack(tf.shape(line))
        shape = [1] * len(lines)
        shape[axis] = size
        spread.append(tf.reshape(line, [*leading, *shape]))
    return spread


def _stretched(tensor, axis, size):
    # A product of two lengths of a sound exceeds 32 bits.
    length = tf.shape(tensor, out_type=tf.int64)[axis]
    size = tf.cast(size, tf.int64)
    return tf.gather(tensor, tf.range(size) * length // size, axis=axis)
