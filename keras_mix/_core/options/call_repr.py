"""The repr of an object, as the call of its class that creates it."""


def call(thing, values, defaults):
    """The call of an object's class, with the values that differ from the defaults.

    Args:
        thing: The object.
        values: Dict from the names of its arguments to their values, in order.
        defaults: Dict from the names of optional arguments to their defaults.
    """
    shown = (
        f"{name}={value!r}"
        for name, value in values.items()
        if name not in defaults or _plain(value) != _plain(defaults[name])
    )
    return f"{type(thing).__name__}({', '.join(shown)})"


def defaults_of(parameters):
    """Dict from the names of `inspect.Parameter`s to their defaults."""
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _plain(value):
    """The value as in a config: a tuple becomes a list, an empty container None."""
    if isinstance(value, list | tuple | dict) and not value:
        return None
    return list(value) if isinstance(value, tuple) else value
