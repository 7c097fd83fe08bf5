"""The base of mixers that draw λ, the mixing weight of the sample itself."""

from typing_extensions import Unpack

from keras_mix._core import checks, concentration
from keras_mix._core.draw import random
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
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.
    """

    schedulable = ("alpha", "rate")

    def __init__(
        self, alpha: Alpha, *, keep_major: bool = False, **kwargs: Unpack[SharedOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.alpha = concentration.check(alpha)
        self.keep_major = checks.boolean("keep_major", keep_major)

    def draw_lambda(self, batch, seed):
        """float32 `(draws,)`, λ from Beta(a, b); with `keep_major` max(λ, 1 - λ)."""
        return random.beta(seed, self.concentration(batch), batch.draws, self.keep_major)

    def concentration(self, batch):
        """α of a batch: what a schedule sets, or else the mixer's own."""
        return self.alpha if batch.settings.alpha is None else batch.settings.alpha
