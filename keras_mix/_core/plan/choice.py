"""A choice between plans. It has the methods of a plan, so callers need not tell them apart."""

from typing import NamedTuple

import keras

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import over


class Choice(NamedTuple):
    """One of several plans for each sample, or one for the whole batch.

    Attributes:
        index: int32 `(B or 1,)`, the position in `plans` of the plan that applies.
        plans: Tuple of plans.
    """

    index: Tensor
    plans: tuple

    @property
    def sources(self) -> Tensor:
        """int32 `(B, S)`, as `Plan.sources`; S is the largest number of sources of any plan."""
        return self._chosen([plan.sources for plan in self.plans], missing=lambda x: x[:, :1])

    @property
    def weights(self) -> Tensor:
        """float32 `(B, S)`, as `Plan.weights`."""
        tables = [plan.weights for plan in self.plans]
        return self._chosen(tables, missing=lambda x: xp.zeros_like(x[:, :1]))

    @property
    def hard(self) -> bool:
        """Whether each position comes from exactly one source under every plan."""
        return all(plan.hard for plan in self.plans)

    def map(self, function):
        return self._replace(plans=tuple(plan.map(function) for plan in self.plans))

    def apply(self, function):
        branches = [lambda plan=plan: plan.apply(function) for plan in self.plans]
        if self.index.shape[0] == 1:
            # Only the chosen branch is computed.
            return xp.switch_case(self.index[0], branches)
        results = [branch() for branch in branches]
        return keras.tree.map_structure(lambda *outputs: choose(self.index, outputs), *results)

    def fold(self, function, choose):
        return choose(self.index, [plan.fold(function, choose) for plan in self.plans])

    def keep(self, mixed, sizes=None):
        return self.map(lambda plan: plan.keep(mixed, sizes))

    def of(self, group):
        return self._replace(plans=tuple(plan.of(group) for plan in self.plans))

    def relabelled(self, rule):
        return self._replace(plans=tuple(plan.relabelled(rule) for plan in self.plans))

    def _chosen(self, tables, missing):
        columns = max(table.shape[1] for table in tables)
        padded = [
            xp.concat([table, *[missing(table)] * (columns - table.shape[1])], axis=1)
            for table in tables
        ]
        return choose(self.index, padded)


def choose(index, tensors):
    """Selects, for each sample or for the whole batch, from a list of tensors `(B, ...)`."""
    chosen = tensors[0]
    for number, tensor in enumerate(tensors[1:], start=1):
        chosen = xp.where(xp.equal(over(index, chosen), number), tensor, chosen)
    return chosen
