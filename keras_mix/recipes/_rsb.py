"""MixUp or CutMix with the settings of "ResNet strikes back"."""

from typing import Any, Literal

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.layers.random_choice import RandomChoice
from keras_mix.pairings import Pairing
from keras_mix.recipes._switched import mixup_or_cutmix

# The α of MixUp, and the label smoothing.
_SETTINGS = {"A1": (0.2, 0.1), "A2": (0.1, 0.0), "A3": (0.1, 0.0)}


def rsb(
    setting: Literal["A1", "A2", "A3"] = "A2",
    *,
    per: Literal["sample", "batch"] = "batch",
    pairing: Literal["shuffle", "derange", "reverse", "roll"] | Pairing = "reverse",
    **options: Any,
) -> RandomChoice:
    """MixUp or CutMix, drawn for each batch, as in "ResNet strikes back".

    | setting | epochs | MixUp | CutMix | label smoothing |
    | --- | --- | --- | --- | --- |
    | `"A1"` | 600 | α = 0.2 | α = 1.0 | 0.1 |
    | `"A2"` | 300 | α = 0.1 | α = 1.0 | 0 |
    | `"A3"` | 100, images of 160 pixels | α = 0.1 | α = 1.0 | 0 |

    Each is drawn with probability ½; one λ and box per batch; partners from the reversed batch. The
    loss is a binary cross-entropy in which the classes of a mixture count in full:
    `keras_mix.losses.ThresholdedBinaryCrossentropy`, with a threshold of 0.2 in published commands
    of A2. A threshold undoes the label smoothing of A1, in timm as here; `MixingModel`
    refuses the two together, so pass `label_smoothing=0` there. The deviations from timm
    are those of `keras_mix.recipes.deit`.

    Args:
        setting: `"A1"`, `"A2"` or `"A3"`. The paper's training procedure. Defaults to `"A2"`.
        per: `"batch"` or `"sample"`. `"sample"` draws the mixer, λ and the box for each sample,
            like timm's `mode="elem"`. Defaults to `"batch"`, as in timm's train.py.
        pairing: String, or object of `keras_mix.pairings`. How partners are drawn, as in
            `keras_mix.layers.Mixer`. Defaults to `"reverse"`, as in timm.
        **options: Options shared by all mixers, such as `num_classes`. They override those of the
            recipe.

    Returns:
        A `keras_mix.layers.RandomChoice`.

    Example:

    >>> images, ids = np.random.rand(16, 32, 32, 3).astype("float32"), np.arange(16)
    >>> mixed, labels = keras_mix.recipes.rsb("A2", num_classes=16)(images, ids)
    >>> loss = keras_mix.losses.ThresholdedBinaryCrossentropy(threshold=0.2, from_logits=True)
    >>> bool(loss(labels, np.zeros((16, 16), "float32")) > 0)
    True

    Reference:
        Wightman, Touvron and Jégou, "ResNet strikes back: An improved training procedure in timm",
        2021, arXiv:2110.00476. Settings as re-implemented in open-mmlab/mmpretrain,
        `configs/resnet/resnet50_8xb256-rsb-a*_in1k.py`, and Westlake-AI/openmixup; the threshold as
        in the command for A2 of Alibaba-MIIL/ML_Decoder.
    """
    with argument_errors.of("recipes.rsb"):
        alpha, smoothing = _SETTINGS[checks.choice("setting", setting, tuple(_SETTINGS))]
    return mixup_or_cutmix("rsb", alpha, per, pairing, smoothing, options)
