"""SpecMix."""

import keras
import tensorflow as tf

from keras_mix import checks, masks, sampling
from keras_mix.layers.base import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class SpecMix(Mixer):
    """Pastes bands of time and bands of frequency of a partner over every spectrogram.

    A band of time has all frequencies, a band of frequency lasts all the time; so what is left
    and what is taken keep their course in time and their spectra, unlike under a box. The number
    of bands, the width of each, and its place, wholly inside, are uniform. The label's weight is
    the share of the places really pasted.

    Spectrograms are B×T×F or B×T×F×C. Keras's `MelSpectrogram` gives B×F×T: swap the last two
    axes, or take the one kind of bands for the other. Lengths of clips may be told by `kinds`.

    Only the paper's abstract was read. That bands of both kinds are taken, and their area gives
    the label, is its idea; up to three of each and a width of at most 0.3 are what others' code
    takes (their γ), the rest is chosen here: as drawn by default, half of the area is a partner's.

    Args:
        time_bands: How many bands of time: a pair (least, most), or one number. Defaults to
            (1, 3).
        frequency_bands: How many bands of frequency, alike. Defaults to (1, 3).
        width: The range of a band's width, as a share of its axis in [0, 1]; it is rounded down,
            but at least one place. Defaults to (0.05, 0.3).
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, or an input has no time and frequency.

    Example:

    >>> sounds = np.random.rand(8, 100, 64).astype("float32")
    >>> mix = keras_mix.layers.SpecMix(num_classes=10)
    >>> sounds, labels = mix(sounds, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Kim et al., "SpecMix: A Mixed Sample Data Augmentation Method for Training with
        Time-Frequency Domain Features", Interspeech 2021, arXiv:2108.03020 (the sections behind
        the abstract were not read).
    """

    pastes = True
    grid_rank = 2

    def __init__(self, time_bands=(1, 3), frequency_bands=(1, 3), width=(0.05, 0.3), **kwargs):
        super().__init__(**kwargs)
        self.time_bands = checks.counts("time_bands", time_bands)
        self.frequency_bands = checks.counts("frequency_bands", frequency_bands)
        self.width = checks.interval("width", width, high=1.0)

    def sample(self, batch, seed):
        order, time, frequency = sampling.split(seed, 3)
        drawn = [
            self._bands(s, size, numbers, batch.draws)
            for s, size, numbers in zip(
                (time, frequency),
                batch.grid,
                (self.time_bands, self.frequency_bands),
                strict=True,
            )
        ]
        starts, widths = zip(*drawn, strict=True)
        return self.pasted(masks.bands, batch, self.partners(batch, order), starts, widths)

    def _bands(self, seed, size, numbers, draws):
        """Where the bands along an axis start, and how wide they are: int32 [draws, most]."""
        (least, most), (number, spread, place) = numbers, sampling.split(seed, 3)
        number = least + sampling.integers(number, [draws, 1], most - least + 1)
        low, high = (
            tf.maximum(tf.cast(share * tf.cast(size, tf.float32), tf.int32), 1)
            for share in self.width
        )
        width = low + sampling.below(spread, tf.fill([draws, most], high - low + 1))
        start = sampling.below(place, size - width + 1)
        return start, tf.where(tf.range(most) < number, width, 0)

    def get_config(self):
        return {
            **super().get_config(),
            "time_bands": list(self.time_bands),
            "frequency_bands": list(self.frequency_bands),
            "width": list(self.width),
        }
