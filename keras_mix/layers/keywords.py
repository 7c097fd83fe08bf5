"""Refuses keyword arguments that a layer does not have, and names the one that was meant."""

from keras_mix import spelling
from keras_mix.layers.signatures import arguments

# Keras's own, of which layers show only the first two; `autocast` is for a mixer to decide.
OF_KERAS = {"input_shape", "input_dim", "activity_regularizer", "trainable", "name", "dtype"}
# What other libraries call these arguments.
MEANT = {
    "beta": ("alpha",),
    "classes": ("num_classes",),
    "elementwise": ("per",),
    "factor": ("alpha",),
    "fill": ("fill_value",),
    "format": ("bounding_box_format",),
    "holes": ("count",),
    "layers": ("mixers",),
    "length": ("size",),
    "mode": ("per",),
    "p": ("probabilities", "rate"),
    "prob": ("rate",),
    "probability": ("rate",),
    "smoothing": ("label_smoothing",),
    "transforms": ("mixers",),
    "weights": ("probabilities",),
}


def check(cls, keywords):
    """Refuses what neither the class nor Keras's base layer takes.

    Args:
        cls: The layer's class.
        keywords: A dict, the arguments that would go to Keras's base layer.
    """
    unknown = [name for name in keywords if name not in OF_KERAS]
    if unknown:
        name, known = unknown[0], list(arguments(cls))
        raise ValueError(
            f"{cls.__name__}: `{name}` is not an argument. Received: {name}={keywords[name]!r}."
            f"{_suggestion(name, known)} The arguments are {', '.join(known)}."
        )


def _suggestion(name, known):
    """Asks for the known argument that a name is closest to in meaning or in letters."""
    last = name.lower().rpartition("_")[2]
    candidates = (*MEANT.get(name.lower(), ()), last, *MEANT.get(last, ()))
    meant = next((candidate for candidate in candidates if candidate in known), name)
    return spelling.suggestion(meant, known)
