"""LambdaRule, the base class of objects that a mixer takes as its `lambda_rule`."""

import abc

import keras

from keras_mix._core.backend import Tensor
from keras_mix._core.batch.batch import Batch
from keras_mix._core.options import option


@keras.saving.register_keras_serializable(package="keras_mix")
class LambdaRule(option.Option, abc.ABC):
    """Changes λ by the pair that it mixes; base class of objects for a mixer's `lambda_rule`.

    A subclass defines `warp`. If it is registered with Keras, it is saved with its mixer: the
    arguments that it keeps as attributes of the same names; `get_config` adds others.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Half(keras_mix.lambda_rules.LambdaRule):
    ...     def warp(self, batch, partners, lam):
    ...         return 0.5 + lam / 2
    >>> mix = keras_mix.layers.MixUp(lambda_rule=Half(), num_classes=10)
    """

    @abc.abstractmethod
    def warp(self, batch: Batch, partners: Tensor, lam: Tensor) -> Tensor:
        """The λ of each pair.

        Args:
            batch: A `keras_mix.plans.Batch`.
            partners: int32 `(B,)`, as in `Plan.sources`: samples of a second batch follow those of
                the first.
            lam: float32 `(B or 1,)`, λ as it was drawn.

        Returns:
            float32 `(B or 1,)`, in [0, 1].
        """
