"""What is known of the tensors of a forward pass: at which places they were mixed."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix.models._forward.masking import mask_of

CLEAN = frozenset()


class Frame:
    """A layer's call under way.

    Attributes:
        entry: The places at which its arguments were mixed.
        now: These, and the places that it has passed so far.
    """

    def __init__(self, entry):
        self.entry = entry
        self.now = entry


class Known(NamedTuple):
    """A tensor, kept so that its id stays its own, and the places it was mixed at."""

    tensor: object
    places: frozenset


class Origins:
    """The places at which tensors were mixed, as far as layers and Keras's operations tell.

    What a model computes between its layers in ways that Keras does not see is unknown. Unknown
    data count as mixed like anything in the call around them; unknown masks as the arguments of
    that call.
    """

    def __init__(self):
        self.frames = [Frame(CLEAN)]
        self._known = {}

    @property
    def frame(self):
        """The innermost call under way."""
        return self.frames[-1]

    def learn(self, structure, places):
        """Notes where the tensors of a structure were mixed."""
        for tensor in keras.tree.flatten(structure):
            if ops.is_tensor(tensor):
                self._known[id(tensor)] = Known(tensor, places)

    def of_data(self, structure):
        """The places at which any of the tensors was mixed, and whether some are unknown."""
        tensors = [t for t in keras.tree.flatten(structure) if ops.is_tensor(t)]
        for tensor in tensors:
            # The mask that rides on an argument is as old as the argument.
            mask = mask_of(tensor)
            if mask is not None and id(mask) not in self._known:
                self.learn(mask, self.frame.entry)
            if id(tensor) not in self._known and not self.frame.now:
                self.learn(tensor, CLEAN)
        known = [self._known[id(t)].places for t in tensors if id(t) in self._known]
        unknown = len(known) < len(tensors)
        return CLEAN.union(*known, self.frame.now if unknown else CLEAN), unknown

    def of_mask(self, mask):
        """The places at which a mask was mixed."""
        known = self._known.get(id(mask))
        return self.frame.entry if known is None else known.places
