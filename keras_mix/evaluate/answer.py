"""The answer in two sentences: does mixing gain, is the confidence right; and what follows.

Each sentence is chosen from a table of conditions, the first that holds; of the advice every line
whose condition holds is given. What may be said is decided before, by intervals over the seeds
(`verdict`) and by intervals and noise floors over the samples (`confidence`).
"""

import enum
import math
from collections.abc import Callable
from typing import NamedTuple

from keras_mix.evaluate import verdict
from keras_mix.evaluate.confidence import Confidence, State, confidence
from keras_mix.evaluate.results import (
    ACCURACY,
    BASELINE,
    ECE,
    NLL,
    NLL_SCALED,
    OOD_AUROC,
    Results,
)

# What decides a gain: the classes that are named, and the probabilities once a temperature has set
# the confidence right. Of a gain or loss before it, the second sentence tells.
HEADLINE = (ACCURACY, NLL_SCALED)
_IN_WORDS = {
    "accuracy": "accuracy",
    "scaled.nll": "NLL after a temperature",
    "nll": "NLL",
    "ece": "ECE",
}
# An ECE of which a reader should know that the samples may hide it.
_MATTERS = 0.05
# More names than these are counted.
_MOST_NAMES = 3
# More seeds than these are not recommended: the difference is too small to matter.
_MOST_SEEDS = 30


class Outcome(enum.Enum):
    """What the first sentence says."""

    MODEL = "one model, trained elsewhere"
    NO_BASELINE = "no run without mixing"
    NOTHING_MIXED = "no run with mixing"
    UNPAIRED = "no seed with and without mixing"
    ONE_SEED = "one seed"
    BOTH = "gain and loss"
    GAIN = "gain"
    LOSS = "loss"
    EQUAL = "equal"
    UNDECIDED = "undecided"


class Answer(NamedTuple):
    """What the numbers of a comparison say, in words, without markup.

    Attributes:
        outcome: An `Outcome`.
        sentences: Tuple of two strings: on the gain, and on the confidence.
        advice: Tuple of strings. What follows; may be empty.
    """

    outcome: Outcome
    sentences: tuple[str, str]
    advice: tuple[str, ...]


class Side(NamedTuple):
    """What is known of the runs of one mixer, or of those without one.

    Attributes:
        name: String.
        raw: The `Confidence` of the probabilities as they are.
        scaled: The `Confidence` after temperature scaling.
        temperature: Float. The mean temperature.
    """

    name: str
    raw: Confidence
    scaled: Confidence
    temperature: float

    @property
    def is_off(self):
        """Whether the confidence is wrong, beyond chance."""
        return self.raw.state is not State.CALIBRATED

    @property
    def is_mended(self):
        """Whether it is wrong, and after a temperature no longer is."""
        return self.is_off and self.scaled.state is State.CALIBRATED


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
    def paired(self):
        """Number of pairs of the mixer that has the most."""
        return max((len(found.pairs) for found in self.compared.values()), default=0)

    @property
    def gains(self):
        return [found for found in self.clear if found.mean > 0]

    @property
    def losses(self):
        return [found for found in self.clear if found.mean < 0]

    def headline(self, score):
        """The comparisons of all mixers in one score."""
        return [found for (_, of), found in self.compared.items() if of is score]

    def is_clearly(self, name, score, sign):
        """Whether a mixer is better (1) or worse (-1) by its own interval, uncorrected."""
        found = self.compared.get((name, score))
        return found is not None and found.is_clear and sign * found.mean > 0

    @property
    def leading(self):
        """The comparison of the headline: the largest gain, else loss, else difference; or None."""
        every = [found for score in HEADLINE for found in self.headline(score)]
        for among in (self.gains, self.losses, every):
            for score in HEADLINE:
                largest = [found for found in among if found.score is score and found.mean]
                if largest:
                    return max(largest, key=lambda found: abs(found.mean))
        return None


