"""Which mixers are clearly worse or better than no mixing, and which differences are unclear."""

import math
from typing import NamedTuple

from keras_mix._core.optional_imports import require
from keras_mix.evaluate.results import BASELINE, SCORES, Score

LEVEL = 0.95
# Fewer validation samples than this decide nothing, even if all of them change for the better: by
# McNemar's exact test chance does that to 5 of 5 with a probability of 6 %, to 6 of 6 with 3 %.
LEAST_SAMPLES = 6


class Comparison(NamedTuple):
    """A mixer against the baseline in one score, over the seeds that both have finished.

    Attributes:
        mixer: String.
        score: the `Score`.
        pairs: List of (mixed, plain) floats, one for each seed.
        least: Float from 0, the smallest mean difference that counts at all.
    """

    mixer: str
    score: Score
    pairs: list
    least: float

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
    def margin(self):
        """Half the width of the mean gain's 95 % interval by the paired t-test; inf of one seed."""
        count = len(self.pairs)
        if count < 2:
            return math.inf
        variance = math.fsum((gain - self.mean) ** 2 for gain in self.gains) / (count - 1)
        quantile = require("scipy.stats", "The verdict").t.ppf((1.0 + LEVEL) / 2.0, count - 1)
        return float(quantile) * math.sqrt(variance / count)

    @property
    def is_clear(self):
        """Whether the interval leaves out 0 and the mean gain is large enough to count."""
        # A rounding error must not make 6 of 100 samples fewer than 6.
        return abs(self.mean) > self.margin and abs(self.mean) >= self.least * (1.0 - 1e-9)


def comparisons(results):
    """Compares each mixer with the baseline `none` in each score.

    A seed gives both the same initial weights and the same order of samples, so the runs are
    pairs. A difference is clear if the 95 % interval of its mean over the seeds (paired t-test,
    n - 1 degrees of freedom) leaves out 0: with two seeds the mean must be 9 times the deviation
    of the differences, with three 2.5 times, with one no difference is clear. A clear difference
    in accuracy is also one of at least 6 validation samples.

    Returns:
        List of `Comparison`; empty if `none` or every other mixer is missing.
    """
    samples = results.settings.get("validation_samples")
    found = []
    for mixer in results.measured:
        for score in SCORES if mixer != BASELINE else ():
            least = LEAST_SAMPLES / samples if samples and score.field == "accuracy" else 0.0
            if pairs := _pairs(results, mixer, score.field):
                found.append(Comparison(mixer, score, pairs, least))
    return found


def sentences(results):
    """Two lists of sentences: where mixers are clearly worse than `none`, and where better."""
    clear = [found for found in comparisons(results) if found.is_clear]
    worse = [_clear(found, "worse") for found in clear if found.mean < 0]
    return worse, [_clear(found, "better") for found in clear if found.mean > 0]


def undecided(results):
    """List of sentences: where mixers show no clear difference from `none`."""
    return [_unclear(found) for found in comparisons(results) if not found.is_clear]


def _pairs(results, mixer, field):
    """Returns list of (mixed, plain) numbers, one for each seed that both have finished."""
    plain = results.of(BASELINE)
    return [
        (getattr(run, field), getattr(plain[seed], field))
        for seed, run in results.of(mixer).items()
        if seed in plain
    ]


def _clear(found, word):
    sign = -1.0 if word == "worse" else 1.0
    count = sum(sign * gain > 0 for gain in found.gains)
    return (
        f"{found.mixer} is {word} than {BASELINE} in {_numbers(found)}, "
        f"{word} at {count} of {len(found.pairs)} seeds."
    )


def _unclear(found):
    start = f"{found.mixer} shows no clear difference from {BASELINE} in {_numbers(found)}"
    if len(found.pairs) == 1:
        return f"{start}, at one seed only."
    factor, digits = found.score.factor, found.score.digits
    sign = 1.0 if found.score.higher_is_better else -1.0
    return (
        f"{start}: a difference of {sign * found.mean * factor:+.{digits}f}, with a 95 % interval "
        f"of ± {found.margin * factor:.{digits}f}, over {len(found.pairs)} seeds."
    )


def _numbers(found):
    """Returns such as `"Accuracy: 75.0 against 77.0 %"`."""
    score, count = found.score, len(found.pairs)
    mixed, plain = (math.fsum(values) / count for values in zip(*found.pairs, strict=True))
    unit = f"\N{NO-BREAK SPACE}{score.unit}" if score.unit else ""
    return (
        f"{score.title}: {mixed * score.factor:.{score.digits}f} against "
        f"{plain * score.factor:.{score.digits}f}{unit}"
    )
