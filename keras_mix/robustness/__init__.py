"""Robustness of trained classifiers: attacks, occlusion, corruptions, linearity, localization.

Works with any Keras classifier, on TensorFlow, JAX and PyTorch. Models are called in inference
mode, in batches of one size, and are not changed.
"""

from keras_mix.robustness.adversarial_accuracy import AdversarialAccuracy
from keras_mix.robustness.corruptions import CorruptionAccuracy, corrupt, corruption_accuracy
from keras_mix.robustness.fgsm import fgsm, fgsm_accuracy
from keras_mix.robustness.linearity import Linearity, linearity
from keras_mix.robustness.localization import Composed, Localization, compose, localization
from keras_mix.robustness.occlusion import OcclusionAccuracy, occlusion
from keras_mix.robustness.pgd import pgd, pgd_accuracy

__all__ = [
    "AdversarialAccuracy",
    "Composed",
    "CorruptionAccuracy",
    "Linearity",
    "Localization",
    "OcclusionAccuracy",
    "compose",
    "corrupt",
    "corruption_accuracy",
    "fgsm",
    "fgsm_accuracy",
    "linearity",
    "localization",
    "occlusion",
    "pgd",
    "pgd_accuracy",
]


def __dir__():
    return __all__