def answer(results: Results) -> Answer:
    """Returns what the numbers of a comparison say, and never more than they carry.

    A gain or loss is named if the paired 95 % interval over the seeds leaves out 0 after Holm's
    correction over the mixers, in accuracy or in the likelihood after temperature scaling. A
    network is over- or under-confident if the 95 % interval of its signed gap leaves out 0, and
    unevenly calibrated if only its ECE lies above the noise floor's interval.

    Args:
        results: `keras_mix.evaluate.Results` with at least one run.

    Returns:
        An `Answer`: two sentences and the advice that follows from them, without markup.

    Raises:
        ValueError: If there is no finished run.
        ImportError: If scipy is missing.

    Example:

    >>> from keras_mix.evaluate import Results, Run
    >>> run = Run.of_predictions("none", [[0.9, 0.1], [0.2, 0.8]] * 40, [0, 1] * 40)
    >>> print(answer(Results({"epochs": 1}, {"none": None}, [run])).sentences[0])
    No mixer was tried: accuracy 100.0 % without mixing.
    """
    if not results.runs:
        raise ValueError("answer: `results` must hold at least one finished run. Received: none.")
    facts = Facts(results)
    outcome, _, gain = next(case for case in _GAIN if case[1](facts))
    follows = next(text for condition, text in _FOLLOWS if condition(facts))
    sentences = (f"{gain(facts)}.", f"{_confidences(facts)}{follows(facts)}.")
    return Answer(outcome, sentences, tuple(text(facts) for holds, text in _ADVICE if holds(facts)))


def _side(results, name):
    runs = list(results.of(name).values())
    return Side(
        name,
        confidence(runs),
        confidence([run.scaled for run in runs]),
        results.spread(name, "temperature").mean,
    )


# The first sentence: does mixing gain?


def _model(facts):
    (side,) = facts.sides
    right, count = facts.results.spread(side.name, "accuracy").mean, _samples(facts)
    low, high = wilson(right, count)
    return (
        f"{side.name} is right on {100 * right:.1f} % of {count} samples "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    )


def _no_baseline(facts):
    return (
        "Whether mixing gains is not known, as no network was trained without it: accuracy "
        f"{_accuracies(facts)}"
    )


def _nothing_mixed(facts):
    return f"No mixer was tried: accuracy {_accuracies(facts)}"


def _unpaired(facts):
    return (
        "Whether mixing gains is not known, as no seed is finished both with and without it: "
        f"accuracy {_accuracies(facts)}"
    )


def _one_seed(facts):
    return f"One seed cannot tell a gain from chance: accuracy {_accuracies(facts)}"


def _gain(facts):
    return f"{_headline(facts)}{_others(facts)}"


def _loss(facts):
    return f"No mixer gains, and {_headline(facts)}{_others(facts)}"


def _equal(facts):
    return (
        "Mixing changes nothing: at each of "
        f"{facts.paired} seeds accuracy and likelihood are those without mixing"
    )


def _undecided(facts):
    found = facts.leading
    number = f"{_difference(found)}, 95 % interval {_interval(found)} over {_seeds(found)}"
    reason = ""
    if found.is_clear:
        reason = f", which is no longer clear among {_tested(facts, found)} mixers"
    elif abs(found.mean) > found.margin:
        reason = f", fewer than {verdict.LEAST_SAMPLES} of the {_samples(facts)} samples"
    return (
        "No gain or loss beyond chance is seen: the largest difference is that of "
        f"{found.mixer} in {_IN_WORDS[found.score.field]} ({number}{reason})"
    )


