"""The base of pairings that draw partners by integer weights."""

import abc

from keras_mix._core.backend import xp
from keras_mix._core.draw import random
from keras_mix.pairings.pairing import Pairing


class WeightedPairing(Pairing):
    """Draws a partner for each sample by integer weights."""

    def draw(self, batch, seed, number=1):
        return self.draw_all(batch, [seed])[0]

    def draw_all(self, batch, seeds):
        weights = self.weights(batch)
        return [self.by_weight(batch, seed, weights) for seed in seeds]

    def by_weight(self, batch, seed, weights):
        """int32 `(B,)`, a partner for each sample; the sample itself where no weight is above 0."""
        index = random.by_weight(seed, weights)
        alone = xp.zeros_like(index) if batch.has_second_batch else xp.range(batch.size)
        return xp.where(index < 0, alone, index)

    def finds(self, batch):
        return xp.reduce_any(self.legal(batch), axis=1)

    @abc.abstractmethod
    def legal(self, batch):
        """bool `(B, donors)`, which samples may be the partner of each sample."""

    @abc.abstractmethod
    def weights(self, batch):
        """int64 `(B, donors)`, proportional to the probability of each partner; 0 if not legal."""


def others(batch):
    """bool `(B, B)`, False on the diagonal."""
    return xp.range(batch.size)[:, None] != xp.range(batch.size)[None]
