"""CutMix with the settings of its authors."""

from typing import Any

from keras_mix.layers.cutmix import CutMix
from keras_mix.recipes import _arguments


def cutmix_cifar(**options: Any) -> CutMix:
    """CutMix with the paper's settings for CIFAR: α = 1, half of the batches, one box per batch.

    Args:
        **options: The other arguments of `keras_mix.layers.CutMix`.

    Returns:
        A `keras_mix.layers.CutMix`.

    Example:

    >>> keras_mix.recipes.cutmix_cifar(num_classes=10)
    CutMix(num_classes=10, per='batch', rate=0.5)

    Reference:
        Yun et al., arXiv:1905.04899, section 4.1; settings of the authors' README.
    """
    _arguments.check("cutmix_cifar", CutMix, options)
    return CutMix(**{"alpha": 1.0, "rate": 0.5, "per": "batch", **options})


def cutmix_imagenet(**options: Any) -> CutMix:
    """CutMix with the paper's settings for ImageNet: α = 1, every batch, one box per batch.

    Args:
        **options: The other arguments of `keras_mix.layers.CutMix`.

    Returns:
        A `keras_mix.layers.CutMix`.

    Example:

    >>> keras_mix.recipes.cutmix_imagenet(num_classes=1000)
    CutMix(num_classes=1000, per='batch')

    Reference:
        Yun et al., arXiv:1905.04899, section 4.1; settings of the authors' README.
    """
    _arguments.check("cutmix_imagenet", CutMix, options)
    return CutMix(**{"alpha": 1.0, "per": "batch", **options})
