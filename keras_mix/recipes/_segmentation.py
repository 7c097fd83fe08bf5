"""ClassMix with the settings of its authors."""

from typing import Any

from keras_mix.layers.class_mix import ClassMix
from keras_mix.recipes import _arguments


def segmentation(**options: Any) -> ClassMix:
    """ClassMix as its authors apply it: every image gets half of the classes of its neighbor.

    For batches of images and masks that are there, annotated or predicted before. The authors mix
    unlabeled images by the masks that a mean teacher predicts, as
    `keras_mix.models.ClassMixConsistency` does. Its defaults are their settings, and those of
    `keras_mix.models.CutMixConsistency` are CutMix-Seg's.

    Deviation from the authors' code: the neighbor is the next sample, while theirs is the previous
    one, which changes the order of a shuffled batch only.

    Args:
        **options: The other arguments of `keras_mix.layers.ClassMix`. Masks of class ids need
            `num_classes`.

    Returns:
        A `keras_mix.layers.ClassMix`.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> masks = np.random.randint(0, 5, (8, 32, 32))
    >>> images, masks = keras_mix.recipes.segmentation(num_classes=5)(images, masks)

    Reference:
        Olsson et al., "ClassMix: Segmentation-Based Data Augmentation for Semi-Supervised
        Learning", WACV 2021, arXiv:2007.07936, section 3.1; `mix` in the authors' code, as of
        WilhelmT/ClassMix.
    """
    _arguments.check("segmentation", ClassMix, options)
    return ClassMix(**{"pairing": "roll", **options})
