"""How an object shows itself: as the call of its class that makes it again."""


def call(thing, values, defaults):
    """The call of an object's class, with the values that differ from the defaults.

    Args:
        thing: The object.
        values: Its arguments by their names, in the order of the call.
        defaults: Those that need not be given, by their names.
    """
    shown = (
        f"{name}={value!r}"
        for name, value in values.items()
        if name not in defaults or _plain(value) != _plain(defaults[name])
    )
    return f"{type(thing).__name__}({', '.join(shown)})"


def defaults_of(parameters):
    """The defaults of `inspect.Parameter`s by their names."""
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _plain(value):
    """The value as a config holds it: a tuple as a list, and None for what is empty."""
    if isinstance(value, list | tuple | dict) and not value:
        return None
    return list(value) if isinstance(value, tuple) else value
