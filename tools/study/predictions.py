"""Seven predictions of the literature, each with its test.

The tests were written down before the results, after a look at trials of a few cells: which cells
are pooled, which difference is taken, what counts. Each seed contributes one number (see
`table.Scores.paired`), and the 95 % interval of their mean decides. A prediction is *seen* if all
its contrasts are, *not seen* if one of them is not, else *undecided*.
"""

from collections.abc import Callable
from typing import NamedTuple

from tools.study.data import IMAGES
from tools.study.differences import NONE, fall, gain, only

SEEN, NOT_SEEN, UNDECIDED = "seen", "not seen", "undecided"
# The smallest difference of a score that matters to a user.
MARGINS = {"accuracy": 0.005, "nll": 0.01, "gap": 0.005, "auroc": 0.01}
MIXUP = "mixup 1"
SHORT, FITTED, LONG = "short", "interpolation", "10 ×"


class Contrast(NamedTuple):
    """One difference.

    Attributes:
        text: String. What is claimed, in words.
        score: Key of `MARGINS`, what is measured.
        value: Callable as in `Scores.paired`.
        where: Callable of a cell.
        vanishes: Boolean. Whether the claim is that the difference is smaller than the margin,
            instead of above 0.
    """

    text: str
    score: str
    value: Callable
    where: Callable
    vanishes: bool = False

    def mark(self, found):
        """SEEN, NOT_SEEN or UNDECIDED, for an interval.

        A difference above 0 is seen if the interval lies above 0, and not seen if it lies below the
        margin. That a difference vanishes is seen if the interval lies below the margin, and not
        seen if it lies above 0.
        """
        above, below = found.low > 0, found.high < MARGINS[self.score]
        first, second = (below, above) if self.vanishes else (above, below)
        return SEEN if first else NOT_SEEN if second else UNDECIDED

    def is_small(self, found):
        """Whether a difference is seen that is smaller than what matters."""
        return not self.vanishes and found.low > 0 and found.high < MARGINS[self.score]


class Prediction(NamedTuple):
    """A claim, its source, and the contrasts that test it."""

    number: str
    claim: str
    source: str
    contrasts: tuple

    def mark(self, intervals):
        """The mark of the whole, from the intervals of its contrasts."""
        marks = [
            contrast.mark(found) for contrast, found in zip(self.contrasts, intervals, strict=True)
        ]
        if NOT_SEEN in marks:
            return NOT_SEEN
        return SEEN if set(marks) == {SEEN} else UNDECIDED


WIDE, NARROW, CLEAN = ("wide",), ("narrow",), (0.0,)
_clean_wide = only(noise=CLEAN, width=WIDE)
_clean_narrow = only(noise=CLEAN, width=NARROW)
_noisy_wide = only(noise=(0.2, 0.4), width=WIDE)
# Of wine's 76 held-out samples all may be right, and then no temperature is determined.
_noisy_scalable = only(
    noise=(0.2, 0.4), width=WIDE, data=("cancer", "gaussians", "digits", "mnist", "cifar10")
)
# The two Gaussians overlap, which is label noise.
_separable = only(noise=CLEAN, width=WIDE, data=("cancer", "digits", "mnist", "cifar10"))
_images = only(noise=CLEAN, width=WIDE, data=IMAGES)


def _ensemble(cell):
    return cell.members > 1


def _gap_closed(method, over=MIXUP):
    """How much smaller the calibration gap is, without its sign."""
    return lambda get: abs(get(over, FITTED, "gap")) - abs(get(method, FITTED, "gap"))


def _error_rise(method):
    return lambda get: get(method, FITTED, "accuracy") - get(method, LONG, "accuracy")


