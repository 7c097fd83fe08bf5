"""MixPoint."""

from typing import Any

import keras

from keras_mix._core.options import keywords
from keras_mix._core.options.layer_repr import layer_repr


@keras.saving.register_keras_serializable(package="keras_mix")
class MixPoint(keras.layers.Identity):
    """Marks a point in a model at which `keras_mix.models` may mix.

    A model that contains mix points is mixed at these and nowhere else, unless the wrapper is given
    `mix_at`. Outside a wrapper, and in evaluation and prediction, the layer returns its input, on
    any backend. Keras masks pass through; the mask of a mixed sample is the union of its sources'
    masks.

    Args:
        **kwargs: Keras's layer arguments, such as `name`.

    Call arguments:
        inputs: Tensor of any shape and dtype, or a structure of tensors. Where it is mixed, all
            must be floats with the samples along the first axis.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((8,)), keras.layers.Dense(16, activation="relu"),
    ...     keras_mix.layers.MixPoint(name="hidden"), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> keras_mix.models.ManifoldMixup(model).mix_points
    ['hidden']

    Reference:
        Verma et al., "Manifold Mixup: Better Representations by Interpolating Hidden States", ICML
        2019, arXiv:1806.05236, section 2.
    """

    def __init__(self, **kwargs: Any) -> None:
        keywords.check(type(self), kwargs)
        super().__init__(**kwargs)

    def __repr__(self):
        return layer_repr(self)
