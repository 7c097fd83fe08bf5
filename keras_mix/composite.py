"""Plans made of plans: one of several, or one for each part of a sample."""

from typing import NamedTuple

import tensorflow as tf


class Choice(NamedTuple):
    """One of several plans, for each sample or for the batch.

    Attributes:
        index: int32 [B or 1], the number of the plan that holds.
        plans: A tuple of `Plan` or `Choice`.
    """

    index: tf.Tensor
    plans: tuple

    @property
    def sources(self):
        """int32 [B, S], as in `Plan`, for the plan with the most sources."""
        return self._chosen([plan.sources for plan in self.plans], own=True)

    @property
    def weights(self):
        """float32 [B, S], as in `Plan`."""
        return self._chosen([plan.weights for plan in self.plans], own=False)

    @property
    def hard(self):
        """Whether every place comes from exactly one source, whichever plan holds."""
        return all(plan.hard for plan in self.plans)

    def rendered(self):
        """The same choice, with regions by axes as regions of places."""
        return self._replace(plans=tuple(plan.rendered() for plan in self.plans))

    def fixed(self, function):
        """The same choice, its plans' weights passed through a function."""
        return self._replace(plans=tuple(plan.fixed(function) for plan in self.plans))

    def relabelled(self, rule):
        """The same choice, with labels weighed by `rule(plan)` for each of its plans."""
        return self._replace(plans=tuple(plan.relabelled(rule) for plan in self.plans))

    def _chosen(self, tables, own):
        """Of tables [B, …] with S columns at most; who has fewer sources has itself, or 0."""
        columns = max(table.shape[1] for table in tables)
        padded = [_widened(table, columns, own) for table in tables]
        return choose(self.index, padded)


class Joint(NamedTuple):
    """One plan for each part of a sample, such as its image and its sound.

    All have the same sources and the same weights.

    Attributes:
        plans: A tuple of `Plan`; a leaf's spec tells which is its own.
    """

    plans: tuple

    @property
    def sources(self):
        """int32 [B, S], as in `Plan`."""
        return self.plans[0].sources

    @property
    def weights(self):
        """float32 [B, S], as in `Plan`."""
        return self.plans[0].weights

    def fixed(self, function):
        """The same, its plans' weights passed through a function."""
        return Joint(tuple(plan.fixed(function) for plan in self.plans))

    def relabelled(self, rule):
        """The same, with labels weighed by `rule(plan)`."""
        return Joint(tuple(plan.relabelled(rule) for plan in self.plans))


def choose(index, tensors):
    """Of tensors [B, …], for each sample (or for all) the one with that index."""
    chosen = tensors[0]
    over = tf.reshape(index, [-1] + [1] * (chosen.shape.rank - 1))
    for number, tensor in enumerate(tensors[1:], start=1):
        chosen = tf.where(over == number, tensor, chosen)
    return chosen


def _widened(table, columns, own):
    missing = columns - table.shape[1]
    rest = table[:, :1] if own else tf.zeros_like(table[:, :1])
    return tf.concat([table, *[rest] * missing], axis=1)
