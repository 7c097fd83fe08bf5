"""The scores of all finished cells, and paired differences between methods."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from tools.study import grid
from tools.study.measure import ENSEMBLE
from tools.study.methods import METHODS, RESCALED

NAMES = (
    *METHODS,
    *RESCALED,
    *(name + ENSEMBLE for name in grid.ENSEMBLE_METHODS),
)
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean over seeds with its 95 % interval.

    Attributes:
        mean: Float; NaN if there is nothing to average.
        low: Float.
        high: Float.
        cells: List of the keys of the cells it rests on.
    """

    mean: float
    low: float
    high: float
    cells: list


class Missing(KeyError):
    """A cell lacks a score."""


class Scores:
    """All scores that are finished.

    Args:
        store: A `tools.study.store.Store`.
        cells: List of `tools.study.grid.Cell`.
    """

    def __init__(self, store, cells):
        self.rows = {}
        for cell in cells:
            for name in NAMES:
                for row in store.scores(cell, name) or ():
                    self.rows.setdefault((cell, name, row["length"]), {})[row["seed"]] = row
        self.cells = [cell for cell in cells if any(key[0] == cell for key in self.rows)]

    def get(self, cell, method, length, score):
        """The score of each seed, an array; raises `Missing`."""
        rows = self.rows.get((cell, method, length), {})
        try:
            return np.array([rows[seed][score] for seed in range(grid.SEEDS)])
        except KeyError as error:
            raise Missing((cell.key, method, length, score)) from error

    def paired(self, value, where):
        """The interval of a difference, paired over seeds.

        Each seed contributes one number: the mean over data sets of the mean over cells.

        Args:
            value: Callable of `get(method, length, score)` that returns an array, one for each
                seed.
            where: Callable of a cell, which of them are pooled. Cells that lack a score are left
                out.
        """
        by_data, cells = {}, []
        for cell in filter(where, self.cells):
            try:
                found = value(lambda *what, cell=cell: self.get(cell, *what))
            except Missing:
                continue
            by_data.setdefault(cell.data, []).append(found)
            cells.append(cell.key)
        if not cells:
            return Interval(float("nan"), float("nan"), float("nan"), [])
        means = [np.mean(values, axis=0) for values in by_data.values()]
        return interval(np.mean(means, axis=0), cells)


def interval(values, cells=()):
    """The mean of some numbers and its 95 % interval by Student's t."""
    values = np.asarray(values, np.float64)
    mean, error = values.mean(), values.std(ddof=1) / len(values) ** 0.5
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * error
    return Interval(float(mean), float(mean - half), float(mean + half), list(cells))
