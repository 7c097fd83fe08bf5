"""Refuses keyword arguments that do not exist, and names the one that was meant."""

import functools
import inspect

from keras_mix._core import spelling

# What users and other libraries call these arguments.
MEANT = {
    "beta": ("alpha",),
    "bw": ("bandwidth",),
    "classes": ("num_classes",),
    "elementwise": ("per",),
    "factor": ("alpha",),
    "fill": ("fill_value",),
    "bounding_box_format": ("bounding_boxes",),
    "format": ("bounding_boxes",),
    "holes": ("count",),
    "layers": ("mixers", "mix_at"),
    "length": ("size",),
    "padding_id": ("sequences",),
    "loss": ("loss_mode",),
    "mode": ("per",),
    "p": ("probabilities", "rate"),
    "prob": ("rate",),
    "probability": ("rate",),
    "smoothing": ("label_smoothing",),
    "transforms": ("mixers",),
    "weights": ("probabilities",),
}


def refuse(owner, given, known):
    """Refuses keyword arguments that are not known.

    Args:
        owner: The name that the message begins with.
        given: Dict of keyword arguments.
        known: Iterable of the names of arguments.
    """
    known = list(known)
    name = next((name for name in given if name not in known), None)
    if name is not None:
        raise ValueError(
            f"{owner}: `{name}` is not an argument. Received: {name}={given[name]!r}."
            f"{_suggestion(name, known)} The arguments are {', '.join(known)}."
        )


def check(cls):
    """Makes the `__init__` of a class refuse unknown keyword arguments.

    The assignment stands here because editors that find it in the class lose the arguments.
    """
    if "__init__" in vars(cls):
        cls.__init__ = checked(cls.__init__)


def checked(init):
    """A constructor that refuses unknown keyword arguments in the name of its class.

    Args:
        init: The method `__init__`; one that takes any keyword arguments stays as it is.
    """
    _, *parameters = inspect.signature(init).parameters.values()
    if any(each.kind == inspect.Parameter.VAR_KEYWORD for each in parameters):
        return init
    known = [each.name for each in parameters]

    @functools.wraps(init)
    def checking(self, *args, **kwargs):
        refuse(type(self).__name__, kwargs, known)
        init(self, *args, **kwargs)

    return checking


def _suggestion(name, known):
    """Asks for the known argument that a name is closest to in meaning or in letters."""
    last = name.lower().rpartition("_")[2]
    candidates = (*MEANT.get(name.lower(), ()), last, *MEANT.get(last, ()))
    meant = next((candidate for candidate in candidates if candidate in known), name)
    return spelling.suggestion(meant, known)
