"""The repr of a layer, as a call with the arguments that differ from their defaults."""

import re

import keras

from keras_mix._core.options import call_repr
from keras_mix._core.options.signatures import arguments


def layer_repr(layer, **resolved):
    """The repr of a layer, such as `CutMix(alpha=0.5, num_classes=10)`; inner layers alike.

    Args:
        layer: A layer with a config of all its arguments.
        **resolved: Defaults that are not in the signature.
    """
    parameters = arguments(type(layer))
    config = layer.get_config()
    values = {
        name: getattr(layer, name) if _holds_objects(config[name]) else config[name]
        for name in parameters
        if name in config and name not in ("name", "dtype")
    }
    if not _is_automatic(layer):
        values["name"] = layer.name
    values["dtype"] = layer.dtype_policy.name
    resolved["dtype"] = keras.config.dtype_policy().name
    return call_repr.call(layer, values, call_repr.defaults_of(parameters.values()) | resolved)


def _is_automatic(layer):
    """Whether Keras derived the layer's name from that of its class."""
    stem = re.sub(r"_\d+$", "", layer.name)
    return stem.replace("_", "") == type(layer).__name__.lower()


def _holds_objects(value):
    """Whether a value of a config is, or contains, a serialized Keras object."""
    if isinstance(value, dict):
        return "class_name" in value or any(map(_holds_objects, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_objects, value))
