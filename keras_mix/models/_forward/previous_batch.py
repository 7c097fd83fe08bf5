"""The previous mixed batch of a model, kept from step to step."""

import keras
from keras import ops

from keras_mix._core import checks

# The number of samples that are kept where a batch does not say its size before it runs.
KEPT = 128


class PreviousBatch:
    """The samples, labels and sample weights of the last step, each in a variable of its own.

    They are variables of the model but no weights, so no file holds them.

    Args:
        owner: The wrapper's name, for messages.
    """

    def __init__(self, owner):
        self.owner = owner
        self._parts = {}
        self._count = None

    @property
    def variables(self):
        """The variables that there are so far."""
        return [] if self._count is None else [self._count, *self._parts.values()]

    @property
    def count(self):
        """int32 scalar, how many samples are kept; 0 before the first step."""
        return ops.convert_to_tensor(self._count)

    def prepare(self, name, shape, dtype="float32"):
        """Makes room for a part of a batch, if there is none yet.

        Args:
            name: The part's name, any key.
            shape: The shape of such a part, `(B, ...)`.
            dtype: Its dtype.
        """
        if name in self._parts:
            return
        size, *sizes = shape
        if None in sizes:
            checks.refuse(
                self.owner,
                "samples and labels of the previous batch are kept in variables, so their sizes "
                "must be known",
                f"a part of shape {tuple(shape)}",
                "Give the model an Input of fixed sizes, or call `set_shape`.",
            )
        if self._count is None:
            self._kept = KEPT if size is None else size
            self._count = _variable("previous_count", (), "int32")
        number = len(self._parts)
        self._parts[name] = _variable(f"previous_{number}", (self._kept, *sizes), dtype)

    def pool(self, name, tensor):
        """A part of this batch, followed by that of the previous one: `(B + kept, ...)`."""
        kept = self.part(name)
        return ops.concatenate([ops.cast(tensor, kept.dtype), kept])

    def part(self, name):
        """A part of the previous batch; whatever stands behind `count` samples is void."""
        return ops.convert_to_tensor(self._parts[name])

    def keep(self, parts):
        """Replaces the previous batch.

        Args:
            parts: {name: tensor `(B, ...)`}.
        """
        for name, tensor in parts.items():
            variable = self._parts[name]
            added = ops.cast(ops.stop_gradient(tensor)[: self._kept], variable.dtype)
            rest = ops.convert_to_tensor(variable)[ops.shape(added)[0] :]
            variable.assign(ops.reshape(ops.concatenate([added, rest]), variable.shape))
            self._count.assign(ops.shape(added)[0])


def _variable(name, shape, dtype):
    return keras.Variable("zeros", shape=shape, dtype=dtype, trainable=False, name=name)
