"""Models that train another model on mixtures, which are drawn and mixed in the train step."""

from keras_mix.models.manifold_mixup import ManifoldMixup
from keras_mix.models.mixing_model import MixingModel

__all__ = ["ManifoldMixup", "MixingModel"]


def __dir__():
    return __all__
