"""MixPoint."""

import keras

from keras_mix._core.options import keywords
from keras_mix._core.options.layer_repr import layer_repr


@keras.saving.register_keras_serializable(package="keras_mix")
class MixPoint(keras.layers.Identity):
    """A place in a model at which `keras_mix.models` may mix; by itself it changes nothing.

    A model that holds such places is mixed at these, and at no other, unless the wrapper is told
    its `layers`. Outside of a wrapper, and in evaluation and prediction, it is the identity, on
    any backend. Keras masks pass through, those of mixed samples as the union of their sources'.

    Args:
        **kwargs: Keras's arguments of a layer, such as `name`.

    Call arguments:
        inputs: A tensor of any shape and dtype, or a structure of them; where it is mixed, all
            must be floats with the samples along the first axis.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((8,)), keras.layers.Dense(16, activation="relu"),
    ...     keras_mix.layers.MixPoint(), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> keras_mix.models.ManifoldMixup(model).mix_points
    ['mix_point']

    Reference:
        Verma et al., "Manifold Mixup: Better Representations by Interpolating Hidden States",
        ICML 2019, arXiv:1806.05236, section 2.
    """

    def __init__(self, **kwargs):
        keywords.check(type(self), kwargs)
        super().__init__(**kwargs)

    def __repr__(self):
        return layer_repr(self)
