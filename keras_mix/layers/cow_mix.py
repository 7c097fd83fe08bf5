"""CowMix."""

import math

import keras
import numpy as np
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import noise_fields, random
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer

# Cells of noise for the standard deviation of the narrowest filter.
_CELLS = 4


@keras.saving.register_keras_serializable(package="keras_mix")
class CowMix(Mixer):
    """Pastes the partner's pixels in irregular patches, like the spots of a cow.

    White noise is smoothed by a Gaussian filter, and the partner's pixels are pasted where the
    result is highest. The width of the filter sets the size of the patches. It is drawn for each
    sample, so fine and coarse masks alternate, unlike in FMix. The mixing weight is the fraction of
    pixels pasted.

    The noise ends at the borders, so patches lie inside the image rather than at its border. In two
    of three masks of 32 × 32 pixels the partner's pixels are one connected patch, as in the
    authors' code.

    Deviations from the authors' code (google-research/google-research,
    `milking_cowmask/masking/cow_mask.py`):

    - The partner's fraction of the pixels is exact. Theirs is the expectation under a normal
      distribution, from which the actual fraction deviates by 0.05 (standard deviation, at 32 × 32
      pixels).
    - The filter's width is relative to the longer side of the image, not in pixels.
    - The noise is drawn on a grid with four cells to each standard deviation of the narrowest
      filter. At 32 × 32 pixels these cells are the pixels, as in their code.
    - The smoothed noise is computed to about a thousandth of its standard deviation, which moves
      the edges of patches by a small part of a pixel, or by about a pixel around those of a few
      pixels.

    Args:
        fraction: Pair of floats in [0, 1]. Range of the fraction of pixels that come from the
            partner, drawn uniformly. Defaults to (0.2, 0.8), as in the authors' code.
        sigma: Pair of floats ≥ 0.02. Range of the filter's standard deviation as a fraction of the
            longer side, drawn log-uniformly. Defaults to (0.125, 0.5), the authors' 4 to 16 of 32
            pixels.
        wrap: Boolean. Whether opposite sides of the image are neighbors, so that patches are as
            likely at the border as inside; for images without a center, such as textures and maps.
            The partner's pixels are then one connected patch in 0.38 of the masks. Defaults to
            False, as in the authors' code.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is not a range, or is out of range.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> images, labels = keras_mix.layers.CowMix(num_classes=10)(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        French, Oliver and Salimans, "Milking CowMask for Semi-Supervised Image Classification",
        2020, arXiv:2003.12022, section 3.
    """

    pastes = True
    grid_rank = 2

    def __init__(
        self,
        fraction: tuple[float, float] = (0.2, 0.8),
        *,
        sigma: tuple[float, float] = (0.125, 0.5),
        wrap: bool = False,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.fraction = checks.interval("fraction", fraction, high=1.0)
        self.sigma = checks.interval("sigma", sigma, low=0.02)
        self.wrap = checks.boolean("wrap", wrap)

    def sample(self, batch, seed):
        order, rest = random.split(seed, 2)
        return self.sample_given(batch, None, self.partners(batch, order), rest)

    def sample_given(self, batch, lam, partners, seed):
        """The plan of a batch with given partners, as `CrossModalMix` calls it.

        λ is not used: the weight of a sample is the fraction that this draws.
        """
        share, width, noise = random.split(seed, 3)
        share = random.between(share, self.fraction, [batch.draws])
        sigma = self._widths(batch, width)
        if self.wrap:
            coefficients = self._coefficients(batch, sigma, noise)
            return self.pasted(noise_fields.highest, batch, partners, coefficients, share)
        cells = math.ceil(_CELLS / self.sigma[0])
        noise = xp.cast(random.normal(noise, [batch.draws, cells, cells]), "float64")
        return self.pasted(noise_fields.filtered_highest, batch, partners, noise, sigma, share)

    def _widths(self, batch, seed):
        """float64 `(draws,)`, standard deviations of filters, as fractions of the longer side."""
        low, high = np.log(self.sigma)
        chance = xp.cast(random.uniform(seed, [batch.draws]), "float64")
        return xp.exp(low + (high - low) * chance)

    def _coefficients(self, batch, sigma, noise):
        """float64 `(draws, n, n)`, the amplitudes of the waves that make a field on a torus."""
        frequency = noise_fields.frequencies(
            noise_fields.cycles_of_gaussian(self.sigma[0]), batch.grid
        )
        amplitude = noise_fields.gaussian(frequency, sigma[:, None, None], batch.grid)
        noise = random.normal(noise, [batch.draws, *amplitude.shape[1:]])
        return xp.cast(noise, "float64") * amplitude
