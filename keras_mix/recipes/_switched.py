"""MixUp or CutMix, one of them drawn at a time."""

from keras_mix.layers.cutmix import CutMix
from keras_mix.layers.mixup import MixUp
from keras_mix.layers.random_choice import RandomChoice
from keras_mix.recipes import _arguments


def mixup_or_cutmix(recipe, mixup, per, pairing, label_smoothing, options):
    """A `RandomChoice` of MixUp and of CutMix with α = 1, each with probability ½.

    Args:
        recipe: String. Name of the recipe.
        mixup: Float. α of MixUp.
        per: `"batch"` or `"sample"`.
        pairing: String, or object of `keras_mix.pairings`.
        label_smoothing: Float.
        options: Dict of options of the `RandomChoice`, which override those of the recipe.
    """
    _arguments.check(recipe, RandomChoice, options)
    drawing = {"per": per, "pairing": pairing}
    mixers = [MixUp(alpha=mixup, **drawing), CutMix(alpha=1.0, **drawing)]
    return RandomChoice(mixers, **{"per": per, "label_smoothing": label_smoothing, **options})
