"""The base of mixers that draw λ, the mixing weight of the sample itself."""

from typing_extensions import Unpack

from keras_mix._core import checks, concentration
from keras_mix._core.draw import random
from keras_mix._core.options.config import loaded
from keras_mix.lambda_rules import LambdaRule
from keras_mix.layers._mixer.option_types import Alpha, SharedOptions
from keras_mix.layers.mixer import Mixer


class BetaMixer(Mixer):
    """Draws λ from a Beta distribution.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing.
        keep_major: Boolean. Whether the larger of λ and 1 - λ becomes the weight of the sample
            itself, so that it outweighs its partner, as in the authors' code of MixMatch
            (arXiv:1905.02249; google-research/mixmatch) and TMix (arXiv:2004.12239;
            GT-SALT/MixText). Mixers that paste apply it to the λ that is drawn, before the region
            is rounded and clipped. Defaults to False.
        lambda_rule: Object of `keras_mix.lambda_rules`. Changes the λ that is drawn by the pair
            that it mixes, such as KernelWarping, which mixes distant pairs less. Defaults to None:
            λ as it is drawn.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.
    """

    schedulable = ("alpha", "rate")

    def __init__(
        self,
        alpha: Alpha,
        *,
        keep_major: bool = False,
        lambda_rule: LambdaRule | None = None,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.alpha = concentration.check(alpha)
        self.keep_major = checks.boolean("keep_major", keep_major)
        self.lambda_rule = _lambda_rule(self.owner, lambda_rule)

    def without_effect(self):
        reasons = super().without_effect()
        if self.num_sources > 2:
            reasons["lambda_rule"] = "more than two samples are mixed, which are no pair"
        return reasons

    def draw_lambda(self, batch, seed, partners):
        """float32 `(draws or B,)`, λ from Beta(a, b), as the `lambda_rule` changes it.

        With `keep_major`, max(λ, 1 - λ) is what the rule is given.
        """
        lam = self.draw_beta(batch, seed)
        return lam if self.lambda_rule is None else self.lambda_rule.warp(batch, partners, lam)

    def draw_beta(self, batch, seed):
        """float32 `(draws,)`, λ from Beta(a, b); with `keep_major` max(λ, 1 - λ)."""
        return random.beta(seed, self.concentration(batch), batch.draws, self.keep_major)

    def concentration(self, batch):
        """α of a batch: what a schedule sets, or else the mixer's own."""
        return self.alpha if batch.settings.alpha is None else batch.settings.alpha


def _lambda_rule(owner, value):
    """None, or a `LambdaRule`, also as Keras saves it."""
    value = checks.instance(owner, "lambda_rule", loaded(value))
    if value is not None and not isinstance(value, LambdaRule):
        raise ValueError(
            f"{owner}: `lambda_rule` must be None, or one of keras_mix.lambda_rules. "
            f"Received: lambda_rule={value!r}"
        )
    return value
