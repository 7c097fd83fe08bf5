"""The config of an object: the arguments of its constructor, as JSON holds them."""

from collections.abc import Mapping

import keras

from keras_mix._core.options.signatures import arguments


def config_of(thing):
    """Dict of the arguments that an object keeps as attributes of the same names.

    Keras itself saves the name and the dtype of layers, metrics and losses.
    """
    names = [name for name in arguments(type(thing)) if name not in ("name", "dtype")]
    return {name: saved(getattr(thing, name)) for name in names if hasattr(thing, name)}


def saved(value):
    """A value with tuples as lists, and with objects as Keras saves them."""
    if isinstance(value, Mapping):
        return {key: saved(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [saved(each) for each in value]
    plain = value is None or isinstance(value, str | int | float)
    return value if plain else keras.saving.serialize_keras_object(value)


def loaded(value):
    """The object that a dict stands for, if Keras has saved it."""
    is_saved = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_saved else value
