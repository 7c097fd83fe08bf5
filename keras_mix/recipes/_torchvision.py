"""MixUp or CutMix with the settings of torchvision's reference training."""

from typing import Any, Literal

from keras_mix.layers.random_choice import RandomChoice
from keras_mix.pairings import Pairing
from keras_mix.recipes._switched import mixup_or_cutmix


def torchvision(
    *,
    per: Literal["sample", "batch"] = "batch",
    pairing: Literal["shuffle", "derange", "reverse", "roll"] | Pairing = "roll",
    **options: Any,
) -> RandomChoice:
    """MixUp or CutMix, drawn for each batch, as in torchvision's reference training.

    MixUp with α = 0.2 or CutMix with α = 1.0, each with probability ½; one λ and box per batch;
    each sample is mixed with its neighbor in the batch; label smoothing 0.1. The vision
    transformers of torchvision have the same settings with `label_smoothing=0.11`.

    Deviations from torchvision: the neighbor is the next sample, while theirs is the previous one;
    boxes may have odd sides, while theirs are twice half a side, rounded down. Labels are smoothed
    by the mixer, in training only; there the loss smooths them, which is the same label.

    Args:
        per: `"batch"` or `"sample"`. `"sample"` draws the mixer, λ and the box for each sample.
            Defaults to `"batch"`, as in torchvision.
        pairing: String, or object of `keras_mix.pairings`. How partners are drawn, as in
            `keras_mix.layers.Mixer`. Defaults to `"roll"`, as in torchvision.
        **options: Options shared by all mixers, such as `num_classes`. They override those of the
            recipe.

    Returns:
        A `keras_mix.layers.RandomChoice`.

    Example:

    >>> images, ids = np.zeros((64, 32, 32, 3), "uint8"), np.arange(64)
    >>> dataset = tf.data.Dataset.from_tensor_slices((images, ids)).shuffle(64).batch(16)
    >>> mix = keras_mix.recipes.torchvision(num_classes=1000)
    >>> dataset = keras_mix.data.mix(dataset, mix, seed=1)

    Reference:
        `train.py`, `transforms.py` and README of `references/classification` in pytorch/vision
        (`--mixup-alpha 0.2 --cutmix-alpha 1.0`); pytorch/vision#3995.
    """
    return mixup_or_cutmix("torchvision", 0.2, per, pairing, 0.1, options)
