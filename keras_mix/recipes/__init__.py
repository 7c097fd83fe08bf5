"""Mixers with the settings of published training recipes."""

from keras_mix.recipes._balanced import balanced_mixup
from keras_mix.recipes._big_vision import big_vision
from keras_mix.recipes._cutmix import cutmix_cifar, cutmix_imagenet
from keras_mix.recipes._deit import deit, deit3
from keras_mix.recipes._detection import detection
from keras_mix.recipes._rsb import rsb
from keras_mix.recipes._segmentation import segmentation
from keras_mix.recipes._torchvision import torchvision
from keras_mix.recipes._yolo import yolo

__all__ = [
    "balanced_mixup",
    "big_vision",
    "cutmix_cifar",
    "cutmix_imagenet",
    "deit",
    "deit3",
    "detection",
    "rsb",
    "segmentation",
    "torchvision",
    "yolo",
]


def __dir__():
    return __all__
