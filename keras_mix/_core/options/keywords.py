"""Refuses unknown keyword arguments of a layer and suggests the closest known one."""

import inspect

from keras_mix._core.options import unknown_arguments
from keras_mix._core.options.signatures import arguments

# Keras's own arguments, except `autocast`, which each mixer sets itself.
OF_KERAS = {"input_shape", "input_dim", "activity_regularizer", "trainable", "name", "dtype"}


def check(cls, keywords):
    """Refuses arguments that neither the class nor Keras's base layer takes.

    Args:
        cls: The layer's class.
        keywords: Dict of the arguments for Keras's base layer.
    """
    given = {name: value for name, value in keywords.items() if name not in OF_KERAS}
    unknown_arguments.refuse(cls.__name__, given, arguments(cls))


def check_of_loss(cls, keywords):
    """Refuses arguments that neither a loss nor Keras's base class takes."""
    unknown_arguments.refuse(cls.__name__, keywords, [*arguments(cls), "reduction"])


def refuse_positional(cls, values):
    """Refuses positional arguments after the first one.

    Args:
        cls: The layer's class.
        values: Tuple of the positional arguments.
    """
    _, *own = inspect.signature(cls.__init__).parameters.values()
    kinds = [each.kind for each in own]
    allowed = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(values) <= allowed or inspect.Parameter.VAR_POSITIONAL in kinds:
        return
    names = list(arguments(cls))
    named = [f"{name}={value!r}" for name, value in zip(names, values, strict=False)]
    first = f"only `{names[0]}` can be" if allowed else "no argument can be"
    raise ValueError(
        f"{cls.__name__}: {first} positional. Received: {cls.__name__}"
        f"({', '.join(map(repr, values))}). Name the others: {cls.__name__}({', '.join(named)})."
    )


def refuse_missing(cls, values, given):
    """Refuses a call without an argument that has no default.

    Args:
        cls: The class.
        values: Tuple of the positional arguments.
        given: Dict of the keyword arguments.
    """
    _, *own = inspect.signature(cls.__init__).parameters.values()
    required = [
        each.name
        for each in own
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    missing = [name for name in required[len(values) :] if name not in given]
    if missing:
        listed = [*map(repr, values), *(f"{name}={value!r}" for name, value in given.items())]
        raise ValueError(
            f"{cls.__name__}: `{missing[0]}` must be given. Received: {cls.__name__}"
            f"({', '.join(listed)})."
        )
