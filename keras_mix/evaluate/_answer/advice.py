"""Advice that follows from the facts of an answer."""

import math
from collections.abc import Callable

from keras_mix.evaluate import verdict
from keras_mix.evaluate._answer import words
from keras_mix.evaluate._answer.facts import HEADLINE, Facts
from keras_mix.evaluate.confidence import State
from keras_mix.evaluate.results import ACCURACY, BASELINE, ECE, NLL, NLL_SCALED, OOD_AUROC

# An ECE of which a reader should know that the samples may hide it.
_MATTERS = 0.05

# Twice the log-likelihood that one free number, such as a temperature, gains by chance in 1 of 100
# cases (chi-squared, one degree of freedom). Cross-fitted, it gains less.
_LIKELIHOOD_RATIO = 6.63
_LEARN = "Train longer, and check that samples and labels belong together."
# More seeds than these are not recommended: the difference is too small to matter.
_MOST_SEEDS = 30


def advice(facts):
    """Returns a tuple of sentences."""
    if facts.all_guess:
        return (_LEARN,) if facts.results.trained else ()
    return tuple(text(facts) for holds, text in _ADVICE if holds(facts))


def _harder_samples(facts):
    return "Take more validation samples, or harder ones: there are too few errors to learn from."


def _add_baseline(facts):
    return f"Compare with {BASELINE} too: without it no gain can be told."


def _add_mixers(facts):
    return "Compare with mixers too, such as mixup and cutmix."


def _add_seeds(facts):
    return "Train more seeds: 3 are the least that show a large difference, 5 or more are better."


def _power(facts):
    found = facts.leading
    needed = _seeds_needed(found)
    if not found.counts and found.score is not ACCURACY:
        return f"{found.mixer} changes too little to matter, whatever the number of seeds."
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
    names = words.unique(found.mixer for found in facts.gains)
    return f"The order of {words.listed(names)} among themselves is not tested."


def _gain_is_confidence(facts):
    names = words.listed([side.name for side in facts.mixed if _only_confidence(facts, side)])
    return (
        f"What {names} gains in NLL, a temperature may give without mixing too: after a "
        "temperature on both sides no clear difference is left."
    )


def _ranks_as_well(facts):
    names = [side.name for side in facts.mixed if _only_shy(facts, side)]
    shown = ", ".join(
        f"{words.interval(facts.compared[name, NLL_SCALED])} for {name}"
        for name in names[: words.MOST_NAMES]
    )
    return (
        f"Do not read the NLL and ECE of {words.listed(names)} as a loss: they are those of an "
        "under-confident network, and with a temperature on both sides no loss beyond chance is "
        f"left (95 % interval of the difference in NLL {shown})."
    )


def _mix_less(facts):
    names = words.unique(found.mixer for found in facts.losses)
    others = [
        side.name
        for side in facts.mixed
        if side.name not in names
        and not any(facts.is_clearly(side.name, score, -1) for score in HEADLINE)
    ]
    instead = f", or take {words.listed(others, 'or')}" if others else ""
    ways = ["a smaller alpha", "a rate below 1", "the last epochs without mixing (unmixed_epochs)"]
    if not any(map(facts.is_regularizer, names)):
        ways.append("RegMixup, which adds mixed samples to unmixed ones")
    return f"Mix less than {words.listed(names)}: {', '.join(ways)}{instead}."


def _fit_temperature(facts):
    shown = ", ".join(
        f"{side.temperature:.2f} {words.place(facts, side)}" for side in facts.fittable
    )
    return (
        "Fit a temperature on held-out samples after training "
        f"(keras_mix.calibration.TemperatureScaling): about {shown}."
    )


def _still_shy(facts):
    names = [side.name for side in facts.mixed if _stays_shy(side)]
    ways = ["a smaller alpha", "the last epochs without mixing (unmixed_epochs)"]
    if not any(map(facts.is_regularizer, names)):
        ways.append("RegMixup")
    return (
        f"A temperature is not enough for {words.listed(names)}: harder labels make a network more "
        f"confident, by {words.joined(ways, 'or')}."
    )


def _is_shy_anyway(facts):
    return (
        "Without mixing the network is under-confident as well, like one that is trained too "
        "little, too small, or taught by wrong labels: softer labels add to that."
    )


def _mixing_mends(facts):
    names = words.listed([side.name for side in facts.mixed if not side.is_off])
    too = "; a temperature without mixing does so too" if facts.baseline.is_mended else ""
    return f"{names} removes the over-confidence, as far as these samples can tell{too}."