PREDICTIONS = (
    Prediction(
        "1",
        "Where labels are wrong and the network learns them by heart, MixUp gains",
        "Chidambaram and Ge, ICLR 2024, arXiv:2306.00740",
        (
            Contrast(
                "accuracy, MixUp − none", "accuracy", gain(MIXUP, FITTED, "accuracy"), _noisy_wide
            ),
            Contrast("NLL, none − MixUp", "nll", fall(MIXUP, FITTED, "nll"), _noisy_wide),
            Contrast(
                "NLL after temperature, none − MixUp",
                "nll",
                fall(MIXUP, FITTED, "nll_t"),
                _noisy_scalable,
            ),
        ),
    ),
    Prediction(
        "2",
        "Short training or a narrow network: MixUp is under-confident",
        "Wen et al., ICLR 2021, arXiv:2010.09875; Zhang et al., 2022, arXiv:2102.06289",
        (
            Contrast(
                "accuracy − confidence of MixUp, short",
                "gap",
                lambda get: -get(MIXUP, SHORT, "gap"),
                _clean_wide,
            ),
            Contrast("… more than of none", "gap", fall(MIXUP, SHORT, "gap"), _clean_wide),
            Contrast(
                "accuracy − confidence of MixUp, narrow",
                "gap",
                lambda get: -get(MIXUP, FITTED, "gap"),
                _clean_narrow,
            ),
            Contrast("… more than of none", "gap", fall(MIXUP, FITTED, "gap"), _clean_narrow),
        ),
    ),
    Prediction(
        "3",
        "On clean data, the advantage of MixUp in NLL is gone after a temperature",
        "Maroñas et al., 2020, arXiv:2003.09946; Wang et al., CVPR 2023",
        (
            Contrast("NLL, none − MixUp", "nll", fall(MIXUP, FITTED, "nll"), _separable),
            Contrast(
                "NLL after temperature, none − MixUp, vanishes",
                "nll",
                fall(MIXUP, FITTED, "nll_t"),
                _separable,
                vanishes=True,
            ),
        ),
    ),
    Prediction(
        "4a",
        "RegMixup closes the calibration gap of MixUp",
        "Pinto et al., NeurIPS 2022, arXiv:2206.14502",
        (
            Contrast("|gap|, MixUp − RegMixup", "gap", _gap_closed("regmixup"), _clean_wide),
            Contrast(
                "|gap|, RegMixup − none, vanishes",
                "gap",
                _gap_closed(NONE, over="regmixup"),
                _clean_wide,
                vanishes=True,
            ),
        ),
    ),
    Prediction(
        "4b",
        "Rescaling at prediction closes the calibration gap of MixUp",
        "Carratino et al., 2020, arXiv:2006.06049",
        (
            Contrast(
                "|gap|, MixUp − rescaled", "gap", _gap_closed("mixup 1, rescaled"), _clean_wide
            ),
            Contrast(
                "|gap|, rescaled − none, vanishes",
                "gap",
                _gap_closed(NONE, over="mixup 1, rescaled"),
                _clean_wide,
                vanishes=True,
            ),
        ),
    ),
    Prediction(
        "5",
        "MixUp makes samples of unseen classes harder to detect, RegMixup does not",
        "Pinto et al., NeurIPS 2022, arXiv:2206.14502",
        (
            Contrast("AUROC, none − MixUp", "auroc", fall(MIXUP, FITTED, "auroc"), _images),
            Contrast(
                "AUROC, none − RegMixup, vanishes",
                "auroc",
                fall("regmixup", FITTED, "auroc"),
                _images,
                vanishes=True,
            ),
        ),
    ),
    Prediction(
        "6a",
        "After 10 times as many steps, the error of MixUp rises again",
        "Liu et al., ICLR 2023, arXiv:2303.01475",
        (
            Contrast(
                "error of MixUp, 10 × − interpolation", "accuracy", _error_rise(MIXUP), _clean_wide
            ),
            Contrast(
                "… more than of none",
                "accuracy",
                lambda get: _error_rise(MIXUP)(get) - _error_rise(NONE)(get),
                _clean_wide,
            ),
        ),
    ),
    Prediction(
        "6b",
        "Switching MixUp off for the last 20 % of the steps cures that",
        "Liu et al., ICLR 2023, arXiv:2303.01475",
        (
            Contrast(
                "error at 10 ×, MixUp − off at the end",
                "accuracy",
                gain("mixup 1, off", LONG, "accuracy", over=MIXUP),
                _clean_wide,
            ),
            Contrast(
                "error at 10 ×, off at the end − none, vanishes",
                "accuracy",
                fall("mixup 1, off", LONG, "accuracy"),
                _clean_wide,
                vanishes=True,
            ),
        ),
    ),
    Prediction(
        "7",
        "Ensembles compound it: calibration improves without MixUp and degrades with it",
        "Wen et al., ICLR 2021, arXiv:2010.09875",
        (
            Contrast(
                "|gap| of MixUp, ensemble of 5 − members",
                "gap",
                _gap_closed(MIXUP, over="mixup 1, ensemble"),
                _ensemble,
            ),
            Contrast(
                "|gap| of none, members − ensemble of 5",
                "gap",
                _gap_closed("none, ensemble", over=NONE),
                _ensemble,
            ),
        ),
    ),
)
