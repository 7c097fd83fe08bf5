"""Shared by all checks: their table, inputs, and the rows that compare values."""

import numpy as np

import keras_mix

L = keras_mix.layers
N = 8
ONE_HOT = np.eye(N, dtype="float32")


class Checks(dict):
    """The checks of a module by number: functions that yield (what, received, right) rows."""

    def __call__(self, number):
        """A decorator that adds a check under its number."""

        def add(function):
            self[number] = function
            return function

        return add


def constants(*shape):
    """float32 (8, *shape), sample i is the constant i."""
    return (np.arange(N).reshape([-1] + [1] * len(shape)) * np.ones((1, *shape))).astype("float32")


def refusal(function, *words):
    """Returns a row's received and expected values: a refusal that contains the words."""
    try:
        result = function()
    except ValueError as error:
        message = str(error)
        ours = "Received" in message and len(message) < 1500
        missing = [word for word in words if word not in message]
        if ours and not missing:
            return "refused", "refused"
        return f"refused without {missing or 'our words'}: {message[:300]}", "refused"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}", "refused"
    return f"accepted: {str(result)[:80]!r}", "refused"


def near(received, right, tolerance=1e-5):
    """Returns a row's received and expected values, equal if within the tolerance."""
    received = float(received)
    return (right if abs(received - right) <= tolerance else received), right


def attempt(function):
    """Returns "mixed or refused" for what succeeds or is refused in our words; else the error."""
    try:
        function()
    except ValueError as error:
        return "mixed or refused" if "Received" in str(error) else str(error)[:200]
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "mixed or refused"
