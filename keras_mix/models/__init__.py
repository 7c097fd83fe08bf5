"""Models that train another model on mixtures, which are drawn and mixed in the train step."""

from keras_mix.models.align_mixup import AlignMixup
from keras_mix.models.attention_weights import AttentionWeights
from keras_mix.models.classmix_consistency import ClassMixConsistency
from keras_mix.models.cutmix_consistency import CutMixConsistency
from keras_mix.models.distillation import Distillation
from keras_mix.models.feature_weights import FeatureWeights
from keras_mix.models.interpolation_consistency import InterpolationConsistency
from keras_mix.models.manifold_mixup import ManifoldMixup
from keras_mix.models.mix_match import MixMatch
from keras_mix.models.mixing_model import MixingModel
from keras_mix.models.reg_mixup import RegMixup
from keras_mix.models.test_time_augmentation import TestTimeAugmentation

__all__ = [
    "AlignMixup",
    "AttentionWeights",
    "ClassMixConsistency",
    "CutMixConsistency",
    "Distillation",
    "FeatureWeights",
    "InterpolationConsistency",
    "ManifoldMixup",
    "MixMatch",
    "MixingModel",
    "RegMixup",
    "TestTimeAugmentation",
]


def __dir__():
    return __all__
