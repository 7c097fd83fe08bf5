"""Mixers with the settings of published training recipes."""

from typing import Any, Literal

from keras_mix._core.options import signatures, unknown_arguments
from keras_mix.layers.cutmix import CutMix
from keras_mix.layers.mixup import MixUp
from keras_mix.layers.random_choice import RandomChoice
from keras_mix.pairings import Pairing

__all__ = ["big_vision", "cutmix_cifar", "cutmix_imagenet", "deit"]


def __dir__():
    return __all__


def deit(
    *,
    per: Literal["sample", "batch"] = "batch",
    pairing: Literal["shuffle", "derange", "reverse", "roll"] | Pairing = "reverse",
    **options: Any,
) -> RandomChoice:
    """MixUp or CutMix, drawn for each batch, as in DeiT and in timm's recipes after it.

    MixUp with α = 0.8 or CutMix with α = 1.0, each with probability ½; one λ and box per batch;
    partners from the reversed batch; label smoothing 0.1.

    Deviations from timm: in a batch of odd size, which timm refuses, the sample in the middle stays
    unmixed; a box with odd sides has its full size, as in timm since 1.0.30, while it was one pixel
    smaller up to 1.0.28.

    Args:
        per: `"batch"` or `"sample"`. `"sample"` draws the mixer, λ and the box for each sample,
            like timm's `mode="elem"`. Defaults to `"batch"`, as in the authors' main.py.
        pairing: String, or object of `keras_mix.pairings`. How partners are drawn, as in
            `keras_mix.layers.Mixer`. Defaults to `"reverse"`, as in timm.
        **options: Options shared by all mixers, such as `num_classes`. They override those of the
            recipe.

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
    _check_arguments("deit", RandomChoice, options)
    drawing: dict[str, Any] = {"per": per, "pairing": pairing}
    mixers = [MixUp(alpha=0.8, **drawing), CutMix(alpha=1.0, **drawing)]
    return RandomChoice(mixers, **{"per": per, "label_smoothing": 0.1, **options})


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
    _check_arguments("cutmix_cifar", CutMix, options)
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
    _check_arguments("cutmix_imagenet", CutMix, options)
    return CutMix(**{"alpha": 1.0, "per": "batch", **options})


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
    _check_arguments("big_vision", MixUp, options)
    return MixUp(**{"alpha": alpha, "per": "batch", "pairing": "roll", **options})


def _check_arguments(recipe, cls, options):
    """Refuses options that the layer of a recipe does not take."""
    known = [name for name in signatures.arguments(cls) if name != "mixers"]
    unknown_arguments.refuse(f"recipes.{recipe}", options, known)
