"""Mixers with the settings of well-known training recipes."""

from keras_mix.layers.cutmix import CutMix
from keras_mix.layers.mixup import MixUp
from keras_mix.layers.random_choice import RandomChoice

__all__ = ["big_vision", "cutmix_cifar", "cutmix_imagenet", "deit"]


def __dir__():
    return __all__


def deit(per="batch", pairing="reverse", **options):
    """MixUp or CutMix, drawn for each batch, as DeiT and timm's recipes after it train.

    Mixup with α 0.8 or CutMix with α 1.0, each with probability ½, one λ and box a batch, each
    sample with its counterpart in the reversed batch, and label smoothing 0.1.

    Deviations from timm: the label's weight under CutMix counts a box of odd sides in full, which
    timm draws one pixel smaller; batches of odd size, which timm refuses, leave the sample in the
    middle as it is.

    Args:
        per: "batch", or "sample" for a mixer, λ and box for each sample, as timm's
            `mode="elem"`. Defaults to "batch", as in the authors' main.py.
        pairing: As in `keras_mix.layers.Mixer`. Defaults to "reverse", as in timm.
        **options: The arguments that all mixers share, `num_classes` above all; they may replace
            the recipe's own.

    Returns:
        A `keras_mix.layers.RandomChoice`.

    Example:

    >>> images, ids = np.zeros((64, 32, 32, 3), "uint8"), np.arange(64)
    >>> dataset = tf.data.Dataset.from_tensor_slices((images, ids)).batch(16)
    >>> mix = keras_mix.recipes.deit(num_classes=1000)
    >>> dataset = keras_mix.data.mix(dataset, mix, seed=1)

    Inside the train step, on class ids or one-hot labels:

    >>> base = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3))
    >>> model = keras_mix.models.MixingModel(base, mixer=keras_mix.recipes.deit())
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    Reference:
        Touvron et al., arXiv:2012.12877, table 9; defaults of the authors' main.py; `Mixup` in
        `timm/data/mixup.py` of huggingface/pytorch-image-models.
    """
    drawing = {"per": per, "pairing": pairing}
    mixers = [MixUp(alpha=0.8, **drawing), CutMix(alpha=1.0, **drawing)]
    return RandomChoice(mixers, **{"per": per, "label_smoothing": 0.1, **options})


def cutmix_cifar(**options):
    """CutMix as its paper trains on CIFAR: α 1, half of the batches, one box a batch.

    Args:
        **options: The other arguments of `keras_mix.layers.CutMix`.

    Returns:
        A `keras_mix.layers.CutMix`.

    Reference:
        Yun et al., arXiv:1905.04899, section 4.1; settings of the authors' README.
    """
    return CutMix(**{"alpha": 1.0, "rate": 0.5, "per": "batch", **options})


def cutmix_imagenet(**options):
    """CutMix as its paper trains on ImageNet: α 1, every batch, one box a batch.

    Args:
        **options: The other arguments of `keras_mix.layers.CutMix`.

    Returns:
        A `keras_mix.layers.CutMix`.

    Reference:
        Yun et al., arXiv:1905.04899, section 4.1; settings of the authors' README.
    """
    return CutMix(**{"alpha": 1.0, "per": "batch", **options})


def big_vision(alpha=0.2, **options):
    """Mixup as Google's big_vision trains: one λ a batch, each sample with the next one.

    Deviations from the authors' code: the partner is the next sample, theirs the one before, and
    they take the larger of λ and 1 - λ. In a shuffled batch neither changes the law: the mixtures
    are the same up to their order.

    Args:
        alpha: The concentration: 0.2 (the settings "light2" and "medium1", and ViT-S/16), 0.5
            ("medium2", "strong1", MLP-Mixer) or 0.8 ("strong2"). Defaults to 0.2.
        **options: The other arguments of `keras_mix.layers.MixUp`.

    Returns:
        A `keras_mix.layers.MixUp`.

    Reference:
        Steiner et al., "How to train your ViT?", arXiv:2106.10270, section 3.4; `get_mixup` of
        google-research/big_vision.
    """
    return MixUp(**{"alpha": alpha, "per": "batch", "pairing": "roll", **options})
