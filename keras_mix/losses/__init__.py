"""Losses of mixed labels, packed or not, and of pairs of modalities."""

from keras_mix.losses.cross_modal_consistency_loss import CrossModalConsistencyLoss
from keras_mix.losses.decouple_mix_loss import DecoupleMixLoss
from keras_mix.losses.mixed_loss import MixedLoss
from keras_mix.losses.thresholded_binary_crossentropy import ThresholdedBinaryCrossentropy

__all__ = [
    "CrossModalConsistencyLoss",
    "DecoupleMixLoss",
    "MixedLoss",
    "ThresholdedBinaryCrossentropy",
]


def __dir__():
    return __all__
