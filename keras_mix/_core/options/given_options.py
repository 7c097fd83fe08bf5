"""The options that were given to a layer, and the refusal of those without an effect."""

import functools
import inspect

import keras

from keras_mix._core.options import argument_errors, call_repr, idle_options
from keras_mix._core.options.signatures import arguments


def check_when_complete(cls):
    """Makes the `__init__` of a class end, for its own layers, by a check of the complete layer.

    The assignment stands here because editors that find it in the class lose the arguments.
    """
    initialize = vars(cls).get("__init__")
    if initialize is None:
        return
    initialize = argument_errors.naming_class(initialize)

    @functools.wraps(initialize)
    def __init__(self, *args, **kwargs):
        initialize(self, *args, **kwargs)
        if type(self).__init__ is __init__:
            reasons = self.without_effect()
            idle_options.refuse(self.owner, self.stated_options(reasons), reasons)

    # Keras reads the signature of an `__init__` also without following `__wrapped__`.
    __init__.__signature__ = inspect.signature(initialize)
    cls.__init__ = __init__


def stated(layer, names, resolved):
    """Dict of the named options that differ from their defaults.

    Args:
        layer: A layer that keeps its options as attributes.
        names: The options; "option.argument" is an argument of an object.
        resolved: Dict of defaults that are not in the signature.
    """
    defaults = call_repr.defaults_of(arguments(type(layer)).values()) | resolved
    defaults["dtype"] = keras.config.dtype_policy().name
    found = {
        name: value
        for name, value in values(layer, [name for name in names if name in defaults]).items()
        if value != defaults[name] and value not in (None, {}, ())
    }
    return found | _stated_in_objects(layer, [name for name in names if "." in name])


def _stated_in_objects(layer, names):
    found = {}
    for name in names:
        option, _, argument = name.partition(".")
        value = getattr(layer, option)
        stated_in_it = {} if value is None else value.stated()
        if argument in stated_in_it:
            found[name] = stated_in_it[argument]
    return found


def values(layer, names):
    """Dict of the values of options; that of `dtype` is the name of the policy."""
    known = {"dtype": layer.dtype_policy.name}
    return {name: known.get(name) or getattr(layer, name) for name in sorted(names)}
