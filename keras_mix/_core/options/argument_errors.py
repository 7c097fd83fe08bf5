"""Errors about the arguments of a constructor begin with the name of its class."""

import functools
import inspect


def name_class(cls):
    """Makes errors about arguments of the `__init__` of a class begin with the class's name.

    A class decorator: editors that find the method decorated lose its arguments.
    """
    cls.__init__ = naming_class(cls.__init__)
    return cls


def naming_class(initialize):
    """Wraps an `__init__` so that errors about its arguments begin with the name of the class.

    A check of one argument does not know the class: its sentence begins with the argument.
    """

    @functools.wraps(initialize)
    def __init__(self, *args, **kwargs):
        try:
            initialize(self, *args, **kwargs)
        except ValueError as error:
            if not str(error).startswith("`"):
                raise
            raise ValueError(f"{type(self).__name__}: {error}") from None

    # Keras reads the signature of an `__init__` also without following `__wrapped__`.
    __init__.__signature__ = inspect.signature(initialize)
    return __init__
