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
_noisy = only(noise=(0.4,), width=("wide",))
_noisy_images = only(noise=(0.4,), width=("wide",), data=IMAGES)
_images = only(noise=(0.0,), width=("wide",), data=IMAGES)
_tables = only(noise=(0.0,), width=("wide",), data=TABLES)
_wide = only(noise=(0.0,), width=("wide",))
_narrow = only(noise=(0.0,), width=("narrow",))

DECISIONS = (
    Decision(
        "Some labels are wrong, and the network can learn them by heart",
        "MixUp α 1; for images CutMix",
        "10 × longer training",
        (
            ("MixUp: accuracy", gain(MIXUP, FITTED, "accuracy"), _noisy),
            ("CutMix: accuracy", gain("cutmix", FITTED, "accuracy"), _noisy_images),
        ),
        "Chidambaram & Ge 2024",
    ),
    Decision(
        "Few images, clean labels",
        "CutMix, or MixUp and CutMix switched",
        "",
        (
            ("CutMix: accuracy", gain("cutmix", FITTED, "accuracy"), _images),
            ("switched: accuracy", gain("switched", FITTED, "accuracy"), _images),
            ("MixUp α 1: accuracy", gain(MIXUP, FITTED, "accuracy"), _images),
        ),
        "OpenMixup's re-runs: switched 78.08, none 76.8 (ImageNet, R50)",
    ),
    Decision(
        "A small table, clean labels",
        "MixUp α .2",
        "",
        (
            ("MixUp α .2: accuracy", gain("mixup .2", FITTED, "accuracy"), _tables),
            ("MixUp α 1: accuracy", gain(MIXUP, FITTED, "accuracy"), _tables),
            ("MixUp α 1: NLL", fall(MIXUP, FITTED, "nll"), _tables),
        ),
        "",
    ),
    Decision(
        "Short training, or a narrow network",
        "no mixing, or α .2",
        "MixUp α 1, CutMix",
        (
            ("MixUp α 1, short: accuracy", gain(MIXUP, SHORT, "accuracy"), _wide),
            ("MixUp α 1, narrow: accuracy", gain(MIXUP, FITTED, "accuracy"), _narrow),
        ),
        "Zhang et al. 2022",
    ),
    Decision(
        "Very long training",
        "MixUp off for the last 20 %, or RegMixup",
        "MixUp α 1 to the end",
        (
            ("MixUp α 1: accuracy", gain(MIXUP, LONG, "accuracy"), _wide),
            ("off at the end: accuracy", gain("mixup 1, off", LONG, "accuracy"), _wide),
            ("RegMixup: accuracy", gain("regmixup", LONG, "accuracy"), _wide),
        ),
        "Liu et al. 2023",
    ),
    Decision(
        "Probabilities that can be trusted",
        "a temperature fitted on held-out data, with every method",
        "",
        (
            ("MixUp α 1: signed gap", gain(MIXUP, FITTED, "gap"), _wide),
            (
                "MixUp α 1: NLL, by the temperature",
                _by_temperature,
                only(noise=(0.0,), width=("wide",), data=("digits", "mnist", "gaussians")),
            ),
        ),
        "Guo et al. 2017",
    ),
    Decision(
        "Unseen classes are to be detected",
        "RegMixup or CutMix",
        "MixUp α 1",
        (
            ("MixUp α 1: AUROC", gain(MIXUP, FITTED, "auroc"), _images),
            ("RegMixup: AUROC", gain("regmixup", FITTED, "auroc"), _images),
            ("CutMix: AUROC", gain("cutmix", FITTED, "auroc"), _images),
        ),
        "Pinto et al. 2022",
    ),
    Decision(
        "Parts of the images are hidden at test time",
        "CutMix",
        "",
        (
            ("CutMix: accuracy, occlusion", gain("cutmix", FITTED, "occlusion"), _images),
            ("MixUp α 1: accuracy, occlusion", gain(MIXUP, FITTED, "occlusion"), _images),
        ),
        "Yun et al. 2019",
    ),
    Decision(
        "An attacker changes pixels",
        "adversarial training",
        "mixing as a defense",
        (
            ("MixUp α 1: accuracy, PGD", gain(MIXUP, FITTED, "pgd"), _images),
            ("CutMix: accuracy, PGD", gain("cutmix", FITTED, "pgd"), _images),
        ),
        "Manifold Mixup's paper finds no gain against PGD",
    ),
    Decision(
        "An ensemble of several networks",
        "a temperature fitted to the mean of the probabilities",
        "MixUp without a temperature",
        (
            (
                "MixUp α 1: signed gap, ensemble − members",
                gain("mixup 1, ensemble", FITTED, "gap", over=MIXUP),
                lambda cell: cell.members > 1,
            ),
        ),
        "Wen et al. 2021",
    ),
)
