"""What wrappers that hold other weights beside their base share: only the base is trained."""

from typing import Any

KINDS = ("variables", "weights")


def train_base_alone(cls):
    """Leaves the weights of other layers than `base` out of training.

    A class decorator: editors that find the properties in a further base class lose arguments.
    """
    for kind in KINDS:
        inherited = getattr(cls, f"trainable_{kind}").fget
        setattr(cls, f"trainable_{kind}", property(_of_base(inherited)))
        setattr(cls, f"non_trainable_{kind}", property(_others(kind)))
    return cls


def _of_base(inherited):
    def trainable(self) -> list[Any]:
        """The base's, since all others stay as they are."""
        own = {id(variable) for variable in self.base.variables}
        return [variable for variable in inherited(self) if id(variable) in own]

    return trainable


def _others(kind):
    def non_trainable(self) -> list[Any]:
        """All others, those of other layers than the base among them."""
        left_out = {id(variable) for variable in getattr(self, f"trainable_{kind}")}
        return [variable for variable in getattr(self, kind) if id(variable) not in left_out]

    return non_trainable
