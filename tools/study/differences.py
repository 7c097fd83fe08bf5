"""Differences between methods, and the cells they are taken in, for `table.Scores.paired`."""

NONE = "none"


def gain(method, length, score, over=NONE):
    """How much a method raises a score above another's."""
    return lambda get: get(method, length, score) - get(over, length, score)


def fall(method, length, score, over=NONE):
    """How much a method lowers a score below another's."""
    return gain(over, length, score, over=method)


def only(**wanted):
    """Whether a cell has one of the values wanted, and one network for each seed."""
    return lambda cell: (
        cell.members == 1 and all(getattr(cell, name) in values for name, values in wanted.items())
    )
