"""CrossModalMix."""

from collections.abc import Mapping

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random
from keras_mix._core.plan import plan
from keras_mix.layers._mixer import modality_cuts
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class CrossModalMix(BetaMixer):
    """Mixes all modalities of a sample with one partner and one λ.

    The inputs are a dict, or any structure, of modalities of any rank and length. λ is drawn once
    from Beta(α, α). It sets the region in each modality that `cuts` names; the modalities in
    `sampling_rates` are cut at the same seconds; all others are blended.

    The labels follow the regions jointly: if rounding gives regions of several modalities different
    fractions, the mixing weight is their mean, and blended modalities have exactly that weight. A
    modality that follows another one's region is counted with it. All modalities of
    `sampling_rates` have the same fraction, each counted by itself.

    Token ids are cut in spans by `CutMix(spatial_dims=1)`. Inside a model their embedding can be
    blended by the plan of the image at the input:
    `keras_mix.models.ManifoldMixup(model, mix_at=[("input/image", "embedding")])`.

    Padding does not count: lengths and masks, named by `kinds`, belong to the modality that `cuts`
    names for them, as in `cuts={"text": CutMix(spatial_dims=1), "text_mask": "text"}`. The fraction
    of a modality that is cut is counted over its valid time steps. A sample without a valid time
    step in what would be mixed keeps that modality unmixed.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            1.0, as in `CutMix`.
        cuts: Dict from modality names to the mixer that cuts them: one that pastes from one partner
            without moving it (CutMix, FMix, GridMix, SaliencyMix, CowMix). A value may also be the
            name of an earlier modality, whose region is followed at the corresponding fractions of
            the axes, as for an image's mask or boxes. Lengths and masks of valid time steps name
            their modality, which may also be blended or in `sampling_rates`; without a name they
            belong to what is blended, where only images are cut. λ, partners and all shared options
            belong to this layer, except `data_format`, which each mixer has for its modality.
            Defaults to None: no modality is cut by a mixer.
        sampling_rates: Dict from modality names to their sampling rates along axis 1, integers
            divisible by the lowest: {"video": 25, "audio": 16000}. Defaults to None.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `alpha` is out of range; if a mixer in `cuts` blends, moves or fills, or has
            an option that belongs to this layer; if sampling rates are not divisible by the lowest;
            or if a batch lacks a modality that is named.

    Example:

    >>> pair = {"image": np.random.rand(8, 32, 32, 3), "text": np.random.rand(8, 16, 4)}
    >>> mix = keras_mix.layers.CrossModalMix(
    ...     cuts={"image": keras_mix.layers.CutMix()}, num_classes=10)
    >>> pair, labels = mix(pair, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        No paper describes this combination. λ is drawn as in Zhang et al., "mixup: Beyond Empirical
        Risk Minimization", ICLR 2018, arXiv:1710.09412, section 2, but once for all modalities.
    """

    def __init__(
        self,
        alpha: Alpha = 1.0,
        *,
        cuts: Mapping[str, Mixer | str] | None = None,
        sampling_rates: Mapping[str, int] | None = None,
        **kwargs: Unpack[BetaOptions],
    ) -> None:
        given, cuts = kwargs.get("data_format"), checks.mapping("cuts", cuts)
        kwargs.update({"data_format": modality_cuts.data_format_of(self.owner, given, cuts)})
        super().__init__(alpha=alpha, **kwargs)
        self.cuts = modality_cuts.checked_cuts(self, cuts)
        sampling_rates = checks.mapping("sampling_rates", sampling_rates)
        self.sampling_rates = modality_cuts.checked_rates(self.owner, sampling_rates, self.cuts)

    @property
    def hides(self) -> bool:
        return bool(modality_cuts.drawn_cuts(self))

    @property
    def draws_regions(self) -> bool:
        return bool(modality_cuts.drawn_cuts(self) or self.sampling_rates)

    @property
    def stands_alone(self) -> str | None:  # type: ignore[override]
        several = "a mixer of several modalities decides how each is cut"
        return several if self.draws_regions else None

    @property
    def cuts_tokens(self) -> bool:
        return modality_cuts.cuts_time(self)

    bind = modality_cuts.bind
    sized = modality_cuts.sized

    def batch(self, found):
        return modality_cuts.batch(self, found)

    def sample(self, batch, seed):
        cuts, rates = modality_cuts.drawn_cuts(self), self.sampling_rates
        order, share, place, *seeds = random.split(seed, 3 + len(cuts))
        partners = self.partners(batch, order)
        lam = self.draw_lambda(batch, share, partners)
        drawn = modality_cuts.cut(cuts, batch, lam, partners, seeds, self._counted)
        drawn |= modality_cuts.cut_in_time(rates, batch, lam, partners, place, self._counted)
        other = modality_cuts.mean_share(self.cuts, drawn) if drawn else 1.0 - lam
        blend = plan.blend(partners, xp.stack([1.0 - other, other], axis=1))
        groups = {name: each._replace(weights=blend.weights) for name, each in drawn.items()}
        return plan.PerGroup(blend, groups)

    def _counted(self, drawn, batch):
        """The plan of one modality, counted over its valid time steps if padding is known."""
        return drawn if batch.validity is None else self._discounted(drawn, batch)

    def get_config(self):
        return {
            **super().get_config(),
            "cuts": modality_cuts.saved_cuts(self.cuts),
            "sampling_rates": dict(self.sampling_rates),
        }

    @classmethod
    def from_config(cls, config):
        cuts = modality_cuts.mapped(keras.saving.deserialize_keras_object, config["cuts"])
        return cls(**{**config, "cuts": cuts})
