"""Which mixer, which α, and when not: each row with what the study measured, and the literature."""

from typing import NamedTuple

from tools.study.data import IMAGES
from tools.study.differences import fall, gain, only
from tools.study.predictions import FITTED, LONG, MIXUP, SHORT


class Decision(NamedTuple):
    """A row of the table.

    Attributes:
        situation: String. What the reader has.
        choice: String. What to use.
        avoid: String. When not, or what not.
        evidence: Tuple of (text, value, where), differences as `Scores.paired` takes them.
        literature: String.
    """

    situation: str
    choice: str
    avoid: str
    evidence: tuple
    literature: str


def _by_temperature(get):
    """How much a temperature lowers MixUp's NLL."""
    return get(MIXUP, FITTED, "nll") - get(MIXUP, FITTED, "nll_t")


TABLES = ("cancer", "wine", "gaussians")
WRONG, CLEAN, WIDE = (0.2, 0.4), (0.0,), ("wide",)
_noisy_tables = only(noise=WRONG, width=WIDE, data=TABLES)
_noisy_images = only(noise=WRONG, width=WIDE, data=IMAGES)
_images = only(noise=CLEAN, width=WIDE, data=IMAGES)
_tables = only(noise=CLEAN, width=WIDE, data=TABLES)
_wide = only(noise=CLEAN, width=WIDE)
_narrow = only(noise=CLEAN, width=("narrow",))

DECISIONS = (
    Decision(
        "images with some wrong labels, a network that can learn them by heart",
        "CutMix, or MixUp and CutMix switched",
        "training ten times as long",
        (
            ("CutMix: accuracy", gain("cutmix", FITTED, "accuracy"), _noisy_images),
            ("switched", gain("switched", FITTED, "accuracy"), _noisy_images),
            ("MixUp", gain(MIXUP, FITTED, "accuracy"), _noisy_images),
            ("label smoothing", gain("smoothing", FITTED, "accuracy"), _noisy_images),
        ),
        "MixUp: Chidambaram & Ge 2024",
    ),
    Decision(
        "a table with some wrong labels",
        "MixUp, for the probabilities",
        "MixUp, for the accuracy",
        (
            ("MixUp: NLL lower by", fall(MIXUP, FITTED, "nll"), _noisy_tables),
            ("accuracy", gain(MIXUP, FITTED, "accuracy"), _noisy_tables),
        ),
        "",
    ),
    Decision(
        "few images, clean labels",
        "CutMix, or MixUp and CutMix switched",
        "MixUp α 1",
        (
            ("CutMix: accuracy", gain("cutmix", FITTED, "accuracy"), _images),
            ("switched", gain("switched", FITTED, "accuracy"), _images),
            ("MixUp", gain(MIXUP, FITTED, "accuracy"), _images),
        ),
        "ImageNet, ConvNeXt-T: none 79.2, CutMix 81.6, switched 82.1 (OpenMixup)",
    ),
    Decision(
        "a small table, clean labels",
        "no mixing, and a temperature",
        "MixUp, for the accuracy",
        (
            ("MixUp α .2: accuracy", gain("mixup .2", FITTED, "accuracy"), _tables),
            ("MixUp α 1", gain(MIXUP, FITTED, "accuracy"), _tables),
        ),
        "",
    ),
    Decision(
        "short training, or a narrow network",
        "no mixing",
        "MixUp α 1",
        (
            ("MixUp, short: accuracy", gain(MIXUP, SHORT, "accuracy"), _wide),
            ("narrow", gain(MIXUP, FITTED, "accuracy"), _narrow),
        ),
        "Zhang et al. 2022: gains grow with capacity",
    ),
    Decision(
        "very long training",
        "mixing off for the last 20 %",
        "MixUp to the end",
        (
            ("MixUp: accuracy", gain(MIXUP, LONG, "accuracy"), _wide),
            ("off at the end", gain("mixup 1, off", LONG, "accuracy"), _wide),
            ("RegMixup", gain("regmixup", LONG, "accuracy"), _wide),
        ),
        "Liu et al. 2023",
    ),
    Decision(
        "a need for probabilities",
        "a temperature, whatever was mixed",
        "ECE before a temperature",
        (
            ("MixUp: confidence − accuracy", gain(MIXUP, FITTED, "gap"), _wide),
            (
                "its NLL, lower with a temperature by",
                _by_temperature,
                only(noise=CLEAN, width=WIDE, data=("digits", "mnist", "gaussians")),
            ),
        ),
        "Guo et al. 2017; Wen et al. 2021",
    ),
    Decision(
        "samples of unknown classes",
        "CutMix or RegMixup",
        "",
        (
            ("CutMix: AUROC", gain("cutmix", FITTED, "auroc"), _images),
            ("RegMixup", gain("regmixup", FITTED, "auroc"), _images),
            ("MixUp", gain(MIXUP, FITTED, "auroc"), _images),
        ),
        "MixUp loses on CIFAR-100: Pinto et al. 2022",
    ),
    Decision(
        "images of which a part is hidden",
        "CutMix",
        "MixUp",
        (
            ("CutMix: accuracy", gain("cutmix", FITTED, "occlusion"), _images),
            ("MixUp", gain(MIXUP, FITTED, "occlusion"), _images),
        ),
        "Yun et al. 2019",
    ),
    Decision(
        "an attacker",
        "adversarial training",
        "any of these as a defense",
        (
            ("PGD, MixUp: accuracy", gain(MIXUP, FITTED, "pgd"), _images),
            ("CutMix", gain("cutmix", FITTED, "pgd"), _images),
            ("FMix", gain("fmix", FITTED, "pgd"), _images),
        ),
        "no gain against PGD: Verma et al. 2019",
    ),
    Decision(
        "an ensemble of mixed networks",
        "a temperature, fitted to their mean",
        "their mean as it is",
        (
            (
                "MixUp: gap, ensemble − members",
                gain("mixup 1, ensemble", FITTED, "gap", over=MIXUP),
                lambda cell: cell.members > 1,
            ),
        ),
        "Wen et al. 2021",
    ),
)
