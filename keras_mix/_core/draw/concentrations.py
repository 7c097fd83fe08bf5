"""Several α for one compiled function, which takes one of them by its number."""

from keras_mix._core.backend import xp
from keras_mix._core.draw import random


class Concentrations:
    """The tables of λ for a list of α, computed once each.

    Args:
        alphas: List of concentrations, as in `random.beta`, all of them different.
        sources: Integer ≥ 2. Number of sources that `random.dirichlet` draws weights for.
    """

    def __init__(self, alphas, sources):
        made = [random.Concentration(alpha) for alpha in alphas]
        for each in made:
            each.prepare(sources)
        self._quantiles = xp.stack([each.quantiles for each in made])
        # {number of sources: a table of each stick}, as the list of each α has them.
        self._sticks = {
            count: [
                xp.stack([each.sticks[count][stick].quantiles for each in made])
                for stick in range(len(sticks))
            ]
            for count, sticks in made[0].sticks.items()
        }

    def at(self, number):
        """The `random.Concentration` of that number, a scalar tensor."""
        sticks = {
            count: [_OfTable(xp.gather(table, number), {}) for table in tables]
            for count, tables in self._sticks.items()
        }
        return _OfTable(xp.gather(self._quantiles, number), sticks)


class _OfTable(random.Concentration):
    """A concentration whose table is given, as the tensor of a graph."""

    def __init__(self, quantiles, sticks):
        self.quantiles, self.sticks = quantiles, sticks
