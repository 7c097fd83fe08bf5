"""Losses for packed targets (class ids and mixing weights), and for pairs of modalities."""

from keras_mix.losses.cross_modal_consistency_loss import CrossModalConsistencyLoss
from keras_mix.losses.mixed_loss import MixedLoss

__all__ = ["CrossModalConsistencyLoss", "MixedLoss"]


def __dir__():
    return __all__
