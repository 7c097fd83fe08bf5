"""Covering arrays: few cases in which every pair of values of two factors occurs."""

import itertools


def cases(factors, legal=lambda case: True):
    """A list of dicts from factors to values, in which every legal pair of values occurs.

    Greedy: each case starts from a pair that is missing yet, and takes for each other factor the
    value that covers most of what is missing. Deterministic.

    Args:
        factors: A dict from names to lists of values.
        legal: Whether a case, of some or of all factors, may occur.
    """
    missing = {tuple(sorted(pair.items())) for pair in pairs(factors) if legal(pair)}
    found = []
    while missing:
        case = dict(min(missing, key=repr))
        for name in sorted(factors.keys() - case.keys()):
            values = [value for value in factors[name] if legal({**case, name: value})]
            gains = [sum(pair in missing for pair in _beside(case, name, v)) for v in values]
            case[name] = values[gains.index(max(gains))]
        found.append(case)
        missing -= {pair for name in case for pair in _beside(case, name, case[name])}
    return found


def pairs(factors):
    """All dicts of a value for each of two factors."""
    for (one, values), (other, others) in itertools.combinations(sorted(factors.items()), 2):
        for value, beside in itertools.product(values, others):
            yield {one: value, other: beside}


def _beside(case, name, value):
    """The pairs, sorted tuples, of a factor's value and those of the others in a case."""
    return [tuple(sorted([(name, value), item])) for item in case.items() if item[0] != name]
