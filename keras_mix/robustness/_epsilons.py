"""The radii of an attack."""

import warnings

from keras_mix._core import checks


def checked(epsilons):
    """Returns a list of floats of at least 0, ascending, each once."""
    if isinstance(epsilons, str) or not hasattr(epsilons, "__iter__") or not len(epsilons):
        raise ValueError(
            f"`epsilons` must be a list of numbers of at least 0. Received: epsilons={epsilons!r}"
        )
    return sorted({checks.number("epsilons", float(each)) for each in epsilons})


def warn_of_scale(owner, radii, limits, x):
    """Says if radii are so small beside the range of values that they may be of another scale.

    Args:
        owner: String. The function that was called.
        radii: List of floats.
        limits: Pair of floats, the range of values; None for that of the samples.
        x: Array of samples.
    """
    low, high = (float(x.min()), float(x.max())) if limits is None else limits
    largest = max(radii)
    if 0 < largest < (high - low) / 1000:
        warnings.warn(
            f"{owner}: ε is on the scale of `x`, and no ε exceeds 1/1000 of its range, from "
            f"{low:g} to {high:g}. Received: ε of at most {largest:.3g}. If images are in "
            "[0, 255], pass 8 instead of 8/255.",
            stacklevel=3,
        )
