"""MixUp or CutMix with the settings of DeiT."""

from typing import Any, Literal

from keras_mix.layers.cutmix import CutMix
from keras_mix.layers.mixup import MixUp
from keras_mix.layers.random_choice import RandomChoice
from keras_mix.pairings import Pairing
from keras_mix.recipes import _arguments


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
    _arguments.check("deit", RandomChoice, options)
    drawing: dict[str, Any] = {"per": per, "pairing": pairing}
    mixers = [MixUp(alpha=0.8, **drawing), CutMix(alpha=1.0, **drawing)]
    return RandomChoice(mixers, **{"per": per, "label_smoothing": 0.1, **options})
