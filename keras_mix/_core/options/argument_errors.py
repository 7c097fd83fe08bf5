"""Errors about arguments begin with the name of the class or function that was given them."""

import contextlib
import functools
import inspect


@contextlib.contextmanager
def of(owner):
    """A context in which errors about arguments begin with a name.

    A check of one argument does not know the owner: its sentence begins with the argument.

    Args:
        owner: The name.
    """
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("`"):
            raise
        raise ValueError(f"{owner}: {error}") from None


def name_class(cls):
    """Makes errors about arguments of the `__init__` of a class begin with the class's name.

    A class decorator: editors that find the method decorated lose its arguments.
    """
    cls.__init__ = naming_class(cls.__init__)
    return cls


def naming_class(initialize):
    """Wraps an `__init__` so that errors about its arguments begin with the name of the class."""

    @functools.wraps(initialize)
    def __init__(self, *args, **kwargs):
        with of(type(self).__name__):
            initialize(self, *args, **kwargs)

    # Keras reads the signature of an `__init__` also without following `__wrapped__`.
    __init__.__signature__ = inspect.signature(initialize)
    return __init__
