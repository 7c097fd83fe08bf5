"""The first sentence: does mixing gain, by which mixer, in which score?"""

import enum
from collections.abc import Callable

from keras_mix.evaluate import verdict
from keras_mix.evaluate._answer import words
from keras_mix.evaluate._answer.facts import Facts
from keras_mix.evaluate.results import ACCURACY, NLL_SCALED


class Outcome(enum.Enum):
    """What the first sentence says."""

    MODEL = "one model, trained elsewhere"
    GUESSING = "nothing learned"
    NO_BASELINE = "no run without mixing"
    NOTHING_MIXED = "no run with mixing"
    UNPAIRED = "no seed with and without mixing"
    FEW_SEEDS = "too few seeds"
    BOTH = "gain and loss"
    GAIN = "gain"
    LOSS = "loss"
    EQUAL = "equal"
    TOO_GOOD = "too few errors to compare"
    UNDECIDED = "undecided"


def sentence(facts):
    """Returns the `Outcome` and the sentence."""
    outcome, _, text = next(case for case in _CASES if case[1](facts))
    return outcome, f"{text(facts)}."


def _model(facts):
    (side,) = facts.sides
    right, count = side.accuracy, facts.samples
    low, high = verdict.wilson(right, count)
    guess = f", {words.like_a_guess(facts, facts.guessing)}" if facts.guessing else ""
    return (
        f"{side.name} is right on {100 * right:.1f} % of {count} samples "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %){guess}"
    )


def _guessing(facts):
    return (
        f"No mixer can be judged: the accuracy {words.subject(facts.sides)} is "
        f"{words.like_a_guess(facts, facts.sides)}"
    )


def _no_baseline(facts):
    return (
        "Whether mixing gains is not known, as no network was trained without it: accuracy "
        f"{words.accuracies(facts)}"
    )


def _nothing_mixed(facts):
    return f"No mixer was tried: accuracy {words.accuracies(facts)}"


def _unpaired(facts):
    return (
        "Whether mixing gains is not known, as no seed is finished both with and without it: "
        f"accuracy {words.accuracies(facts)}"
    )


def _few_seeds(facts):
    count = {1: "One seed", 2: "Two seeds"}[facts.paired]
    return f"{count} cannot tell a gain from chance: accuracy {words.accuracies(facts)}"


def _gain(facts):
    return f"{_headline(facts)}{_others(facts)}"


def _loss(facts):
    return f"No mixer gains, and {_headline(facts)}{_others(facts)}"


def _equal(facts):
    return (
        "Mixing changes nothing: at each of "
        f"{facts.paired} seeds accuracy and likelihood are those without mixing"
    )


def _too_good(facts):
    return (
        f"Mixing changes no accuracy, at {facts.paired} seeds, and networks with fewer than two "
        f"errors among {facts.samples} samples cannot be compared in NLL after a temperature: "
        f"accuracy {words.accuracies(facts)}"
    )


def _undecided(facts):
    found = facts.leading
    number = (
        f"{words.difference(found)}, 95 % interval {words.interval(found)} over "
        f"{words.seeds(found)}"
    )
    reason = ""
    if found.is_clear:
        reason = f", which is no longer clear among {_tested(facts, found)} mixers"
    elif abs(found.mean) > found.margin:
        few = f"fewer than {verdict.LEAST_SAMPLES} of the {facts.samples} samples"
        reason = f", {few if found.score is ACCURACY else 'too small to matter'}"
    largest = "clearest" if found.is_clear else "largest"
    return (
        "No gain or loss beyond chance is seen in accuracy or NLL after a temperature: the "
        f"{largest} difference is that of {found.mixer} in "
        f"{words.IN_WORDS[found.score.field]} ({number}{reason})"
    )


def _headline(facts):
    """Returns such as `"mixup gains beyond chance in accuracy (…)"`, of the leading mixer."""
    mixer = facts.leading.mixer
    clauses = []
    for verb, found in (("gains", facts.gains), ("loses", facts.losses)):
        shown = [
            f"{words.IN_WORDS[one.score.field]} ({verdict.against(one)} without mixing, 95 % "
            f"interval of the difference {words.interval(one)})"
            for one in found
            if one.mixer == mixer
        ]
        clauses += [f"{verb} beyond chance in {words.joined(shown)}"] if shown else []
    return f"{mixer} {words.joined(clauses)} over {words.seeds(facts.leading)}"


def _others(facts):
    """Returns such as `"; cutmix gains in accuracy; fmix loses in NLL"`, of the other mixers."""
    rest = [found for found in facts.clear if found.mixer != facts.leading.mixer]
    said = {}
    for mixer in words.unique(found.mixer for found in rest):
        signs = tuple((one.score, one.mean > 0) for one in rest if one.mixer == mixer)
        said.setdefault(signs, []).append(mixer)
    parts = [f"{words.listed(names)} {_verbs(signs, names)}" for signs, names in said.items()]
    return "".join(f"; {part}" for part in parts)


def _verbs(signs, names):
    """Returns such as `"gain in accuracy and NLL after a temperature"`."""
    ending = "s" if len(names) == 1 else ""
    clauses = []
    for verb, is_gain in ((f"gain{ending}", True), (f"lose{ending}", False)):
        scores = [words.IN_WORDS[score.field] for score, sign in signs if sign is is_gain]
        clauses += [f"{verb} in {words.joined(scores)}"] if scores else []
    return words.joined(clauses)


def _tested(facts, found):
    return len(facts.headline(found.score))


# (outcome, condition, text): the first true condition decides.
_CASES: list[tuple[Outcome, Callable[[Facts], bool], Callable[[Facts], str]]] = [
    (Outcome.MODEL, lambda facts: not facts.results.trained, _model),
    (Outcome.GUESSING, lambda facts: facts.all_guess, _guessing),
    (Outcome.NO_BASELINE, lambda facts: facts.baseline is None, _no_baseline),
    (Outcome.NOTHING_MIXED, lambda facts: not facts.mixed, _nothing_mixed),
    (Outcome.UNPAIRED, lambda facts: facts.paired == 0, _unpaired),
    (Outcome.FEW_SEEDS, lambda facts: facts.paired < verdict.LEAST_SEEDS, _few_seeds),
    (Outcome.BOTH, lambda facts: bool(facts.gains and facts.losses), _gain),
    (Outcome.GAIN, lambda facts: bool(facts.gains), _gain),
    (Outcome.LOSS, lambda facts: bool(facts.losses), _loss),
    (Outcome.TOO_GOOD, lambda facts: not (facts.leading or facts.headline(NLL_SCALED)), _too_good),
    (Outcome.EQUAL, lambda facts: facts.leading is None, _equal),
    (Outcome.UNDECIDED, lambda facts: True, _undecided),
]
