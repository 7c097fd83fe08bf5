"""The interface of rules: how the leaves of one kind come out, mixed or not."""

import dataclasses
from typing import NamedTuple

import tensorflow as tf


class Pool(NamedTuple):
    """The samples that a leaf of the result is made of.

    Attributes:
        own: The leaf of the batch, `(B, ...)`.
        second: The same leaf of the second batch that partners come from; None if partners come
            from the batch itself.
    """

    own: tf.Tensor
    second: tf.Tensor | None = None

    def source(self, plan, number):
        """The samples that are source `number` of each sample of a plan."""
        if number == 0:
            return self.own
        index = plan.sources[:, number]
        if self.second is None:
            return tf.gather(self.own, index)
        # An unmixed sample is its own source, and its weight leaves out what is taken here.
        return tf.gather(self.second, tf.maximum(index - tf.shape(self.own)[0], 0))

    def sources(self, plan):
        """A list of the samples that are each source of a plan."""
        return [self.source(plan, number) for number in range(plan.number)]

    def whole(self):
        """All samples, as `plan.sources` counts them."""
        return self.own if self.second is None else tf.concat([self.own, self.second], axis=0)

    def map(self, function):
        """The pool of a function of both batches."""
        return Pool(function(self.own), None if self.second is None else function(self.second))


@dataclasses.dataclass(frozen=True)
class Rule:
    """How the leaves of one kind are treated; bound to the options of one leaf, all static.

    Attributes:
        group: The group of leaves whose plan applies, see `plan.PerGroup`; None for the default.
    """

    group: str | None = dataclasses.field(default=None, kw_only=True)

    axes = None
    """The axes that a region covers, or None if the leaf is not on the region's grid."""
    special_tokens = None
    """How many valid tokens stay in place at the first and at the last end, or None."""
    weighable = True
    """Whether sample weights may stand beside the leaf."""
    tells_validity = False
    """Whether the leaf tells which time steps are valid, or which tokens stay in place."""

    def form(self, tensor):
        """The leaf as it comes out unmixed, in the dtype and shape of a mixed one."""
        return tensor

    def mix(self, plan, pool):
        """The leaf as a plan mixes it.

        Args:
            plan: A `plan.Plan`.
            pool: The `Pool` of its samples.
        """
        raise NotImplementedError

    def smooth(self, tensor):
        """The leaf, mixed or not, with the label smoothing that training sees."""
        return tensor

    def valid(self, tensor, size):
        """bool `(B, size)`, the time steps that a leaf says are valid; None if it says nothing."""
        return None


@dataclasses.dataclass(frozen=True)
class Passthrough(Rule):
    """The leaf comes out as it came in."""

    weighable = False

    def mix(self, plan, pool):
        return pool.own
