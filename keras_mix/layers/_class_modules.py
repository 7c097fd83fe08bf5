"""The module of each layer, for imports at their first use."""

# The modules of the classes that Keras saves.
SAVED = {
    "BetweenClass": "between_class",
    "ClassMix": "class_mix",
    "CopyPaste": "copy_paste",
    "CowMix": "cow_mix",
    "CrossModalMix": "cross_modal_mix",
    "CutMix": "cutmix",
    "Cutout": "cutout",
    "FMix": "fmix",
    "FeatureMix": "feature_mix",
    "GridMask": "grid_mask",
    "GridMix": "grid_mix",
    "GuidedMixup": "guided_mixup",
    "MixGen": "mix_gen",
    "MixPoint": "mix_point",
    "MixStyle": "mix_style",
    "MixUp": "mixup",
    "ModalityDropout": "modality_dropout",
    "Mosaic": "mosaic",
    "NoiseMix": "noise_mix",
    "RICAP": "ricap",
    "RandomApply": "random_apply",
    "RandomChoice": "random_choice",
    "RecursiveMix": "recursive_mix",
    "ResizeMix": "resize_mix",
    "SaliencyMix": "saliency_mix",
    "SmoothMix": "smooth_mix",
    "SpecAugment": "spec_augment",
    "SpecMix": "spec_mix",
    "SpectrogramMixUp": "spectrogram_mixup",
    "SynchronizedAugmentation": "synchronized_augmentation",
    "TabularMix": "tabular_mix",
}
# Those of the objects that layers take as options.
OPTIONS = {
    "BoundingBoxOptions": "bounding_box_options",
    "SequenceOptions": "sequence_options",
}
MODULES = {"Mixer": "mixer", **OPTIONS, **SAVED}

# Those that models call, and that mix no batch by themselves.
IN_MODELS = ("FeatureMix", "MixPoint", "MixStyle", "ModalityDropout")

# What takes several modalities of a sample, sounds, tables or masks, and so is no mixer of images
# alone.
NOT_OF_IMAGES = (
    *("ClassMix", "CopyPaste"),
    *("CrossModalMix", "FeatureMix", "MixGen", "ModalityDropout", "SynchronizedAugmentation"),
    *("BetweenClass", "NoiseMix", "SpecAugment", "SpecMix", "SpectrogramMixUp"),
    "TabularMix",
)

# The mixers of images that mix by themselves.
OF_IMAGES = tuple(
    name
    for name in SAVED
    if name not in ("MixPoint", "MixStyle", "RandomApply", "RandomChoice", *NOT_OF_IMAGES)
)