_GAIN: list[tuple[Outcome, Callable[[Facts], bool], Callable[[Facts], str]]] = [
    (Outcome.MODEL, lambda facts: not facts.results.trained, _model),
    (Outcome.NO_BASELINE, lambda facts: facts.baseline is None, _no_baseline),
    (Outcome.NOTHING_MIXED, lambda facts: not facts.mixed, _nothing_mixed),
    (Outcome.UNPAIRED, lambda facts: facts.paired == 0, _unpaired),
    (Outcome.ONE_SEED, lambda facts: facts.paired == 1, _one_seed),
    (Outcome.BOTH, lambda facts: bool(facts.gains and facts.losses), _gain),
    (Outcome.GAIN, lambda facts: bool(facts.gains), _gain),
    (Outcome.LOSS, lambda facts: bool(facts.losses), _loss),
    (Outcome.EQUAL, lambda facts: facts.leading is None, _equal),
    (Outcome.UNDECIDED, lambda facts: True, _undecided),
]


# The second sentence: is the confidence right, and what mends it?


def _nothing_to_mend(facts):
    return ""


def _no_temperature(facts):
    return "; no temperature can be fitted to so few samples or without an error"


def _all_mended(facts):
    return f"; a temperature mends that ({_after(facts, [s for s in facts.sides if s.is_off])})"


def _some_mended(facts):
    mended = [side for side in facts.sides if side.is_mended]
    others = [side for side in facts.sides if side.is_off and not side.is_mended]
    return (
        f"; a temperature mends that {_subject(mended)} ({_after(facts, mended)}), "
        f"not {_subject(others)} ({_after(facts, others)})"
    )


def _partly_mended(facts):
    return f"; a temperature mends a part of that ({_after(facts, _fittable(facts))})"


def _none_mended(facts):
    off = [side for side in facts.sides if side.is_off]
    return f"; a temperature does not mend that ({_after(facts, off)})"


_FOLLOWS: list[tuple[Callable[[Facts], bool], Callable[[Facts], str]]] = [
    (lambda facts: not any(side.is_off for side in facts.sides), _nothing_to_mend),
    (lambda facts: all(s.temperature == 1.0 for s in facts.sides if s.is_off), _no_temperature),
    (lambda facts: all(side.is_mended for side in facts.sides if side.is_off), _all_mended),
    (lambda facts: any(side.is_mended for side in facts.sides), _some_mended),
    (lambda facts: bool(_fittable(facts)), _partly_mended),
    (lambda facts: True, _none_mended),
]


def _confidences(facts):
    """Returns such as `"The network is over-confident without mixing (…), calibrated with a"`."""
    groups = {}
    for side in facts.sides:
        groups.setdefault(side.raw.state, []).append(side)
    parts = [_STATES[state](facts, sides) for state, sides in groups.items()]
    return f"The network is {_and(parts)}"


def _over(facts, sides):
    return f"over-confident{_with(facts, sides)} (confidence {_gaps(sides)} points above accuracy)"


def _under(facts, sides):
    return f"under-confident{_with(facts, sides)} (confidence {_gaps(sides)} points below accuracy)"


def _uneven(facts, sides):
    return (
        f"right on the whole but not at each confidence{_with(facts, sides)} "
        f"(ECE {_eces([side.raw for side in sides])} %, above its noise floor)"
    )


def _calibrated(facts, sides):
    return (
        f"calibrated as far as {_samples(facts)} samples can tell{_with(facts, sides)} "
        f"(ECE {_eces([side.raw for side in sides])} %, within its noise floor)"
    )


_STATES = {
    State.OVER: _over,
    State.UNDER: _under,
    State.UNEVEN: _uneven,
    State.CALIBRATED: _calibrated,
}


def _with(facts, sides):
    return f" {_subject(sides)}" if facts.results.trained else ""


# What follows


def _add_baseline(facts):
    return f"Compare with {BASELINE} too: without it no gain can be told."


def _add_mixers(facts):
    return "Compare with mixers too, such as mixup and cutmix."


def _add_seeds(facts):
    return "Train more seeds: 3 are the least that show a large difference, 5 or more are better."


