"""MixUp with the settings of big_vision."""

from typing import Any

from keras_mix.layers.mixup import MixUp
from keras_mix.recipes import _arguments


def big_vision(alpha: float = 0.2, **options: Any) -> MixUp:
    """MixUp with big_vision's settings: one λ per batch, each sample mixed with the next one.

    Deviations from the authors' code: the partner is the next sample, while theirs is the previous
    one, and they use the larger of λ and 1 - λ. In a shuffled batch neither changes the
    distribution of the mixed samples, only their order.

    Args:
        alpha: Float ≥ 0. Concentration of Beta(α, α): 0.2 (settings "light2" and "medium1", and
            ViT-S/16), 0.5 ("medium2", "strong1", MLP-Mixer) or 0.8 ("strong2"). Defaults to 0.2.
        **options: The other arguments of `keras_mix.layers.MixUp`.

    Returns:
        A `keras_mix.layers.MixUp`.

    Example:

    >>> keras_mix.recipes.big_vision(alpha=0.5, num_classes=1000)
    MixUp(alpha=0.5, num_classes=1000, pairing='roll', per='batch')

    Reference:
        Steiner et al., "How to train your ViT?", arXiv:2106.10270, section 3.4; `get_mixup` of
        google-research/big_vision.
    """
    _arguments.check("big_vision", MixUp, options)
    return MixUp(**{"alpha": alpha, "per": "batch", "pairing": "roll", **options})
