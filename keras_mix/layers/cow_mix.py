"""CowMix."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.draw import noise_fields, random
from keras_mix.layers.mixer import Mixer

# Cells of noise for the standard deviation of the narrowest filter.
_CELLS = 4


@keras.saving.register_keras_serializable(package="keras_mix")
class CowMix(Mixer):
    """Pastes the partner's pixels in patches like those of a cow; the label is their share.

    White noise is smoothed by a Gaussian filter, and where it is highest the partner shows. The
    width of the filter decides how large the patches are and is drawn anew for each sample, so
    fine and coarse masks alternate, as FMix's do not.

    There is no noise beyond the borders, so patches lie inside rather than at the border: of masks
    of 32 × 32 pixels the partner's part is in one piece in two of three, as in the authors' code.

    Deviations from the authors' code (google-research/google-research,
    `milking_cowmask/masking/cow_mask.py`): the share of the partner is exact; theirs is the one
    that a normal distribution would lead to expect, from which the real one differs by 0.05
    (standard deviation, at 32 × 32 pixels). The filter's width is a share of the image's longer
    side, not in pixels. The noise has four cells for the narrowest filter's standard deviation,
    which are their pixels at 32 × 32.

    Args:
        share: The range of the partner's share, which is uniform in it. Defaults to (0.2, 0.8),
            as in the authors' code.
        sigma: The range of the filter's standard deviation, as a share of the longer side; its
            logarithm is uniform. Defaults to (0.125, 0.5), the authors' 4 to 16 of 32 pixels.
        wrap: Whether opposite sides of the image are neighbours, so that patches lie at the
            borders as often as inside, for images without a middle such as textures and maps. The
            partner's part is then in one piece in 0.38 of the masks. Defaults to False, as in the
            authors' code.
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is no range, or is out of range.

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

    def __init__(self, share=(0.2, 0.8), sigma=(0.125, 0.5), wrap=False, **kwargs):
        super().__init__(**kwargs)
        self.share = checks.interval("share", share, high=1.0)
        self.sigma = checks.interval("sigma", sigma, low=0.02)
        self.wrap = bool(wrap)

    def sample(self, batch, seed):
        order, rest = random.split(seed, 2)
        return self.sample_given(batch, None, self.partners(batch, order), rest)

    def sample_given(self, batch, lam, partners, seed):
        share, width, noise = random.split(seed, 3)
        low, high = self.share
        share = low + (high - low) * random.uniform(share, [batch.draws])
        sigma = self._widths(batch, width)
        if self.wrap:
            coefficients = self._coefficients(batch, sigma, noise)
            return self.pasted(noise_fields.highest, batch, partners, coefficients, share)
        cells = math.ceil(_CELLS / self.sigma[0])
        noise = tf.cast(random.normal(noise, [batch.draws, cells, cells]), tf.float64)
        return self.pasted(noise_fields.filtered_highest, batch, partners, noise, sigma, share)

    def _widths(self, batch, seed):
        """float64 [draws], standard deviations of filters, as shares of the longer side."""
        low, high = np.log(self.sigma)
        chance = tf.cast(random.uniform(seed, [batch.draws]), tf.float64)
        return tf.exp(low + (high - low) * chance)

    def _coefficients(self, batch, sigma, noise):
        """float64 [draws, n, n], of the waves that a field on a torus is the sum of."""
        frequency = noise_fields.frequencies(
            noise_fields.cycles_of_gaussian(self.sigma[0]), batch.grid
        )
        amplitude = noise_fields.gaussian(frequency, sigma[:, None, None], batch.grid)
        noise = random.normal(noise, [batch.draws, *amplitude.shape[1:]])
        return tf.cast(noise, tf.float64) * amplitude

    def get_config(self):
        own = {"share": list(self.share), "sigma": list(self.sigma), "wrap": self.wrap}
        return {**super().get_config(), **own}
