"""The radii of an attack."""

from keras_mix._core import checks


def checked(epsilons):
    """Returns a list of floats of at least 0, ascending, each once."""
    if isinstance(epsilons, str) or not hasattr(epsilons, "__iter__") or not len(epsilons):
        raise ValueError(
            f"`epsilons` must be a list of numbers of at least 0. Received: epsilons={epsilons!r}"
        )
    return sorted({checks.number("epsilons", float(each)) for each in epsilons})
