"""Refuses unknown keyword arguments and suggests the one that was probably meant."""

import functools
import inspect

from keras_mix._core import spelling
from keras_mix._core.options import argument_errors

# Names of arguments in other libraries and the corresponding ones here.
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
    """Refuses keyword arguments that are not among the known ones.

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
    """Wraps a constructor so that it refuses unknown keyword arguments.

    Args:
        init: The method `__init__`; returned unchanged if it takes `**kwargs`.
    """
    _, *parameters = inspect.signature(init).parameters.values()
    if any(each.kind == inspect.Parameter.VAR_KEYWORD for each in parameters):
        return init
    known = [each.name for each in parameters]
    init = argument_errors.naming_class(init)

    @functools.wraps(init)
    def checking(self, *args, **kwargs):
        refuse(type(self).__name__, kwargs, known)
        init(self, *args, **kwargs)

    return checking


def _suggestion(name, known):
    """A question with the known argument that is closest in meaning or spelling."""
    last = name.lower().rpartition("_")[2]
    candidates = (*MEANT.get(name.lower(), ()), last, *MEANT.get(last, ()))
    meant = next((candidate for candidate in candidates if candidate in known), name)
    return spelling.suggestion(meant, known)
