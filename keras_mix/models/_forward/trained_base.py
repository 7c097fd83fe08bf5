"""What wrappers that hold other weights beside their base share: only the base is trained."""

from typing import Any


class TrainsTheBase:
    """Leaves the weights of other layers than `base` out of training."""

    @property
    def trainable_variables(self) -> list[Any]:
        """The base's, since all others stay as they are."""
        return self._of_base(super().trainable_variables)

    @property
    def non_trainable_variables(self) -> list[Any]:
        """All other variables."""
        return _without(self.variables, self.trainable_variables)

    @property
    def trainable_weights(self) -> list[Any]:
        """As `trainable_variables`."""
        return self._of_base(super().trainable_weights)

    @property
    def non_trainable_weights(self) -> list[Any]:
        """As `non_trainable_variables`, without the states of metrics and seeds."""
        return _without(self.weights, self.trainable_weights)

    def _of_base(self, variables):
        own = {id(variable) for variable in self.base.variables}
        return [variable for variable in variables if id(variable) in own]


def _without(variables, others):
    left_out = {id(variable) for variable in others}
    return [variable for variable in variables if id(variable) not in left_out]
