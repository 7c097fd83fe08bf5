"""FMix."""

import functools
from typing import Literal

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import noise_fields, random
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions, SpatialDims


@keras.saving.register_keras_serializable(package="keras_mix")
class FMix(BetaMixer):
    """Pastes the partner's pixels where a smooth random field is highest.

    λ is drawn from Beta(α, α). A fraction 1 - λ of the pixels, rounded to a whole number, comes
    from the partner: those where a Gaussian random field has its largest values. The amplitude of a
    wave in the field is its frequency ** -decay, so a larger decay gives larger and smoother
    patches. Opposite sides of an image are neighbors, as on a torus.

    The field has two definitions. The paper's (the default) has the same spectrum in all
    directions. The authors' code swaps two axes of its array: its masks have only one wave across,
    so each row holds at most one cyclic stretch of the partner. The published figures were made
    with that code.

    Deviations:

    - Waves that together hold less than 4·10⁻⁶ of the field's energy are left out. So are waves too
      fine for the pixels to resolve (the code aliases these to coarser ones) and, with a `decay`
      below 2.4 on images, those with more than 64 cycles per side.
    - The field is computed to about a thousandth of its standard deviation, which moves the mask's
      edge by a small part of a pixel, or by about a pixel around patches of a few pixels. The
      number of pixels is exact nevertheless.
    - Each sample has its own λ and mask by default; `per="batch"` shares one, as in the paper.
    - The mixing weight is the mean of the mask, not the λ that was drawn; they differ by less than
      a pixel. The number of pixels is rounded to the nearest; theirs is rounded at random.

    The authors' code is ecs-vlc/FMix, `fmix.py`.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            1, the paper's choice.
        decay: Float > 0. Decay power of the field's spectrum. Defaults to 3, the paper's choice.
        max_soft: Float in [0, 0.5]. Fraction of the pixels, on each side of the edge, over which
            the mask ramps from 1 to 0 instead of jumping. A ramp costs a sort, and blended inputs
            come out in the compute dtype. Defaults to 0, the paper's choice.
        spectrum: `"paper"` or `"code"`. Definition of the field; `"code"` is that of the authors'
            code, for images only. Defaults to `"paper"`.
        spatial_dims: 1, 2 or 3. Number of axes that are cut: 1 for time, `(B, T, …)`; 2 for images,
            or for all frames of a video alike; 3 for volumes, or for a span of a video. Defaults
            to 2.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> images, labels = keras_mix.layers.FMix(num_classes=10)(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        Harris et al., "FMix: Enhancing Mixed Sample Data Augmentation", 2020, arXiv:2002.12047,
        section 4. Accuracy on CIFAR-10 with a PyramidNet: 98.31 % without it, 98.64 % with it.
    """

    def __init__(
        self,
        alpha: Alpha = 1.0,
        *,
        decay: float = 3.0,
        max_soft: float = 0.0,
        spectrum: Literal["paper", "code"] = "paper",
        spatial_dims: SpatialDims = 2,
        **kwargs: Unpack[BetaOptions],
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        self.decay = checks.positive("decay", decay)
        self.max_soft = checks.number("max_soft", max_soft, high=0.5)
        self.grid_rank = self.spatial_dims = checks.choice("spatial_dims", spatial_dims, (1, 2, 3))
        self.spectrum = checks.choice("spectrum", spectrum, ("paper", "code"))
        if spectrum == "code" and spatial_dims != 2:
            raise ValueError(
                '`spectrum="code"` is defined for images, spatial_dims=2. '
                f'Received: spatial_dims={spatial_dims}. Use spectrum="paper".'
            )
        self.pastes = self.max_soft == 0

    def sample(self, batch, seed):
        order, share, noise = random.split(seed, 3)
        partners = self.partners(batch, order)
        lam = self.draw_lambda(batch, share, partners)
        return self.sample_given(batch, lam, partners, noise)

    def sample_given(self, batch, lam, partners, seed):
        """The plan of a batch with given λ and partners, as `CrossModalMix` calls it."""
        coefficients = self._coefficients(batch, seed)
        if self.per == "batch" and self.lambda_rule is not None:
            # One noise field, cut at the λ of each pair.
            shape = [*xp.shape(lam), *xp.shape(coefficients)[1:]]
            coefficients = xp.broadcast_to(coefficients, shape)
        if self.pastes:
            return self.pasted(noise_fields.highest, batch, partners, coefficients, 1.0 - lam)
        soft = functools.partial(_soft, softness=self.max_soft)
        return self.compiled(soft, batch, partners, coefficients, 1.0 - lam)

    def _coefficients(self, batch, seed):
        cycles = noise_fields.cycles_of_power_law(self.decay, self.grid_rank)
        if self.spectrum == "code":
            noise = random.normal(seed, [batch.draws, cycles + 1, 2, 2])
            return noise_fields.one_wave_across(xp.cast(noise, "float64"), self.decay, batch.grid)
        frequency = noise_fields.frequencies(cycles, batch.grid)
        amplitude = noise_fields.power_law(frequency, self.decay, batch.grid)
        noise = random.normal(seed, [batch.draws, *amplitude.shape[1:]])
        return xp.cast(noise, "float64") * amplitude


def _soft(partners, coefficients, share, grid, softness):
    return plan.soft(partners, noise_fields.softly_highest(coefficients, share, softness, grid))
