"""What the sentences of an answer are chosen by: what is known, and what is clear."""

import math
from typing import NamedTuple

from keras_mix.evaluate import verdict
from keras_mix.evaluate.confidence import Confidence, State, confidence
from keras_mix.evaluate.results import ACCURACY, BASELINE, ECE, NLL, NLL_SCALED

# What decides a gain: the classes that are named, and the probabilities once a temperature has set
# the confidence right. Of a gain or loss before it, the second sentence tells.
HEADLINE = (ACCURACY, NLL_SCALED)


class Side(NamedTuple):
    """What is known of the runs of one mixer, or of those without one.

    Attributes:
        name: String.
        accuracy: Float. The mean accuracy.
        raw: The `Confidence` of the probabilities as they are.
        runs: Integer. The number of runs.
        fitted: Integer. The number of runs that have a temperature. What follows is of these, and
            None if there are none.
        temperature: Float. The mean temperature.
        before: The `Confidence` of the probabilities as they are.
        nll: Float. Their mean NLL.
        scaled: The `Confidence` after temperature scaling.
        scaled_nll: Float. The mean NLL after it.
    """

    name: str
    accuracy: float
    raw: Confidence
    runs: int
    fitted: int
    temperature: float | None = None
    before: Confidence | None = None
    nll: float | None = None
    scaled: Confidence | None = None
    scaled_nll: float | None = None

    @property
    def is_off(self):
        """Whether the confidence is wrong, beyond chance."""
        return self.raw.state is not State.CALIBRATED

    @property
    def is_fitted(self):
        """Whether each run has a temperature."""
        return self.fitted == self.runs

    @property
    def is_mended(self):
        """Whether it is wrong, and after a temperature, which also raises the likelihood, right."""
        return self.is_improved and self.scaled.state is State.CALIBRATED

    @property
    def is_improved(self):
        """Whether it is wrong, and a temperature lowers both its ECE and its NLL."""
        return (
            self.is_off
            and self.scaled is not None
            and self.scaled.ece < self.before.ece
            and self.scaled_nll < self.nll
        )


class Facts:
    """What the conditions look at.

    Attributes:
        results: The `Results`.
        baseline: The `Side` without mixing, or None.
        mixed: List of `Side`, of the mixers.
        compared: Dict from (name of a mixer, `Score`) to its `Comparison` with the baseline.
        clear: List of the `Comparison` in `HEADLINE` that are clear after Holm's correction over
            the mixers, made for each of these scores by itself.
    """

    def __init__(self, results):
        sides = {name: _side(results, name) for name in results.measured}
        self.results = results
        self.baseline = sides.pop(BASELINE, None)
        self.mixed = list(sides.values())
        self.compared = {
            (side.name, score): found
            for side in self.mixed
            for score in (ACCURACY, NLL, NLL_SCALED, ECE)
            if (found := verdict.compared(results, side.name, score))
        }
        self.clear = [
            found
            for score in HEADLINE
            for found in verdict.clear_among(self.headline(score))
        ]  # fmt: skip

    @property
    def sides(self):
        return [self.baseline, *self.mixed] if self.baseline else self.mixed

    @property
    def fittable(self):
        """Miscalibrated sides that a temperature brings closer to calibration."""
        return [side for side in self.sides if side.is_improved and side not in self.guessing]

    @property
    def classes(self):
        """The number of classes; None where the settings do not tell."""
        return self.results.settings.get("classes")

    @property
    def guessing(self):
        """Sides that are not significantly more accurate than random guessing."""
        return [
            side
            for side in self.sides
            if self.classes and verdict.wilson(side.accuracy, self.samples)[0] <= 1 / self.classes
        ]

    @property
    def all_guess(self):
        """Whether no network has learned anything that could be judged."""
        return len(self.guessing) == len(self.sides)

    @property
    def samples(self):
        """The number of samples that are scored."""
        return self.results.settings.get("validation_samples") or sum(
            self.results.runs[0].reliability.counts
        )

    @property
    def paired(self):
        """Number of pairs of the mixer that has the most."""
        return max((len(found.pairs) for found in self.compared.values()), default=0)

    @property
    def gains(self):
        return [found for found in self.clear if found.mean > 0]

    @property
    def losses(self):
        return [found for found in self.clear if found.mean < 0]

    def is_regularizer(self, name):
        """Whether a mixer adds mixtures to unmixed samples, instead of replacing them."""
        return (self.results.mixers[name] or {}).get("wraps") == "RegMixup"

    def headline(self, score):
        """The comparisons of all mixers in one score, of as many seeds as can decide."""
        every = [found for (_, of), found in self.compared.items() if of is score]
        return [found for found in every if math.isfinite(found.margin)]

    def is_clearly(self, name, score, sign):
        """Whether a mixer is better (1) or worse (-1) by its own interval, uncorrected."""
        found = self.compared.get((name, score))
        return found is not None and found.is_clear and sign * found.mean > 0

    @property
    def leading(self):
        """The comparison of the headline: the largest gain, else loss, else difference; or None.

        Among differences that are not clear, those come first that are clear by themselves.
        """
        every = [found for score in HEADLINE for found in self.headline(score)]
        for among in (self.gains, self.losses, [one for one in every if one.is_clear], every):
            for score in HEADLINE:
                largest = [found for found in among if found.score is score and found.mean]
                if largest:
                    return max(largest, key=lambda found: abs(found.mean))
        return None


def _side(results, name):
    runs = list(results.of(name).values())
    accuracy = results.spread(name, "accuracy").mean
    fitted = [run for run in runs if run.scaled is not None]
    side = Side(name, accuracy, confidence(runs), len(runs), len(fitted))
    if not fitted:
        return side
    return side._replace(
        temperature=results.spread(name, "temperature").mean,
        before=confidence(fitted),
        nll=math.fsum(run.nll for run in fitted) / len(fitted),
        scaled=confidence([run.scaled for run in fitted]),
        scaled_nll=results.spread(name, NLL_SCALED.field).mean,
    )