def _power(facts):
    found = facts.leading
    needed = _seeds_needed(found)
    if not found.counts:
        least = math.ceil(verdict.LEAST_SAMPLES / abs(found.mean) - 1e-9)
        return f"A difference as small takes at least {least} validation samples to show."
    if needed > _MOST_SEEDS:
        return (
            f"If the difference of {found.mixer} is the one seen, more than {_MOST_SEEDS} seeds "
            "would have to show it: mixing changes little here."
        )
    return (
        f"Train more seeds: if the difference of {found.mixer} is the one seen, about {needed} "
        f"would show it{' by itself' * (len(facts.mixed) > 1)}."
    )


def _any_will_do(facts):
    names = _unique(found.mixer for found in facts.gains)
    return f"The order of {_names(names)} among themselves is not tested."


def _gain_is_confidence(facts):
    names = _names([side.name for side in facts.mixed if _only_confidence(facts, side)])
    return (
        f"What {names} gains in NLL, a temperature may give without mixing too: after a "
        "temperature on both sides no clear difference is left."
    )


def _ranks_as_well(facts):
    names = [side.name for side in facts.mixed if _only_shy(facts, side)]
    shown = ", ".join(
        f"{_interval(facts.compared[name, NLL_SCALED])} for {name}" for name in names[:_MOST_NAMES]
    )
    return (
        f"Do not read the NLL and ECE of {_names(names)} as a loss: they are those of an "
        "under-confident network, and with a temperature on both sides no loss is left (95 % "
        f"interval of the difference in NLL {shown})."
    )


def _mix_less(facts):
    names = _unique(found.mixer for found in facts.losses)
    others = [
        side.name
        for side in facts.mixed
        if side.name not in names
        and not any(facts.is_clearly(side.name, score, -1) for score in HEADLINE)
    ]
    instead = f", or take {_names(others, 'or')}" if others else ""
    return (
        f"Mix less than {_names(names)}: a smaller alpha, a rate below 1, the last epochs without "
        f"mixing (unmixed_epochs), RegMixup, which adds mixed samples to unmixed ones{instead}."
    )


def _fit_temperature(facts):
    shown = ", ".join(f"{side.temperature:.2f} {_place(facts, side)}" for side in _fittable(facts))
    return (
        "Fit a temperature on held-out samples after training "
        f"(keras_mix.calibration.TemperatureScaling): about {shown}."
    )


def _still_shy(facts):
    names = _names([side.name for side in facts.mixed if _stays_shy(side)])
    return (
        f"A temperature is not enough for {names}: harder labels make a network more confident, by "
        "a smaller alpha, the last epochs without mixing (unmixed_epochs) or RegMixup."
    )


def _mixing_mends(facts):
    names = _names([side.name for side in facts.mixed if not side.is_off])
    too = "; a temperature without mixing does so too" if facts.baseline.is_mended else ""
    return f"{names} removes the over-confidence, as far as these samples can tell{too}."


def _unknown_samples(facts):
    names = _names([found.mixer for found in _worse_on_unknown(facts)])
    return (
        f"Where samples of no class occur, beware of {names}: its confidences tell them from the "
        "others less well (OOD AUROC) than without mixing; RegMixup is made for that."
    )


def _nothing_needed(facts):
    return "No temperature is needed: no error of confidence is larger than chance makes it here."


def _more_samples(facts):
    ceiling = max(side.raw.ceiling for side in facts.sides)
    return (
        f"With {_samples(facts)} samples a calibrated network shows an ECE of up to "
        f"{100 * ceiling:.1f} %: take more validation samples to see smaller errors."
    )


