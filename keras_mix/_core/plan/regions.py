"""Regions: the source of each position of a grid.

A mixer draws a region, and every leaf on the grid follows it. Each class is one encoding, and all
have the same interface, so callers need not tell them apart. A leading axis of size 1 holds one
region for the whole batch.
"""

import abc
import functools
import itertools
import operator
from typing import NamedTuple

from keras_mix._core import dtypes
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import axis_size, over
from keras_mix._core.plan.counting import count, weights_of, with_own


class Region(abc.ABC):
    """The interface of all regions.

    Attributes:
        hard: Whether each position comes from exactly one source.
    """

    hard = True

    @property
    @abc.abstractmethod
    def sizes(self) -> list[int | Tensor]:
        """The sizes of the spatial axes, each an int if known, else a scalar tensor."""

    @abc.abstractmethod
    def dense(self):
        """The region as one tensor.

        bool or int32 `(B or 1, *spatial)`, the source of each position; or, of a soft region,
        float32 `(B or 1, *spatial, S)`, the weight of each source.
        """

    @abc.abstractmethod
    def coverage(self, number):
        """How much of each position sources 0 to `number - 1` cover.

        A list of tensors `(B or 1, *spatial)`: bool if the region is hard, else float32 weights.
        """

    @abc.abstractmethod
    def coverage_by_others(self, number):
        """The same for sources 1 to `number - 1`."""

    @abc.abstractmethod
    def weights(self, sources):
        """float32 `(B, S)`, the mixing weights of int32 `sources` `(B, S)`, by counting."""

    @abc.abstractmethod
    def keep(self, mixed):
        """The region that leaves samples unmixed where bool `mixed` `(B or 1,)` is False."""

    @abc.abstractmethod
    def stretch(self, sizes):
        """The region on a grid of other sizes; a position takes its value at the same fraction."""

    def quadrants(self):
        """The region as `Quadrants`, or None if it is no such division of two axes."""
        return None

    def rectangles(self):
        """The rectangles of which source 1 covers the union, or None if it is no such region.

        A list of tuples of lines, as those of a `Box`.
        """
        return None

    def seen(self, source):
        """What is visible of each object of a source, `object_regions.Seen`.

        None if the region knows no objects, so that boxes are measured by the pixels inside them.
        """
        return None


class Quadrants(NamedTuple):
    """A region of two axes in which one bit of the row and one of the column select the source.

    Attributes:
        numbers: `numbers[r][c]` is the source where `rows` is bool(r) and `columns` is bool(c).
        rows: bool `(B or 1, height)`.
        columns: bool `(B or 1, width)`.
    """

    numbers: tuple
    rows: Tensor
    columns: Tensor

    def crossing(self, source):
        """The cells of a source: bool lines `(rows, columns)`, and whether to invert their product.

        If the last is False, the source covers the positions where both lines are True; otherwise
        it covers all other positions.
        """
        cells = [(r, c) for r in (0, 1) for c in (0, 1)]
        shown = [(r, c) for r, c in cells if self.numbers[r][c] == source]
        outside = len(shown) > 1
        row, column = next(cell for cell in cells if (cell in shown) != outside)
        return (self.rows == bool(row), self.columns == bool(column)), outside


class _Hard(Region):
    """A region in which each position comes from exactly one source."""

    def coverage(self, number):
        others = self.coverage_by_others(number)
        if others:
            return [~functools.reduce(operator.or_, others), *others]
        return [xp.ones_like(self.dense(), "bool")]

    def coverage_by_others(self, number):
        dense = self.dense()
        if dtypes.of(dense) == "bool":
            return [dense] * (number > 1)
        return [xp.equal(dense, source) for source in range(1, number)]

    def weights(self, sources):
        counts = [count(covered) for covered in self.coverage_by_others(sources.shape[1])]
        return weights_of(counts, xp.reduce_prod(self.sizes), sources)


class _ByAxes(Region):
    """A region stored as one line for each spatial axis; made dense only where needed."""

    @property
    def sizes(self) -> list[int | Tensor]:
        return [axis_size(line, -1) for line in self.lines]

    def keep(self, mixed):
        return type(self)(tuple(_or_zero(mixed, line) for line in self.lines))

    def stretch(self, sizes):
        lines = zip(self.lines, sizes, strict=True)
        return type(self)(tuple(_stretched(line, -1, size) for line, size in lines))