def _unknown_samples(facts):
    names = words.listed([found.mixer for found in _worse_on_unknown(facts)])
    return (
        f"Where samples of no class occur, beware of {names}: its confidences tell them from the "
        "others less well (OOD AUROC) than without mixing; RegMixup is made for that."
    )


def _nothing_needed(facts):
    return "No temperature is called for: no error of confidence is larger than chance makes it."


def _may_pay(facts):
    shown = ", ".join(
        f"{side.nll:.3f} to {side.scaled_nll:.3f} {words.place(facts, side)}"
        for side in _lowered(facts)
    )
    return (
        "A temperature may pay although no error of confidence is seen: it lowers the NLL of "
        f"samples that it was not fitted to ({shown})."
    )


def _guesses(facts):
    compared = words.like_a_guess(facts, facts.guessing)
    return f"The accuracy {words.subject(facts.guessing)} is {compared}. {_LEARN}"


def _more_samples(facts):
    ceiling = max(side.raw.ceiling for side in facts.sides)
    return (
        f"With {facts.samples} samples a calibrated network shows an ECE of up to "
        f"{100 * ceiling:.1f} %: take more validation samples to see smaller errors."
    )


def _has_few_seeds(facts):
    return facts.paired < verdict.LEAST_SEEDS


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
    return side.is_fitted and side.raw.state is State.UNDER and worse and not after


def _stays_shy(side):
    return side.is_fitted and side.raw.state is State.UNDER and not side.is_mended


def _is_over(facts):
    return facts.baseline is not None and facts.baseline.raw.state is State.OVER


def _is_under(facts):
    return facts.baseline is not None and facts.baseline.raw.state is State.UNDER


def _is_fine(facts):
    """Whether no side has an error of confidence, seen, hidden or to be expected."""
    wrong = any(side.is_off or _is_hidden(side) for side in facts.sides)
    return not (wrong or facts.guessing or _lowered(facts))


def _lowered(facts):
    """Calibrated sides, as far as seen, with an NLL that a cross-fitted temperature lowers."""
    return [
        side
        for side in facts.sides
        if not side.is_off
        and side.scaled is not None
        and 2 * facts.samples * (side.nll - side.scaled_nll) > _LIKELIHOOD_RATIO
    ]


def _is_hidden(side):
    """Whether an ECE that would matter cannot be told from a calibrated network's."""
    return not side.is_off and side.raw.ceiling > _MATTERS


def _worse_on_unknown(facts):
    found = [verdict.compared(facts.results, side.name, OOD_AUROC) for side in facts.mixed]
    return [one for one in found if one and one.is_clear and one.mean < 0]


def _seeds_needed(found):
    """Seeds after which the interval would leave out 0, were mean and deviation those seen."""
    deviation = found.error * math.sqrt(len(found.pairs))
    enough = (
        count
        for count in range(2, _MOST_SEEDS + 1)
        if verdict.quantile(count) * deviation / math.sqrt(count) < abs(found.mean)
    )
    return next(enough, _MOST_SEEDS + 1)


# (condition, text): every text with a true condition is given.
_ADVICE: list[tuple[Callable[[Facts], bool], Callable[[Facts], str]]] = [
    (lambda facts: bool(facts.guessing), _guesses),
    (lambda facts: not any(side.fitted for side in facts.sides), _harder_samples),
    (lambda facts: facts.results.trained and facts.baseline is None, _add_baseline),
    (lambda facts: facts.results.trained and not facts.mixed, _add_mixers),
    (lambda facts: bool(facts.baseline and facts.mixed) and _has_few_seeds(facts), _add_seeds),
    (lambda facts: not (_has_few_seeds(facts) or facts.clear or facts.leading is None), _power),
    (lambda facts: len({found.mixer for found in facts.gains}) > 1, _any_will_do),
    (lambda facts: any(_only_confidence(facts, side) for side in facts.mixed), _gain_is_confidence),
    (lambda facts: any(_only_shy(facts, side) for side in facts.mixed), _ranks_as_well),
    (lambda facts: bool(facts.losses), _mix_less),
    (lambda facts: bool(facts.fittable), _fit_temperature),
    (lambda facts: facts.results.trained and any(map(_stays_shy, facts.mixed)), _still_shy),
    (lambda facts: _is_under(facts) and bool(facts.mixed), _is_shy_anyway),
    (lambda facts: _is_over(facts) and not all(s.is_off for s in facts.mixed), _mixing_mends),
    (lambda facts: bool(_worse_on_unknown(facts)), _unknown_samples),
    (lambda facts: bool(_lowered(facts)), _may_pay),
    (_is_fine, _nothing_needed),
    (lambda facts: any(_is_hidden(side) for side in facts.sides), _more_samples),
]
