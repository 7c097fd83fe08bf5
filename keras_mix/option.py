"""What a mixer's option is where a string does not say enough: an object that Keras can save."""


class Option:
    """Saved with its mixer as its class and the arguments that `get_config` tells."""

    def get_config(self):
        """The arguments that make the same again."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The same again."""
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
