"""MixUp or CutMix with the settings of DeiT and DeiT III."""

from typing import Any, Literal

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.layers.cutmix import CutMix
from keras_mix.layers.random_choice import RandomChoice
from keras_mix.pairings import Pairing
from keras_mix.recipes import _arguments
from keras_mix.recipes._switched import mixup_or_cutmix


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
    return mixup_or_cutmix("deit", 0.8, per, pairing, 0.1, options)


def deit3(
    stage: Literal["train", "fine_tune", "imagenet_21k"] = "train",
    *,
    per: Literal["sample", "batch"] = "batch",
    pairing: Literal["shuffle", "derange", "reverse", "roll"] | Pairing = "reverse",
    **options: Any,
) -> RandomChoice | CutMix:
    """MixUp or CutMix as in DeiT III: by default for training on ImageNet from scratch.

    | stage | mixers, one drawn for each batch | label smoothing | loss of the authors |
    | --- | --- | --- | --- |
    | `"train"` | MixUp α = 0.8, CutMix α = 1.0 | 0 | binary cross-entropy |
    | `"fine_tune"` | MixUp α = 0.8, CutMix α = 1.0 | 0.1 | cross-entropy |
    | `"imagenet_21k"` | CutMix α = 1.0 | 0.1 | cross-entropy |

    The binary cross-entropy counts every class of a mixture in full, however small its weight:
    `keras_mix.losses.ThresholdedBinaryCrossentropy(threshold=0.0)`. Partners come from the reversed
    batch; one λ and box per batch. The deviations from timm are those of `keras_mix.recipes.deit`.

    Args:
        stage: `"train"`, `"fine_tune"` or `"imagenet_21k"`. `"train"` is training on ImageNet-1k;
            `"fine_tune"` is the training at the final resolution that follows; `"imagenet_21k"` is
            training on ImageNet-21k and fine-tuning after it. Defaults to `"train"`.
        per: `"batch"` or `"sample"`. `"sample"` draws the mixer, λ and the box for each sample,
            like timm's `mode="elem"`. Defaults to `"batch"`, as in the authors' main.py.
        pairing: String, or object of `keras_mix.pairings`. How partners are drawn, as in
            `keras_mix.layers.Mixer`. Defaults to `"reverse"`, as in timm.
        **options: Options shared by all mixers, such as `num_classes`. They override those of the
            recipe.

    Returns:
        A `keras_mix.layers.RandomChoice`; for `"imagenet_21k"` a `keras_mix.layers.CutMix`.

    Example:

    >>> base = keras.applications.MobileNetV3Small(
    ...     weights=None, input_shape=(32, 32, 3), classifier_activation=None
    ... )
    >>> model = keras_mix.models.MixingModel(base, mixer=keras_mix.recipes.deit3())
    >>> loss = keras_mix.losses.ThresholdedBinaryCrossentropy(threshold=0.0, from_logits=True)
    >>> model.compile("adam", loss)

    Reference:
        Touvron, Cord and Jégou, "DeiT III: Revenge of the ViT", ECCV 2022, arXiv:2204.07118;
        commands in `README_revenge.md` and `targets.gt(0.0)` in `engine.py` of
        facebookresearch/deit.
    """
    with argument_errors.of("recipes.deit3"):
        checks.choice("stage", stage, ("train", "fine_tune", "imagenet_21k"))
    if stage == "imagenet_21k":
        _arguments.check("deit3", CutMix, options)
        drawing: dict[str, Any] = {"per": per, "pairing": pairing}
        return CutMix(alpha=1.0, **{**drawing, "label_smoothing": 0.1, **options})
    smoothing = 0.0 if stage == "train" else 0.1
    return mixup_or_cutmix("deit3", 0.8, per, pairing, smoothing, options)
