"""Combinations: how the inputs of several sources are combined into one.

A combination applies to inputs only; targets are always blended by the mixing weights. The default
is `Blend`.
"""

from typing import NamedTuple

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import columns
from keras_mix._core.plan.blending import add, blend, blend_logarithms, convert, precise


class Combination:
    """The interface of all combinations, which blends unless a subclass overrides it."""

    fills = False
    """Whether the region has one more index than there are sources, for positions to be filled."""

    def combine(self, sources, weights):
        """Combines tensors into one.

        Args:
            sources: List of tensors of one dtype, the sample itself first.
            weights: List of as many tensors that broadcast to them: the mixing weights, or the
                weights of a soft region at each position.
        """
        return blend(sources, weights)

    def keep(self, mixed):
        """The combination that leaves samples unmixed where bool `mixed` `(B or 1,)` is False."""
        return self


class _Nothing(NamedTuple):
    pass


class Blend(Combination, _Nothing):
    """Σ weight · source."""


class _Gains(NamedTuple):
    gains: Tensor


class Gains(Combination, _Gains):
    """Σ gain · source, with float32 `gains` `(B, S)` of any sum."""

    def combine(self, sources, weights):
        return add(sources, columns(self.gains, sources[0]))

    def keep(self, mixed):
        own = xp.one_hot(0, self.gains.shape[1])
        return Gains(xp.where(mixed[:, None], self.gains, own))


class _Exponent(NamedTuple):
    exponent: float


class LogBlend(Combination, _Exponent):
    """log(Σ weight · exp(exponent · source)) / exponent, for an `exponent` above 0."""

    def combine(self, sources, weights):
        return blend_logarithms(sources, weights, self.exponent)


class _Value(NamedTuple):
    value: float | str


class Fill(Combination, _Value):
    """Fills the positions of inputs that the region assigns to no source; targets are kept.

    Attributes:
        value: A number, or "mean" for the mean of each channel of each sample.
    """

    fills = True

    def filling(self, tensor, axes):
        """The value to fill with: a scalar, or the means of inputs `(B, ...)` over spatial axes."""
        if not isinstance(self.value, str):
            return convert(xp.convert_to_tensor(self.value, "float64"), tensor.dtype)
        return convert(xp.reduce_mean(precise(tensor), axis=axes, keepdims=True), tensor.dtype)
