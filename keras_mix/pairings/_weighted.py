"""The base of pairings that draw donors by whole-number weights."""

import abc

import tensorflow as tf

from keras_mix._core.draw import random
from keras_mix.pairings.pairing import Pairing


class WeightedPairing(Pairing):
    """Draws a donor for each sample by whole-number weights."""

    def draw(self, batch, seed, number=1):
        return self.draw_all(batch, [seed])[0]

    def draw_all(self, batch, seeds):
        weights = self.weights(batch)
        drawn = [random.by_weight(seed, weights) for seed in seeds]
        alone = tf.zeros_like(drawn[0]) if batch.has_second_batch else tf.range(batch.size)
        return [tf.where(index < 0, alone, index) for index in drawn]

    def finds(self, batch):
        return tf.reduce_any(self.legal(batch), axis=1)

    @abc.abstractmethod
    def legal(self, batch):
        """bool [B, donors], which donors a sample may have."""

    @abc.abstractmethod
    def weights(self, batch):
        """int64 [B, donors], in proportion to the probability of each donor; 0 if not legal."""


def others(batch):
    """bool [B, B], who is not oneself."""
    return tf.range(batch.size)[:, None] != tf.range(batch.size)[None]
