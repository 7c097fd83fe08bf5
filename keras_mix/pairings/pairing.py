"""Pairing, the base class of objects that a mixer takes as its `pairing`."""

import abc
from collections.abc import Sequence

import keras

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.batch.batch import Batch
from keras_mix._core.options import option


@keras.saving.register_keras_serializable(package="keras_mix")
class Pairing(option.Option, abc.ABC):
    """Which samples are mixed: the base class of objects that a mixer takes as its `pairing`.

    A subclass defines `draw`. If it is registered with Keras, it is saved with its mixer: the
    arguments that it keeps as attributes of the same names; `get_config` adds others.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Neighbor(keras_mix.pairings.Pairing):
    ...     def draw(self, batch, seed, number=1):
    ...         return (tf.range(batch.size) ^ 1) % batch.donors
    >>> mix = keras_mix.layers.MixUp(pairing=Neighbor())
    """

    @abc.abstractmethod
    def draw(self, batch: Batch, seed: Tensor, number: int = 1) -> Tensor:
        """Draws a partner for each sample.

        Args:
            batch: A `keras_mix.plans.Batch`.
            seed: int32 `(2,)`. Split it if several draws are made.
            number: Integer ≥ 1. Which of a sample's partners to draw, if it has several. Defaults
                to 1.

        Returns:
            int32 `(B,)`, indices into the `batch.donors` samples that partners come from.
        """

    def draw_all(self, batch: Batch, seeds: Sequence[Tensor]) -> list[Tensor]:
        """A list of int32 `(B,)`, the partners of each sample, one for each of the seeds."""
        return [self.draw(batch, seed, number) for number, seed in enumerate(seeds, start=1)]

    def finds(self, batch: Batch) -> Tensor:
        """Finds the samples that have a partner in a second batch; by default all.

        The others stay unmixed. `ByClass("same")`, for example, finds no partner for a sample whose
        class the second batch lacks. Within one batch, such a sample is its own partner instead.

        Returns:
            bool `(B or 1,)`.
        """
        return xp.constant([True])
