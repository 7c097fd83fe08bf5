"""CowMix."""

import keras
import numpy as np
import tensorflow as tf

from keras_mix import checks, fields, sampling
from keras_mix.layers.base import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class CowMix(Mixer):
    """Pastes the partner's pixels in patches like those of a cow; the label is their share.

    White noise is smoothed by a Gaussian filter, and where it is highest the partner shows. The
    width of the filter decides how large the patches are and is drawn anew for each sample, so
    fine and coarse masks alternate, as FMix's do not.

    Deviations from the authors' code: the share of the partner is exact, not the one that a
    normal distribution would lead to expect; opposite sides of the image are neighbours; and
    the filter's width is a share of the image's longer side, not in pixels.

    Args:
        share: The range of the partner's share, which is uniform in it. Defaults to (0.2, 0.8),
            as in the authors' code.
        sigma: The range of the filter's standard deviation, as a share of the longer side; its
            logarithm is uniform. Defaults to (0.125, 0.5), the authors' 4 to 16 of 32 pixels.
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

    def __init__(self, share=(0.2, 0.8), sigma=(0.125, 0.5), **kwargs):
        super().__init__(**kwargs)
        self.share = checks.interval("share", share, high=1.0)
        self.sigma = checks.interval("sigma", sigma, low=0.02)

    def sample(self, batch, seed):
        order, share, width, noise = sampling.split(seed, 4)
        low, high = self.share
        share = low + (high - low) * sampling.uniform(share, [batch.draws])
        coefficients = self._coefficients(batch, width, noise)
        partners = self.partners(batch, order)
        return self.pasted(fields.highest, batch, partners, coefficients, share)

    def _coefficients(self, batch, width, noise):
        low, high = np.log(self.sigma)
        chance = tf.cast(sampling.uniform(width, [batch.draws, 1, 1]), tf.float64)
        sigma = tf.exp(low + (high - low) * chance)
        frequency = fields.frequencies(fields.cycles_of_gaussian(self.sigma[0]), batch.grid)
        amplitude = fields.gaussian(frequency, sigma, batch.grid)
        noise = sampling.normal(noise, [batch.draws, *amplitude.shape[1:]])
        return tf.cast(noise, tf.float64) * amplitude

    def get_config(self):
        return {**super().get_config(), "share": list(self.share), "sigma": list(self.sigma)}
