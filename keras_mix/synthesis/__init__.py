"""Paired data synthesis: a modality that samples lack, made by any callable, kept on disk."""

from keras_mix.synthesis.fill_modality import FillModality

__all__ = ["FillModality"]


def __dir__():
    return __all__
