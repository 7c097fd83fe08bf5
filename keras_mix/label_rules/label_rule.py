"""LabelRule, the base of what a mixer takes as its `label_rule`."""

import abc

import keras

from keras_mix._core.options import option


@keras.saving.register_keras_serializable(package="keras_mix")
class LabelRule(option.Option, abc.ABC):
    """How much each source counts in a label: the base of what a mixer takes as `label_rule`.

    A rule defines `weights`, and `get_config` where it has arguments.

    Args:
        **config: None of its own.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Own(keras_mix.label_rules.LabelRule):
    ...     def weights(self, batch, plan):
    ...         return tf.one_hot(tf.zeros_like(plan.sources[:, 0]), plan.sources.shape[1])
    >>> mix = keras_mix.layers.CutMix(label_rule=Own(), num_classes=10)
    """

    @abc.abstractmethod
    def weights(self, batch, plan):
        """float32 [B, S], rows that sum to 1, the weights of the labels of a plan's sources.

        Args:
            batch: A `keras_mix.plans.Batch`.
            plan: A `keras_mix.plans.Plan`.
        """
