"""Mixers, which are Keras layers and tf.data map functions; and layers used inside models.

Mixers run on tensors of TensorFlow, JAX and PyTorch and, in `keras_mix.data`, on arrays of NumPy.
Each layer is imported at its first use; SynchronizedAugmentation alone needs TensorFlow. MixPoint,
MixStyle, FeatureMix and ModalityDropout are used inside models. Mixer is the base class of all
mixers, for mixers of your own; BoundingBoxOptions and SequenceOptions are values of their options.
"""

from typing import TYPE_CHECKING

from keras_mix._core import lazy_names
from keras_mix.layers._class_modules import MODULES

if TYPE_CHECKING:  # Editors and type checkers do not run `__getattr__`.
    from keras_mix.layers.between_class import BetweenClass
    from keras_mix.layers.bounding_box_options import BoundingBoxOptions
    from keras_mix.layers.class_mix import ClassMix
    from keras_mix.layers.copy_paste import CopyPaste
    from keras_mix.layers.cow_mix import CowMix
    from keras_mix.layers.cross_modal_mix import CrossModalMix
    from keras_mix.layers.cutmix import CutMix
    from keras_mix.layers.cutout import Cutout
    from keras_mix.layers.feature_mix import FeatureMix
    from keras_mix.layers.fmix import FMix
    from keras_mix.layers.grid_mask import GridMask
    from keras_mix.layers.grid_mix import GridMix
    from keras_mix.layers.guided_mixup import GuidedMixup
    from keras_mix.layers.mix_gen import MixGen
    from keras_mix.layers.mix_point import MixPoint
    from keras_mix.layers.mix_style import MixStyle
    from keras_mix.layers.mixer import Mixer
    from keras_mix.layers.mixup import MixUp
    from keras_mix.layers.modality_dropout import ModalityDropout
    from keras_mix.layers.mosaic import Mosaic
    from keras_mix.layers.noise_mix import NoiseMix
    from keras_mix.layers.random_apply import RandomApply
    from keras_mix.layers.random_choice import RandomChoice
    from keras_mix.layers.recursive_mix import RecursiveMix
    from keras_mix.layers.resize_mix import ResizeMix
    from keras_mix.layers.ricap import RICAP
    from keras_mix.layers.saliency_mix import SaliencyMix
    from keras_mix.layers.sequence_options import SequenceOptions
    from keras_mix.layers.smooth_mix import SmoothMix
    from keras_mix.layers.spec_augment import SpecAugment
    from keras_mix.layers.spec_mix import SpecMix
    from keras_mix.layers.spectrogram_mixup import SpectrogramMixUp
    from keras_mix.layers.synchronized_augmentation import SynchronizedAugmentation
    from keras_mix.layers.tabular_mix import TabularMix

__all__ = [
    "RICAP",
    "BetweenClass",
    "BoundingBoxOptions",
    "ClassMix",
    "CopyPaste",
    "CowMix",
    "CrossModalMix",
    "CutMix",
    "Cutout",
    "FMix",
    "FeatureMix",
    "GridMask",
    "GridMix",
    "GuidedMixup",
    "MixGen",
    "MixPoint",
    "MixStyle",
    "MixUp",
    "Mixer",
    "ModalityDropout",
    "Mosaic",
    "NoiseMix",
    "RandomApply",
    "RandomChoice",
    "RecursiveMix",
    "ResizeMix",
    "SaliencyMix",
    "SequenceOptions",
    "SmoothMix",
    "SpecAugment",
    "SpecMix",
    "SpectrogramMixUp",
    "SynchronizedAugmentation",
    "TabularMix",
]


if not TYPE_CHECKING:  # Type checkers would take any name for one that exists.
    __getattr__ = lazy_names.importer(__name__, {name: MODULES[name] for name in __all__})


def __dir__():
    return __all__
