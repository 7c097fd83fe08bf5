"""SpectrogramMixUp."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.draw import random
from keras_mix._core.plan import plan
from keras_mix._core.plan.combinations import LogBlend
from keras_mix.layers.mixer import Mixer

_TO_NATURAL = {"log": 1.0, "log10": math.log(10.0), "db": math.log(10.0) / 10.0}
_POWERS = {"power": 1.0, "amplitude": 0.5, "log": None}


@keras.saving.register_keras_serializable(package="keras_mix")
class SpectrogramMixUp(Mixer):
    """Blends spectrograms that are logarithms, in a domain chosen by name.

    λ is drawn from Beta(α, α). In the domain "power" a place becomes
    log(λ e^x_i + (1 - λ) e^x_j): powers add up, as those of unrelated sounds that are heard at
    once do. In "amplitude" the roots of the powers are blended; in "log" the spectrograms as they
    are, which is `MixUp`: a geometric mean, in which a sound over silence is turned down instead
    of heard. Labels are blended by λ in each. A gain of both sounds alike is one of the blend in
    every domain, so any reference level of the logarithm will do.

    Inputs on the same grid of time and frequency are taken for logarithms, too; what lies off it,
    and what a model learns, is blended as it is. Who is their own partner stays as they are.

    Args:
        alpha: The concentration α ≥ 0 of the Beta distribution. 0 mixes nothing. Defaults to 0.2,
            as `MixUp`.
        domain: "power", "amplitude" or "log". Defaults to "power".
        scale: What the spectrograms are of power: "db" (10 log10), "log10" or "log" (natural).
            Defaults to "db", as Keras's `MelSpectrogram` gives them.
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, or an input has no time and frequency.

    Example:

    >>> sounds = np.random.uniform(-80, 0, (8, 100, 64)).astype("float32")
    >>> mix = keras_mix.layers.SpectrogramMixUp(domain="power", scale="db", num_classes=10)
    >>> sounds, labels = mix(sounds, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv:1710.09412,
        section 2. The domains are not from there.
    """

    grid_rank = 2
    draws_regions = False

    def __init__(self, alpha=0.2, domain="power", scale="db", **kwargs):
        super().__init__(**kwargs)
        self.alpha = checks.number("alpha", alpha)
        self.domain = checks.choice("domain", domain, list(_POWERS))
        self.scale = checks.choice("scale", scale, list(_TO_NATURAL))
        power = _POWERS[domain]
        # As graphs hold it.
        self._exponent = power and float(np.float32(power * _TO_NATURAL[scale]))

    def sample(self, batch, seed):
        order, share = random.split(seed, 2)
        lam = self.draw_lambda(batch, share)
        weights = tf.stack([lam, 1.0 - lam], axis=1)
        drawn = plan.blend(self.partners(batch, order), weights)
        if self._exponent is not None:
            drawn = drawn._replace(combine=LogBlend(self._exponent))
        return plan.unless_alone(drawn)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "domain": self.domain,
            "scale": self.scale,
        }