class _Lines(NamedTuple):
    lines: tuple


class Box(_ByAxes, _Hard, _Lines):
    """A box of source 1: `lines` holds bool `(B or 1, size)` for each axis, True along the box."""

    def dense(self):
        return functools.reduce(operator.and_, _over_all_axes(self.lines))

    def weights(self, sources):
        if len(self.lines) == 1:
            # `count` is faster for one long axis, such as that of a sound.
            return super().weights(sources)
        return weights_of([_area(self.lines)], xp.reduce_prod(self.sizes), sources)

    def quadrants(self):
        return Quadrants(((0, 0), (0, 1)), *self.lines) if len(self.lines) == 2 else None

    def rectangles(self):
        return [self.lines]


class Boxes(_ByAxes, _Hard, _Lines):
    """The union of N boxes of source 1: `lines` holds bool `(B or 1, N, size)` for each axis."""

    def dense(self):
        return xp.reduce_any(functools.reduce(operator.and_, _over_all_axes(self.lines)), axis=1)

    def weights(self, sources):
        if len(self.lines) == 1 or self.lines[0].shape[1] != 2:
            return super().weights(sources)
        # Counting the dense region, XLA would compute the boxes again for each position.
        one, other = ([line[:, number] for line in self.lines] for number in range(2))
        both = [line & beside for line, beside in zip(one, other, strict=True)]
        covered = _area(one) + _area(other) - _area(both)
        return weights_of([covered], xp.reduce_prod(self.sizes), sources)

    def rectangles(self):
        return [*zip(*(xp.unstack(line, axis=1) for line in self.lines), strict=True)]


class Blocks(_ByAxes, _Hard, _Lines):
    """The 2^axes blocks that a point divides a grid into, each from one source.

    `lines` holds int32 `(B or 1, size)` for each axis: 0 before the point and 2^(axes - 1 - axis)
    from it on, so that the sum over the axes is the source.
    """

    def dense(self):
        return functools.reduce(operator.add, _over_all_axes(self.lines))

    def weights(self, sources):
        if len(self.lines) == 1:
            return super().weights(sources)
        sizes = self.sizes
        after = [xp.count_nonzero(line, axis=1, dtype="int32") for line in self.lines]
        sides = [(size - n, n) for size, n in zip(sizes, after, strict=True)]
        # The bits of a block's number say on which side of the point it lies along each axis.
        counts = [functools.reduce(operator.mul, block) for block in itertools.product(*sides)]
        return weights_of(counts[1:], xp.reduce_prod(sizes), sources)

    def quadrants(self):
        if len(self.lines) != 2:
            return None
        return Quadrants(((0, 1), (2, 3)), *(xp.cast(line, "bool") for line in self.lines))


class SoftBox(_ByAxes, _Lines):
    """A soft box: `lines` holds float32 `(B or 1, size)` for each axis, with values in [0, 1].

    The product of the lines is the weight of source 1 at each position.
    """

    hard = False

    def dense(self):
        return xp.stack(self.coverage(2), axis=-1)

    def coverage(self, number):
        (inside,) = self.coverage_by_others(number)
        return [1.0 - inside, inside]

    def coverage_by_others(self, number):
        return [functools.reduce(operator.mul, _over_all_axes(self.lines))]

    def weights(self, sources):
        # The mean of the products is the product of the means.
        means = [xp.reduce_mean(xp.cast(line, "float64"), axis=1) for line in self.lines]
        mean = functools.reduce(operator.mul, means)
        return with_own(xp.cast(mean, "float32")[:, None], sources)


class _CellValues(NamedTuple):
    values: Tensor
    grid: tuple


