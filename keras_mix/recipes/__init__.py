"""Mixers with the settings of published training recipes."""

from keras_mix.recipes._big_vision import big_vision
from keras_mix.recipes._cutmix import cutmix_cifar, cutmix_imagenet
from keras_mix.recipes._deit import deit

__all__ = ["big_vision", "cutmix_cifar", "cutmix_imagenet", "deit"]


def __dir__():
    return __all__
