"""Words for numbers: differences with their intervals, lists of mixers, accuracies."""

import math

from keras_mix.evaluate.results import BASELINE, NLL, NLL_SCALED

# More names than these are counted.
MOST_NAMES = 3

IN_WORDS = {
    "accuracy": "accuracy",
    "scaled.nll": "NLL after a temperature",
    "nll": "NLL",
    "ece": "ECE",
}


def difference(found):
    """Returns such as `"+0.5 points"`, mixed minus unmixed."""
    score = found.score
    unit = "points" if score.unit == "%" else score.unit
    return f"{sign(found) * found.mean * score.factor:+.{score.digits}f} {unit}"


def interval(found):
    """Returns such as `"-1.0 to +2.0"`."""
    middle, digits = sign(found) * found.mean, found.score.digits
    low, high = (found.score.factor * (middle + side * found.margin) for side in (-1.0, 1.0))
    return f"{low:+.{digits}f} to {high:+.{digits}f}"


def sign(found):
    return 1.0 if found.score.higher_is_better else -1.0


def seeds(found):
    return f"{len(found.pairs)} seeds"


def place(facts, side):
    return subject([side]) if facts.results.trained else f"for {side.name}"


def subject(sides):
    """Returns such as `"without mixing and with mixup"`."""
    names = [side.name for side in sides if side.name != BASELINE]
    return joined(
        ["without mixing"] * (len(names) < len(sides))
        + ([f"with {listed(names)}"] if names else [])
    )


def accuracies(facts):
    """Returns such as `"91.5 % with mixup, 86.2 % without mixing"`."""
    shown = [
        f"{100 * facts.results.spread(side.name, 'accuracy').mean:.1f} % {place(facts, side)}"
        for side in (*facts.mixed, *([facts.baseline] if facts.baseline else []))
    ]
    more = f" and {len(shown) - MOST_NAMES - 1} others" if len(shown) > MOST_NAMES + 1 else ""
    return ", ".join(shown[: MOST_NAMES + 1] if more else shown) + more


def likelihoods(facts, side):
    """Returns the mean NLL of a side, before and after temperature scaling."""
    return tuple(facts.results.spread(side.name, score.field).mean for score in (NLL, NLL_SCALED))


def span(values):
    low, high = (f"{100 * value:.1f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def listed(names, word="and"):
    if len(names) > MOST_NAMES + 1:
        names = [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} others"]
    return joined(names, word)


def joined(parts, word="and"):
    return f" {word} ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def unique(names):
    return list(dict.fromkeys(names))


def wilson(right, count):
    """The 95 % interval of a fraction of `count` samples (Wilson 1927): honest near 0 and 1."""
    z = 1.959964
    middle = (right + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(right * (1 - right) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return middle - half, middle + half