_ADVICE: list[tuple[Callable[[Facts], bool], Callable[[Facts], str]]] = [
    (lambda facts: facts.results.trained and facts.baseline is None, _add_baseline),
    (lambda facts: facts.results.trained and not facts.mixed, _add_mixers),
    (lambda facts: bool(facts.baseline and facts.mixed) and facts.paired < 2, _add_seeds),
    (lambda facts: facts.paired > 1 and not facts.clear and facts.leading is not None, _power),
    (lambda facts: len({found.mixer for found in facts.gains}) > 1, _any_will_do),
    (lambda facts: any(_only_confidence(facts, side) for side in facts.mixed), _gain_is_confidence),
    (lambda facts: any(_only_shy(facts, side) for side in facts.mixed), _ranks_as_well),
    (lambda facts: bool(facts.losses), _mix_less),
    (lambda facts: bool(_fittable(facts)), _fit_temperature),
    (lambda facts: facts.results.trained and any(map(_stays_shy, facts.mixed)), _still_shy),
    (lambda facts: _is_over(facts) and not all(s.is_off for s in facts.mixed), _mixing_mends),
    (lambda facts: bool(_worse_on_unknown(facts)), _unknown_samples),
    (lambda facts: not any(s.is_off or _is_hidden(s) for s in facts.sides), _nothing_needed),
    (lambda facts: any(_is_hidden(side) for side in facts.sides), _more_samples),
]


# Conditions on one side


def _only_confidence(facts, side):
    """Whether a mixer is better in NLL as it is, and no longer after temperatures."""
    return (
        facts.is_clearly(side.name, NLL, 1)
        and not facts.is_clearly(side.name, NLL_SCALED, 1)
        and facts.baseline.is_off
    )


def _only_shy(facts, side):
    """Whether a mixer is worse by under-confidence, and after a temperature no longer."""
    worse = any(facts.is_clearly(side.name, score, -1) for score in (NLL, ECE))
    after = any(facts.is_clearly(side.name, score, -1) for score in HEADLINE)
    return side.raw.state is State.UNDER and worse and not after


def _fittable(facts):
    """The sides whose confidence is wrong and less so after a temperature."""
    return [side for side in facts.sides if side.is_off and side.scaled.ece < side.raw.ece]


def _stays_shy(side):
    return side.raw.state is State.UNDER and not side.is_mended


def _is_over(facts):
    return facts.baseline is not None and facts.baseline.raw.state is State.OVER


def _is_hidden(side):
    """Whether an ECE that would matter cannot be told from a calibrated network's."""
    return not side.is_off and side.raw.ceiling > _MATTERS


def _worse_on_unknown(facts):
    found = [verdict.compared(facts.results, side.name, OOD_AUROC) for side in facts.mixed]
    return [one for one in found if one and one.is_clear and one.mean < 0]


# Words


def _headline(facts):
    """Returns such as `"mixup gains beyond chance in accuracy (…)"`, of the leading mixer."""
    mixer = facts.leading.mixer
    clauses = []
    for verb, found in (("gains", facts.gains), ("loses", facts.losses)):
        shown = [
            f"{_IN_WORDS[one.score.field]} ({verdict.against(one)} without mixing, 95 % interval "
            f"of the difference {_interval(one)})"
            for one in found
            if one.mixer == mixer
        ]
        clauses += [f"{verb} beyond chance in {_and(shown)}"] if shown else []
    return f"{mixer} {_and(clauses)} over {_seeds(facts.leading)}"


def _others(facts):
    """Returns such as `"; cutmix gains as well, fmix loses in accuracy"`, of the other mixers."""
    rest = [found for found in facts.clear if found.mixer != facts.leading.mixer]
    parts = []
    for score in HEADLINE:
        for verb, sign in (("gain", 1), ("lose", -1)):
            names = [one.mixer for one in rest if one.score is score and sign * one.mean > 0]
            ending = "s" if len(names) == 1 else ""
            if names:
                parts.append(f"{_names(names)} {verb}{ending} in {_IN_WORDS[score.field]}")
    return f"; {_and(parts)}" if parts else ""


