"""Which mixers are better or worse than no mixing, and which of the differences are clear."""

import math
from typing import NamedTuple

from keras_mix._core.optional_imports import require
from keras_mix.evaluate.results import (
    ACCURACY,
    BASELINE,
    BRIER,
    ECE,
    ECE_SCALED,
    FULL_SCORES,
    NLL,
    NLL_SCALED,
    Score,
    value_of,
)

LEVEL = 0.95
# Fewer pairs than this decide nothing: two differences may agree by chance, as two counts of right
# samples often do, and show no error at all.
LEAST_SEEDS = 3
# Fewer validation samples than this decide nothing, even if all of them change for the better: by
# McNemar's exact test chance does that to 5 of 5 with a probability of 6 %, to 6 of 6 with 3 %.
LEAST_SAMPLES = 6
# The scores in which mixers are compared with no mixing, where all runs have them.
COMPARED = (ACCURACY, NLL, NLL_SCALED, BRIER, ECE, ECE_SCALED, *(s for s in FULL_SCORES if s.goal))
# Accuracies, and the setting that says over how many samples.
_COUNTED = {
    "accuracy": "validation_samples",
    "robustness.fgsm": "attacked_samples",
    "robustness.pgd": "attacked_samples",
}


class Comparison(NamedTuple):
    """A mixer against the baseline in one score, over the seeds that both have finished.

    Attributes:
        mixer: String.
        score: the `Score`.
        pairs: List of (mixed, plain) floats, one for each seed.
        least: Float > 0, the smallest mean difference that counts at all.
        is_noise: Boolean, whether both values are calibration errors within their noise floors.
    """

    mixer: str
    score: Score
    pairs: list
    least: float
    is_noise: bool = False

    @property
    def gains(self):
        """List of floats, how much better the mixer is at each seed."""
        sign = 1.0 if self.score.higher_is_better else -1.0
        return [sign * (mixed - plain) for mixed, plain in self.pairs]

    @property
    def mean(self):
        """The mean gain."""
        return math.fsum(self.gains) / len(self.pairs)

    @property
    def error(self):
        """The standard error of the mean gain over the seeds; inf of fewer than three."""
        count = len(self.pairs)
        if count < LEAST_SEEDS:
            return math.inf
        variance = math.fsum((gain - self.mean) ** 2 for gain in self.gains) / (count - 1)
        return math.sqrt(variance / count)

    @property
    def margin(self):
        """Half the width of the mean gain's 95 % interval by the paired t-test."""
        return self.error if self.error == math.inf else quantile(len(self.pairs)) * self.error

    @property
    def counts(self):
        """Whether the mean gain is large enough to count, whatever its interval."""
        # A rounding error must not make 6 of 100 samples fewer than 6.
        return not self.is_noise and abs(self.mean) >= self.least * (1.0 - 1e-9)

    @property
    def is_clear(self):
        """Whether the interval leaves out 0 and the mean gain is large enough to count."""
        return abs(self.mean) > self.margin and self.counts

    @property
    def p_value(self):
        """How often chance alone gives such a mean gain (paired t-test); 1 if it does not count."""
        if not self.counts or self.error == math.inf or self.mean == 0.0:
            return 1.0
        if self.error == 0.0:
            return 0.0
        stats = require("scipy.stats", "The verdict")
        return float(2.0 * stats.t.sf(abs(self.mean) / self.error, len(self.pairs) - 1))


def quantile(count):
    """The factor from a standard error over `count` runs to half a 95 % interval."""
    return float(require("scipy.stats", "The verdict").t.ppf((1.0 + LEVEL) / 2.0, count - 1))


def wilson(right, count):
    """The 95 % interval of a fraction of `count` samples (Wilson 1927): honest near 0 and 1."""
    z = 1.959964
    middle = (right + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(right * (1 - right) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return middle - half, middle + half


def comparisons(results):
    """Compares each mixer with the baseline `none` in each score.

    A seed gives both the same initial weights and the same order of samples, so the runs are
    pairs. A difference is clear if the 95 % interval of its mean over the seeds (paired t-test,
    n - 1 degrees of freedom) leaves out 0: with three seeds the mean must be 2.5 times the
    deviation of the differences, with fewer no difference is clear. A clear difference is also one
    that a table shows, in accuracy one of at least 6 samples, in ECE one of which an end lies above
    its noise floor.

    Returns:
        List of `Comparison`; empty if `none` or every other mixer is missing.
    """
    return [
        found
        for mixer in results.measured
        for score in (COMPARED if mixer != BASELINE else ())
        if (found := compared(results, mixer, score))
    ]


def compared(results, mixer, score):
    """Returns the `Comparison` of one mixer in one score; None if no seed has it of both."""
    if score not in results.columns:
        return None
    plain = results.of(BASELINE)
    every = [(run, plain[seed]) for seed, run in results.of(mixer).items() if seed in plain]
    runs = [pair for pair in every if all(value_of(run, score.field) is not None for run in pair)]
    if not runs:
        return None
    samples = results.settings.get(_COUNTED.get(score.field))
    shown = 10.0**-score.digits / score.factor
    return Comparison(
        mixer,
        score,
        [tuple(value_of(run, score.field) for run in pair) for pair in runs],
        LEAST_SAMPLES / samples if samples else shown,
        score in (ECE, ECE_SCALED)
        and all(_within_floor(side, score) for side in zip(*runs, strict=True)),
    )


def _within_floor(runs, score):
    """Whether the mean ECE of runs is one that a perfectly calibrated network may show."""
    runs = [run.scaled if score is ECE_SCALED else run for run in runs]
    return math.fsum(run.ece - run.floor.high for run in runs) <= 0.0


def clear_among(comparisons):
    """The comparisons that are clear by Holm's correction for looking at all of them.

    The smallest of m p-values must be at most 5 % / m, the next at most 5 % / (m - 1), and so on:
    the probability that chance makes any of them look clear stays below 5 %.

    Reference:
        Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
        Statistics 6, 1979.
    """
    # Too few seeds test nothing, so they are no look.
    tested = sorted((c for c in comparisons if math.isfinite(c.margin)), key=lambda c: c.p_value)
    clear = []
    for rank, found in enumerate(tested):
        if found.p_value > (1.0 - LEVEL) / (len(tested) - rank):
            break
        clear.append(found)
    return clear


def against(found):
    """Returns such as `"75.0 against 77.0 %"`."""
    score, count = found.score, len(found.pairs)
    mixed, plain = (math.fsum(values) / count for values in zip(*found.pairs, strict=True))
    unit = f"\N{NO-BREAK SPACE}{score.unit}" if score.unit else ""
    return (
        f"{mixed * score.factor:.{score.digits}f} against "
        f"{plain * score.factor:.{score.digits}f}{unit}"
    )
