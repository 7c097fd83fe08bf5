"""The mixers: Keras layers that also serve as tf.data map functions; and layers of models.

Each is imported at its first use: the mixers need TensorFlow; MixPoint, FeatureMix and
ModalityDropout, which stand inside models, run on any backend. Mixer is the base of all mixers,
for mixers of your own.
"""

import importlib

# The modules of the classes that Keras saves.
SAVED = {
    "BetweenClass": "between_class",
    "CowMix": "cow_mix",
    "CrossModalMix": "cross_modal_mix",
    "CutMix": "cutmix",
    "Cutout": "cutout",
    "FMix": "fmix",
    "FeatureMix": "feature_mix",
    "GridMask": "grid_mask",
    "GridMix": "grid_mix",
    "MixGen": "mix_gen",
    "MixPoint": "mix_point",
    "MixUp": "mixup",
    "ModalityDropout": "modality_dropout",
    "Mosaic": "mosaic",
    "RICAP": "ricap",
    "RandomApply": "random_apply",
    "RandomChoice": "random_choice",
    "ResizeMix": "resize_mix",
    "SaliencyMix": "saliency_mix",
    "SmoothMix": "smooth_mix",
    "SpecAugment": "spec_augment",
    "SpecMix": "spec_mix",
    "SpectrogramMixUp": "spectrogram_mixup",
    "SynchronizedAugmentation": "synchronized_augmentation",
    "TabularMix": "tabular_mix",
}
_MODULES = {"Mixer": "mixer", **SAVED}

# Layers of models, which need no TensorFlow.
IN_MODELS = ("FeatureMix", "MixPoint", "ModalityDropout")

__all__ = [
    "RICAP",
    "BetweenClass",
    "CowMix",
    "CrossModalMix",
    "CutMix",
    "Cutout",
    "FMix",
    "FeatureMix",
    "GridMask",
    "GridMix",
    "MixGen",
    "MixPoint",
    "MixUp",
    "Mixer",
    "ModalityDropout",
    "Mosaic",
    "RandomApply",
    "RandomChoice",
    "ResizeMix",
    "SaliencyMix",
    "SmoothMix",
    "SpecAugment",
    "SpecMix",
    "SpectrogramMixUp",
    "SynchronizedAugmentation",
    "TabularMix",
]

# What takes several modalities of a sample, sounds or tables, and so is no mixer of images alone.
NOT_OF_IMAGES = (
    *("CrossModalMix", "FeatureMix", "MixGen", "ModalityDropout", "SynchronizedAugmentation"),
    *("BetweenClass", "SpecAugment", "SpecMix", "SpectrogramMixUp"),
    "TabularMix",
)


def __getattr__(name):
    if name in _MODULES:
        return getattr(_module(name), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _module(name):
    try:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotFoundError(
            f"keras_mix.layers.{name} needs TensorFlow, whatever backend Keras uses: "
            "pip install tensorflow. keras_mix.models works without."
        ) from error


def __dir__():
    return sorted([*globals(), *__all__])
