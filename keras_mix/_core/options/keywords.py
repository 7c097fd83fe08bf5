"""Refuses keyword arguments that a layer does not have, and names the one that was meant."""

from keras_mix._core.options import unknown_arguments
from keras_mix._core.options.signatures import arguments

# Keras's own, of which layers show only the first two; `autocast` is for a mixer to decide.
OF_KERAS = {"input_shape", "input_dim", "activity_regularizer", "trainable", "name", "dtype"}


def check(cls, keywords):
    """Refuses what neither the class nor Keras's base layer takes.

    Args:
        cls: The layer's class.
        keywords: A dict, the arguments that would go to Keras's base layer.
    """
    given = {name: value for name, value in keywords.items() if name not in OF_KERAS}
    unknown_arguments.refuse(cls.__name__, given, arguments(cls))
