"""Synthesis of paired data: fills a modality that samples lack by any callable, cached on disk."""

from keras_mix.synthesis.fill_modality import FillModality

__all__ = ["FillModality"]


def __dir__():
    return __all__