def _difference(found):
    """Returns such as `"+0.5 points"`, mixed minus unmixed."""
    score = found.score
    unit = "points" if score.unit == "%" else score.unit
    return f"{_sign(found) * found.mean * score.factor:+.{score.digits}f} {unit}"


def _interval(found):
    """Returns such as `"-1.0 to +2.0"`."""
    middle, digits = _sign(found) * found.mean, found.score.digits
    low, high = (found.score.factor * (middle + side * found.margin) for side in (-1.0, 1.0))
    return f"{low:+.{digits}f} to {high:+.{digits}f}"


def _sign(found):
    return 1.0 if found.score.higher_is_better else -1.0


def _seeds(found):
    return f"{len(found.pairs)} seeds"


def _tested(facts, found):
    return sum(len(one.pairs) > 1 for one in facts.headline(found.score))


def _seeds_needed(found):
    """Seeds after which the interval would leave out 0, were mean and deviation those seen."""
    deviation = found.error * math.sqrt(len(found.pairs))
    enough = (
        count
        for count in range(2, _MOST_SEEDS + 1)
        if verdict.quantile(count) * deviation / math.sqrt(count) < abs(found.mean)
    )
    return next(enough, _MOST_SEEDS + 1)


def _accuracies(facts):
    """Returns such as `"91.5 % with mixup, 86.2 % without mixing"`."""
    shown = [
        f"{100 * facts.results.spread(side.name, 'accuracy').mean:.1f} % {_place(facts, side)}"
        for side in (*facts.mixed, *([facts.baseline] if facts.baseline else []))
    ]
    more = f" and {len(shown) - _MOST_NAMES - 1} others" if len(shown) > _MOST_NAMES + 1 else ""
    return ", ".join(shown[: _MOST_NAMES + 1] if more else shown) + more


def _samples(facts):
    return facts.results.settings.get("validation_samples") or sum(
        facts.results.runs[0].reliability.counts
    )


def _place(facts, side):
    return _subject([side]) if facts.results.trained else f"for {side.name}"


def _subject(sides):
    """Returns such as `"without mixing and with mixup"`."""
    names = [side.name for side in sides if side.name != BASELINE]
    return _and(
        ["without mixing"] * (len(names) < len(sides))
        + ([f"with {_names(names)}"] if names else [])
    )


def _after(facts, sides):
    """Returns what a temperature changes, of the sides that the reader has met already."""
    met = [BASELINE, facts.leading.mixer] if facts.leading else []
    shown = [side for side in sides if side.name in met] or sides[:2]
    return "; ".join(_before_and_after(facts, side, len(sides) > 1) for side in shown)


def _before_and_after(facts, side, is_one_of_several):
    nll, scaled = (facts.results.spread(side.name, score.field).mean for score in (NLL, NLL_SCALED))
    place = f"{_subject([side])} " if is_one_of_several else ""
    return (
        f"{place}ECE {100 * side.raw.ece:.1f} to {100 * side.scaled.ece:.1f} %, "
        f"NLL {nll:.3f} to {scaled:.3f}"
    )


def _gaps(sides):
    if len(sides) == 1:
        return f"{100 * abs(sides[0].raw.gap):.1f} ± {100 * sides[0].raw.margin:.1f}"
    return _span([abs(side.raw.gap) for side in sides])


def _eces(readings):
    return _span([reading.ece for reading in readings])


def _span(values):
    low, high = (f"{100 * value:.1f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _names(names, word="and"):
    if len(names) > _MOST_NAMES + 1:
        names = [*names[:_MOST_NAMES], f"{len(names) - _MOST_NAMES} others"]
    return _and(names, word)


def _and(parts, word="and"):
    return f" {word} ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _unique(names):
    return list(dict.fromkeys(names))


def wilson(right, count):
    """The 95 % interval of a fraction of `count` samples (Wilson 1927): honest near 0 and 1."""
    z = 1.959964
    middle = (right + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(right * (1 - right) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return middle - half, middle + half