class Cells(_Hard, _CellValues):
    """Rectangular cells of (almost) equal size, each from one source.

    Attributes:
        values: bool (True is source 1) or int32 `(B or 1, rows, columns)`, the source of each cell.
        grid: (height, width), each an int or a scalar tensor.
    """

    @property
    def sizes(self) -> list[int | Tensor]:
        return list(self.grid)

    def dense(self):
        rows, columns = self._cells_of_positions()
        # Unlike a gather, XLA does not compute a matrix product again for every row.
        picked = xp.one_hot(columns, self.values.shape[2], axis=0)
        wide = xp.tensordot(xp.cast(self.values, "float32"), picked, 1)
        return xp.gather(xp.cast(wide, self.values.dtype), rows, axis=1)

    def weights(self, sources):
        rows, columns = (
            xp.bincount(cells, minlength=count, maxlength=count)
            for cells, count in zip(self._cells_of_positions(), self.values.shape[1:], strict=True)
        )
        areas = rows[:, None] * columns
        of_cells = Mask(self.values).coverage_by_others(sources.shape[1])
        counts = [xp.reduce_sum(xp.where(cells, areas, 0), axis=[1, 2]) for cells in of_cells]
        return weights_of(counts, xp.reduce_prod(self.sizes), sources)

    def keep(self, mixed):
        return Cells(_or_zero(mixed, self.values), self.grid)

    def stretch(self, sizes):
        return Mask(self.dense()).stretch(sizes)

    def _cells_of_positions(self):
        """int32 `(H,)` and `(W,)`, the row and the column of cells that each position lies in."""
        pairs = zip(self.grid, self.values.shape[1:], strict=True)
        return [xp.range(size) * count // size for size, count in pairs]


class _Source(NamedTuple):
    source: Tensor


class Mask(_Hard, _Source):
    """Any hard region: `source` is bool (True is source 1) or int32 `(B or 1, *spatial)`."""

    @property
    def sizes(self) -> list[int | Tensor]:
        return [axis_size(self.source, axis) for axis in range(1, len(self.source.shape))]

    def dense(self):
        return self.source

    def keep(self, mixed):
        return Mask(_or_zero(mixed, self.source))

    def stretch(self, sizes):
        source = self.source
        for axis, size in enumerate(sizes, start=1):
            source = _stretched(source, axis, size)
        return Mask(source)


class _Values(NamedTuple):
    values: Tensor


class Soft(Region, _Values):
    """The weight of each source at each position: `values` is float32 `(B or 1, *spatial, S)`."""

    hard = False

    @property
    def sizes(self) -> list[int | Tensor]:
        return [axis_size(self.values, axis) for axis in range(1, len(self.values.shape) - 1)]

    def dense(self):
        return self.values

    def coverage(self, number):
        return xp.unstack(self.values, axis=-1)

    def coverage_by_others(self, number):
        return self.coverage(number)[1:]

    def weights(self, sources):
        means, axes = self.values[..., 1:], list(range(1, len(self.values.shape) - 1))
        # XLA sums one element at a time: in float32 the mean of millions of positions would drift.
        # A float32 sum of one row of several is exact enough, and much cheaper.
        if len(axes) > 1:
            means = xp.reduce_mean(means, axis=axes.pop())
        means = xp.reduce_mean(xp.cast(means, "float64"), axis=axes)
        return with_own(xp.cast(means, "float32"), sources)

    def keep(self, mixed):
        own = xp.one_hot(0, self.values.shape[-1])
        return Soft(xp.where(over(mixed, self.values), self.values, own))

    def stretch(self, sizes):
        values = self.values
        for axis, size in enumerate(sizes, start=1):
            values = _stretched(values, axis, size)
        return Soft(values)


def _or_zero(mixed, tensor):
    return xp.where(over(mixed, tensor), tensor, xp.zeros([], tensor.dtype))


def _area(lines):
    """int32 `(B,)`, the number of positions in a box."""
    counts = [xp.count_nonzero(line, axis=1, dtype="int32") for line in lines]
    return functools.reduce(operator.mul, counts)


def _over_all_axes(lines):
    """Reshapes lines `(..., size)`, one for each axis, to broadcast over all axes."""
    reshaped = []
    for axis, line in enumerate(lines):
        *leading, size = xp.unstack(xp.shape(line))
        shape = [1] * len(lines)
        shape[axis] = size
        reshaped.append(xp.reshape(line, [*leading, *shape]))
    return reshaped


def _stretched(tensor, axis, size):
    # The product of two lengths of sounds exceeds 32 bits.
    length = xp.shape(tensor, out_type="int64")[axis]
    size = xp.cast(size, "int64")
    return xp.gather(tensor, xp.range(size) * length // size, axis=axis)
