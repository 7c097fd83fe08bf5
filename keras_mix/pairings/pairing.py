"""Pairing, the base of what a mixer takes as its `pairing` beside its strings."""

import abc

import keras
import tensorflow as tf

from keras_mix._core.options import option


@keras.saving.register_keras_serializable(package="keras_mix")
class Pairing(option.Option, abc.ABC):
    """Who is mixed with whom: the base of what a mixer takes as `pairing` beside its strings.

    A pairing defines `draw`, and `get_config` where it has arguments. Registered with Keras, it is
    saved with its mixer.

    Args:
        **config: None of its own.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Neighbour(keras_mix.pairings.Pairing):
    ...     def draw(self, batch, seed, number=1):
    ...         return (tf.range(batch.size) ^ 1) % batch.donors
    >>> mix = keras_mix.layers.MixUp(pairing=Neighbour())
    """

    @abc.abstractmethod
    def draw(self, batch, seed, number=1):
        """int32 [B], the donor of each sample.

        Args:
            batch: A `keras_mix.plans.Batch`.
            seed: int32[2], to be split if several draws are made.
            number: Which of a sample's partners this is, where it has several.
        """

    def draw_all(self, batch, seeds):
        """A list of int32 [B], the donors of each sample, one for each of the seeds."""
        return [self.draw(batch, seed, number) for number, seed in enumerate(seeds, start=1)]

    def finds(self, batch):
        """bool [B] or [1], whether a sample has a donor at all, of another batch.

        Who has none stays unmixed. Within one batch such a sample is its own donor.
        """
        return tf.constant([True])
