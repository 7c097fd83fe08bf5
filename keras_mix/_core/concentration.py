"""The concentration of λ: a number α ≥ 0 for Beta(α, α), or a pair (a, b) for Beta(a, b)."""

from keras_mix._core import checks


def check(alpha, name="alpha"):
    """Checks an argument; returns a float, or a pair of floats if they differ."""
    if not isinstance(alpha, list | tuple):
        return checks.number(name, alpha)
    try:
        a, b = (checks.positive(name, each) for each in alpha)
    except ValueError:
        raise ValueError(
            f"`{name}` must be a finite number of at least 0, or a pair (a, b) of finite numbers "
            f"above 0 for Beta(a, b). Received: {name}={alpha!r}"
        ) from None
    return one_if_equal((a, b))


def pair(alpha):
    """The pair (a, b) of a concentration."""
    return alpha if isinstance(alpha, tuple) else (alpha, alpha)


def one_if_equal(pair):
    """The concentration of a pair: a float if both are equal."""
    a, b = pair
    return a if a == b else (a, b)
