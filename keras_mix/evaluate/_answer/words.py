"""Words for numbers: differences with their intervals, lists of mixers, accuracies."""

from keras_mix.evaluate import verdict
from keras_mix.evaluate.results import BASELINE

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
    return f"{signed(sign(found) * found.mean, score)} {unit}"


def interval(found):
    """Returns such as `"−1.0 to +2.0"`."""
    middle = sign(found) * found.mean
    return " to ".join(signed(middle + side * found.margin, found.score) for side in (-1.0, 1.0))


def signed(value, score):
    """Returns such as `"−1.0"`, in the unit of `score`, with a minus sign, not a hyphen."""
    return f"{value * score.factor:+.{score.digits}f}".replace("-", "−")


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
        f"{100 * side.accuracy:.1f} % {place(facts, side)}"
        for side in (*facts.mixed, *([facts.baseline] if facts.baseline else []))
    ]
    more = f" and {len(shown) - MOST_NAMES - 1} others" if len(shown) > MOST_NAMES + 1 else ""
    return ", ".join(shown[: MOST_NAMES + 1] if more else shown) + more


def like_a_guess(facts, sides):
    """Returns how accuracies that are no better than a guess compare with that of a guess."""
    highest = max(verdict.wilson(side.accuracy, facts.samples)[1] for side in sides)
    guess = f"guessing among {facts.classes} classes"
    return f"less than by {guess}" if highest < 1 / facts.classes else f"that of {guess}"


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
