"""The interface of rules: how a plan applies to the leaves of one kind."""

import abc
import dataclasses
from typing import NamedTuple

import keras

from keras_mix._core.backend import Tensor, xp


class Pool(NamedTuple):
    """The samples of one leaf that a plan combines.

    Attributes:
        own: The leaf of the batch, a tensor or a structure of tensors `(B, ...)`.
        second: The same leaf of the second batch; None if partners come from the batch itself.
    """

    own: Tensor
    second: Tensor | None = None

    def source(self, plan, number):
        """Source `number` of each sample of a plan, `(B, ...)`."""
        return self._taken(plan.sources[:, number]) if number else self.own

    def sources(self, plan):
        """A list of all sources of a plan, each `(B, ...)`."""
        _, *partners = xp.unstack(plan.sources, axis=1)
        return [self.own, *(self._taken(index) for index in partners)]

    def partners(self, index):
        """The samples that partners come from, and the numbers of partners among them.

        Args:
            index: Indices as in `plan.sources`.
        """
        if self.second is None:
            return self.own, index
        # An unmixed sample is its own source; the value that is read here has weight 0.
        return self.second, xp.maximum(index - xp.shape(keras.tree.flatten(self.own)[0])[0], 0)

    def _taken(self, index):
        taken_from, index = self.partners(index)
        return keras.tree.map_structure(lambda tensor: xp.gather(tensor, index), taken_from)

    def whole(self):
        """All samples, in the order of the indices in `plan.sources`."""
        return self.own if self.second is None else xp.concat([self.own, self.second], axis=0)

    def map(self, function):
        """The pool in which both batches are replaced by `function(batch)`."""
        return Pool(function(self.own), None if self.second is None else function(self.second))


@dataclasses.dataclass(frozen=True)
class Rule(abc.ABC):
    """How a plan applies to a leaf of one kind, with the static options of that leaf.

    Attributes:
        group: The group of leaves that share a plan, see `plan.PerGroup`; None for the default.
    """

    group: str | None = dataclasses.field(default=None, kw_only=True)

    axes = None
    """The axes that a region covers; None if the leaf is not on the region's grid."""
    special_tokens = None
    """The number of valid tokens to keep at the start and at the end, a pair; or None."""
    weighable = True
    """Whether sample weights can weigh the leaf."""
    tells_validity = False
    """Whether the leaf determines which time steps are valid, or which tokens are kept."""

    def form(self, tensor):
        """The unmixed leaf, in the dtype and shape of a mixed one."""
        return tensor

    @abc.abstractmethod
    def mix(self, plan, pool):
        """The leaf mixed by a plan.

        Args:
            plan: A `plan.Plan`.
            pool: The `Pool` of its samples.
        """

    def smooth(self, tensor):
        """The leaf, mixed or not, with label smoothing."""
        return tensor

    def absent(self, tensor, size):
        """The leaf of a second batch that does not have it; None to keep the first batch's leaf.

        Args:
            tensor: The leaf of the first batch.
            size: The number of samples of the second batch.
        """
        return None

    def valid(self, tensor, size):
        """bool `(B, size)`, the valid time steps by this leaf; None if it determines none."""
        return None


@dataclasses.dataclass(frozen=True)
class Passthrough(Rule):
    """The rule that returns the leaf unchanged."""

    weighable = False

    def mix(self, plan, pool):
        return pool.own
