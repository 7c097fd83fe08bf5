"""The base class of objects that serve as options of a mixer and that Keras can save."""

import inspect

from keras_mix._core.options import call_repr, unknown_arguments
from keras_mix._core.options.config import config_of


class Option:
    """An option of a mixer, saved with it by its class and `get_config`."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        unknown_arguments.check(cls)

    def get_config(self):
        """Dict of the arguments of the constructor that are kept as attributes of their names."""
        return config_of(self)

    @classmethod
    def from_config(cls, config):
        """Creates an object from its config."""
        return cls(**config)

    def __repr__(self):
        parameters = inspect.signature(type(self)).parameters.values()
        return call_repr.call(self, self.get_config(), call_repr.defaults_of(parameters))


class Value(Option):
    """Equal to any other of its class with the same arguments."""

    def stated(self):
        """Dict of the arguments that are not the default."""
        parameters = inspect.signature(type(self)).parameters.values()
        defaults = call_repr.defaults_of(parameters)
        config = self.get_config()
        return {name: value for name, value in config.items() if value != defaults[name]}

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self.get_config() == other.get_config()

    def __hash__(self):
        return hash(repr(self))
