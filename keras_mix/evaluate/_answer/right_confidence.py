"""The second sentence: is the confidence right, and does a temperature mend it?"""

from collections.abc import Callable

from keras_mix.evaluate._answer import words
from keras_mix.evaluate._answer.facts import Facts
from keras_mix.evaluate.confidence import State
from keras_mix.evaluate.results import BASELINE


def sentence(facts):
    """Returns such as `"The network is over-confident without mixing (…), calibrated with a"`."""
    if facts.all_guess and facts.results.trained:
        return "What its confidence is worth cannot be told before it has learned something."
    if facts.all_guess:
        return (
            "What its confidence is worth cannot be told before that has a cause: check the value "
            "range (--value-range) and the order of the classes."
        )
    groups = {}
    for side in facts.sides:
        groups.setdefault(side.raw.state, []).append(side)
    parts = [_STATES[state](facts, sides) for state, sides in groups.items()]
    follows = next(text for condition, text in _FOLLOWS if condition(facts))
    return f"The network is {words.joined(parts)}{follows(facts)}{_unfitted(facts)}."


def _nothing_to_mend(facts):
    return ""


def _no_temperature(facts):
    return "; no temperature can be fitted to fewer than two errors, or to one class"


def _unfitted(facts):
    """What the temperatures of some runs do not tell of the others."""
    some = [side for side in facts.sides if side.is_off and not side.is_fitted]
    if not any(side.fitted for side in facts.sides if side.is_off) or not some:
        return ""
    missing, runs = sum(s.runs - s.fitted for s in some), sum(s.runs for s in some)
    verb = "has" if missing == 1 else "have"
    return (
        f"; {missing} of the {runs} runs {words.subject(some)} {verb} too few errors to fit a "
        "temperature to"
    )


def _all_mended(facts):
    return f"; a temperature mends that ({_after(facts, [s for s in facts.sides if s.is_off])})"


def _some_mended(facts):
    mended = [side for side in facts.sides if side.is_mended]
    others = [s for s in facts.sides if s.is_off and s.scaled and not s.is_mended]
    but = f", not {words.subject(others)} ({_after(facts, others)})" if others else ""
    return f"; a temperature mends that {words.subject(mended)} ({_after(facts, mended)}){but}"


def _partly_mended(facts):
    off = [side for side in facts.sides if side.is_off]
    where = f" {words.subject(facts.fittable)}" if len(facts.fittable) < len(off) else ""
    return f"; a temperature mends a part of that{where} ({_after(facts, facts.fittable)})"


def _none_mended(facts):
    off = [side for side in facts.sides if side.is_off and side.scaled]
    return f"; a temperature does not mend that ({_after(facts, off)})"


def _over(facts, sides):
    return f"over-confident{_with(facts, sides)} (confidence {_gaps(sides, 'above')})"


def _under(facts, sides):
    return f"under-confident{_with(facts, sides)} (confidence {_gaps(sides, 'below')})"


def _uneven(facts, sides):
    return (
        f"right on the whole but not at each confidence{_with(facts, sides)} "
        f"(ECE {_eces([side.raw for side in sides])} %, above its noise floor)"
    )


def _calibrated(facts, sides):
    return (
        f"calibrated as far as {facts.samples} samples can tell{_with(facts, sides)} "
        f"(ECE {_eces([side.raw for side in sides])} %, within its noise floor)"
    )


_STATES = {
    State.OVER: _over,
    State.UNDER: _under,
    State.UNEVEN: _uneven,
    State.CALIBRATED: _calibrated,
}


def _with(facts, sides):
    return f" {words.subject(sides)}" if facts.results.trained else ""


def _after(facts, sides):
    """Returns what a temperature changes, of the sides that the reader has met already."""
    met = [BASELINE, facts.leading.mixer] if facts.leading else []
    shown = [side for side in sides if side.name in met] or sides[:2]
    return "; ".join(_before_and_after(side, len(sides) > 1) for side in shown)


def _before_and_after(side, is_one_of_several):
    place = f"{words.subject([side])} " if is_one_of_several else ""
    return (
        f"{place}ECE {100 * side.before.ece:.1f} to {100 * side.scaled.ece:.1f} %, "
        f"NLL {side.nll:.3f} to {side.scaled_nll:.3f}"
    )


def _gaps(sides, side_of_accuracy):
    gaps = words.span([abs(side.raw.gap) for side in sides])
    chance = words.span([side.raw.margin for side in sides])
    return f"{gaps} points {side_of_accuracy} accuracy; chance makes up to {chance}"


def _eces(readings):
    return words.span([reading.ece for reading in readings])


# (condition, text): the first true condition decides.
_FOLLOWS: list[tuple[Callable[[Facts], bool], Callable[[Facts], str]]] = [
    (lambda facts: not any(side.is_off for side in facts.sides), _nothing_to_mend),
    (lambda facts: not any(s.fitted for s in facts.sides if s.is_off), _no_temperature),
    (lambda facts: all(side.is_mended for side in facts.sides if side.is_off), _all_mended),
    (lambda facts: any(side.is_mended for side in facts.sides), _some_mended),
    (lambda facts: bool(facts.fittable), _partly_mended),
    (lambda facts: True, _none_mended),
]
