"""The mixers: Keras layers that also serve as tf.data map functions."""

from keras_mix.layers.cutmix import CutMix
from keras_mix.layers.mixup import MixUp

__all__ = ["CutMix", "MixUp"]
