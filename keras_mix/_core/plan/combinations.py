"""Combinations: how the inputs of several sources become one.

What a model learns is always blended by the mixing weights; a combination concerns inputs. `Blend`
is that of every mixer unless it says otherwise.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.broadcasting import over
from keras_mix._core.plan.blending import add, blend, blend_logarithms, convert, precise


class Combination:
    """The interface of all combinations, with what most of them do."""

    fills = False
    """Whether positions beyond the last source hold a value of their own."""

    def combine(self, sources, shares):
        """One tensor of several.

        Args:
            sources: Tensors of one dtype, the sample itself first.
            shares: As many tensors that broadcast to them, the mixing weights or a soft region.
        """
        return blend(sources, shares)

    def keep(self, mixed):
        """The combination in which samples are unmixed where bool `mixed` is False."""
        return self


class _Nothing(NamedTuple):
    pass


class Blend(Combination, _Nothing):
    """Σ share · source."""


class _Gains(NamedTuple):
    gains: tf.Tensor


class Gains(Combination, _Gains):
    """Σ gain · source, with `gains` float32 `(B, S)` that need not sum to 1."""

    def combine(self, sources, shares):
        return add(sources, [over(gain, sources[0]) for gain in tf.unstack(self.gains, axis=1)])

    def keep(self, mixed):
        own = tf.one_hot(0, self.gains.shape[1])
        return Gains(tf.where(mixed[:, None], self.gains, own))


class _Exponent(NamedTuple):
    exponent: float


class LogBlend(Combination, _Exponent):
    """log(Σ share · exp(exponent · source)) / exponent, for an `exponent` above 0."""

    def combine(self, sources, shares):
        return blend_logarithms(sources, shares, self.exponent)


class _Value(NamedTuple):
    value: float | str


class Fill(Combination, _Value):
    """Positions beyond the last source hold `value`; targets stay as they are.

    The value is a number, or "mean": each sample's mean for each channel.
    """

    fills = True

    def filling(self, tensor, axes):
        """What fills positions of inputs `(B, ...)` with these spatial axes."""
        if not isinstance(self.value, str):
            return convert(tf.convert_to_tensor(self.value, tf.float64), tensor.dtype)
        return convert(tf.reduce_mean(precise(tensor), axis=axes, keepdims=True), tensor.dtype)
