"""Marks of missing values beside the columns of a table."""

import dataclasses
import functools
from typing import NamedTuple

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size, compatible
from keras_mix._core.leaf_names import entry, key
from keras_mix._core.leaves.rule import Pool
from keras_mix._core.leaves.tables import Columns


@dataclasses.dataclass(frozen=True)
class Marks(Columns):
    """The rule of marks, true where a value is missing: they follow the columns that they mark.

    A plan takes a column in which one source misses its value from the other. So where it blends,
    the marks of both sources are equal.
    """

    @property
    def of_table(self):
        """None: marks are no columns of the table, and have the weights of those they mark."""
        return ()


def bind(mixer, leaves, columns):
    """Dict from the index of each leaf that holds marks to its rule.

    Args:
        mixer: The mixer.
        leaves: List of `batch.Leaf`.
        columns: Dict from the index of each leaf that holds columns to its rule.
    """
    found = {}
    for number, rule in columns.items():
        name = entry(mixer.missing, leaves[number].name)
        if name is not None:
            position = next(
                n for n, leaf in enumerate(leaves) if name in (leaf.name, key(leaf.name))
            )
            found[position] = _marks(mixer, leaves[position], leaves[number], rule)
    return found


def _marks(mixer, leaf, column, rule):
    tensor, width = leaf.tensor, len(rule.continuous)
    shapes = [(None, width)] if width > 1 else [(None,), (None, 1)]
    fits = any(compatible(tensor.shape, shape) for shape in shapes)
    if dtypes.of(tensor) == "string" or not fits:
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must mark each missing value of `{column.name}` by True or 1",
            f"{checks.described(tensor)} beside {checks.described(column.tensor)}",
            "Give it the shape of the column, (B,), (B, 1) or (B, F).",
        )
    return Marks(rule.first, (False,) * width, dtypes.of(tensor))


class Missing(NamedTuple):
    """The missing values of a table.

    Attributes:
        pool: A `Pool` of bool `(B, columns)`, true where a value is missing.
    """

    pool: Pool

    def avoided(self, weights, plan):
        """The weights with the partner's 1 where only the sample's value is missing, else 0.

        Args:
            weights: float32 `(B or 1, columns)`, the partner's weight in each column.
            plan: A `plan.Plan` of the partners. Samples in which they have no weight stay.
        """
        own, other = self.pool.sources(plan)
        taken = own & ~other & (plan.weights[:, 1:] > 0)
        weights = xp.where(taken, xp.ones_like(weights), weights)
        return xp.where(other & ~own, xp.zeros_like(weights), weights)


def missing_of(rules, pools):
    """The `Missing` of a table; None if no leaf marks missing values.

    Args:
        rules: The rule of each leaf.
        pools: The `Pool` of each leaf.
    """
    leaves = list(zip(rules, pools, strict=True))
    marks = {rule.first: pool for rule, pool in leaves if isinstance(rule, Marks)}
    if not marks:
        return None
    flags = [
        pool.map(functools.partial(_none, width=len(rule.of_table)))
        if rule.first not in marks
        else marks[rule.first].map(functools.partial(_flags, width=len(rule.of_table)))
        for rule, pool in leaves
        if isinstance(rule, Columns) and rule.of_table
    ]
    own, second = zip(*flags, strict=True)
    return Missing(
        Pool(xp.concat(own, axis=1), None if second[0] is None else xp.concat(second, axis=1))
    )


def _none(column, width):
    return xp.zeros([axis_size(column, 0), width], "bool")


def _flags(marks, width):
    return xp.reshape(xp.cast(marks, "bool"), [-1, width])
