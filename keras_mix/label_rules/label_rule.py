"""LabelRule, the base class of objects that a mixer takes as its `label_rule`."""

import abc

import keras

from keras_mix._core.backend import Tensor
from keras_mix._core.batch.batch import Batch
from keras_mix._core.options import option
from keras_mix._core.plan.plan import Plan


@keras.saving.register_keras_serializable(package="keras_mix")
class LabelRule(option.Option, abc.ABC):
    """Sets the weights of sources in a label; base class of objects for a mixer's `label_rule`.

    A subclass defines `weights`. If it is registered with Keras, it is saved with its mixer: the
    arguments that it keeps as attributes of the same names; `get_config` adds others.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Own(keras_mix.label_rules.LabelRule):
    ...     def weights(self, batch, plan):
    ...         return tf.one_hot(tf.zeros_like(plan.sources[:, 0]), plan.sources.shape[1])
    >>> mix = keras_mix.layers.CutMix(label_rule=Own(), num_classes=10)
    """

    @abc.abstractmethod
    def weights(self, batch: Batch, plan: Plan) -> Tensor:
        """The weight of each source in the mixed label.

        Args:
            batch: A `keras_mix.plans.Batch`.
            plan: A `keras_mix.plans.Plan`.

        Returns:
            float32 `(B, S)`, rows that sum to 1.
        """
