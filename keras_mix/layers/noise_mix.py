"""NoiseMix."""

import functools

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import loudness, random
from keras_mix._core.plan import plan
from keras_mix._core.plan.combinations import Gains
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer

# Relative to full scale: -120 dB, far below the steps of 16-bit samples.
_SILENCE = 1e-12


@keras.saving.register_keras_serializable(package="keras_mix")
class NoiseMix(Mixer):
    """Adds a partner to each sound, at a signal-to-noise ratio that is drawn in dB.

    The ratio s is uniform over `snr`. The result is x_i + g x_j with g = √(P_i / P_j) · 10^(-s /
    20), where P is the mean power of a sound over its valid time steps, the sum of all channels.
    So x_i keeps its level, and x_j is s dB below it. Nothing is clipped or normalized: a low s can
    exceed full scale, ±1.

    The mixing weight of x_i is 1 / (1 + 10^(-s / 20)), its part of the sound pressure, by which
    `BetweenClass` weights labels, too. Labels stay as they are if the partners have none, like the
    noises of `keras_mix.data.mix(dataset, layer, partners=noises, partner_labels="kept")`, or if
    `keep_labels` is True.

    A sound whose mean power is at most -120 dB of full scale is silent. No ratio to it exists, so a
    silent sound and a sound with a silent partner stay unmixed, with their labels. So does a sound
    that is its own partner.

    Inputs of the same time axis get the same gains; other inputs are blended by the mixing weight.
    Noises need lengths or masks of their own where the dataset has them.

    Args:
        snr: Pair of floats, or a float. Range of the signal-to-noise ratio in dB; a float is the
            ratio of all. Defaults to (3, 30), as in audiomentations' `AddBackgroundNoise`.
        keep_labels: Boolean. Whether each sound keeps its label and sample weight, whatever is
            added to it; other inputs then stay as they are, too. Defaults to False: they are mixed
            by the mixing weight.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `snr` is not finite or no range, or if an input has no time axis.

    Example:

    >>> speech = np.random.uniform(-1, 1, (8, 16000)).astype("float32")
    >>> noises = np.random.uniform(-0.1, 0.1, (3, 16000)).astype("float32")
    >>> mix = keras_mix.layers.NoiseMix(snr=(5, 20), num_classes=10)
    >>> noisy, labels = mix(speech, np.arange(8), partners=noises)
    >>> float(labels[0, 0])
    1.0

    Reference:
        The gain is that of `add_noise` of pytorch/audio, `torchaudio/functional/functional.py`.
        Labels by sound pressure: Tokozume et al., arXiv:1711.10282, section 3.
    """

    grid_rank = 1
    draws_regions = False

    def __init__(
        self,
        snr: float | tuple[float, float] = (3.0, 30.0),
        *,
        keep_labels: bool = False,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        limits = snr if isinstance(snr, list | tuple) else (snr, snr)
        self.snr = checks.interval("snr", limits, low=-float("inf"))
        self.keep_labels = checks.boolean("keep_labels", keep_labels)

    def without_effect(self):
        reasons = super().without_effect()
        if self.keep_labels:
            kept = "`keep_labels` leaves labels as they are"
            reasons["label_rule"] = kept
            if self.label_mode == "union":
                reasons["label_mode"] = kept
        return reasons

    def sample(self, batch, seed):
        order, level = random.split(seed, 2)
        partners = self.partners(batch, order)
        # In double precision, so that the gains are the same in every mode.
        (low, high), drawn = self.snr, random.uniform(level, [batch.draws])
        snr = low + (high - low) * xp.cast(drawn, "float64")
        own, donors = self._powers(batch)
        other = xp.gather(donors, partners - batch.first_donor)
        # The quotient of the pressures of noise and signal.
        quotient = xp.broadcast_to(10.0 ** (-snr / 20.0), xp.shape(own))
        gain = xp.sqrt(own / other) * quotient
        gains = xp.cast(xp.stack([xp.ones_like(gain), gain], axis=1), "float32")
        signal = xp.ones_like(quotient) if self.keep_labels else 1.0 / (1.0 + quotient)
        signal = xp.cast(signal, "float32")
        mixed = plan.blend(partners, xp.stack([signal, 1.0 - signal], axis=1))
        mixed = plan.unless_alone(mixed._replace(combine=Gains(gains)))
        return mixed.keep(~((own <= _SILENCE) | (other <= _SILENCE)))

    def _powers(self, batch):
        """float64 `(B,)` and `(donors,)`, the mean power of each sound."""
        power = functools.partial(_power, axis=batch.axes[0])
        valid = batch.validity and batch.validity.steps(batch.grid[0])
        steps = valid.own if valid else None
        own = self.compiled(power, batch, batch.images, steps)
        if not batch.has_second_batch:
            return own, own
        steps = valid.second if valid else None
        return own, self.compiled(power, batch, batch.donor_images, steps)


def _power(sounds, valid, grid, axis):
    return loudness.mean_power(sounds, axis, valid)
