"""SpecAugment."""

import numbers

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.option_types import FillValue, SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class SpecAugment(Mixer):
    """Fills random bands of time and of frequency of each spectrogram; labels stay unchanged.

    The width of a band is uniform from 0 to its limit, and its start is uniform over the positions
    at which the band lies inside the axis. Inputs of the same time and frequency axes are filled at
    the same bins. Labels are unchanged; class ids are one-hot encoded if `num_classes` is given.
    Spectrograms have shape `(B, T, F)` or `(B, T, F, C)`; Keras's `MelSpectrogram` returns
    `(B, F, T)`, so swap its last two axes. Use the layer alone or before a mixer, like Cutout.

    Deviations from the paper: there is no time warping, which the paper finds least important; a
    band of width w may start at any of T - w + 1 positions, of which the paper's half-open interval
    leaves out the last; T is the length of the padded clip.

    Args:
        time_masks: Integer ≥ 0. Number of time bands. Defaults to 2, the paper's policy "LD"
            (LibriSpeech double).
        frequency_masks: Integer ≥ 0. Number of frequency bands. Defaults to 2, as in "LD".
        time_width: Integer ≥ 1 or float in (0, 1]. Largest width of a time band: an integer in time
            steps, a float as a fraction of the axis. Limited to the length of the axis. Defaults to
            100, as in "LD"; the policies for Switchboard use 70.
        frequency_width: Integer ≥ 1 or float in (0, 1]. Largest width of a frequency band: an
            integer in bins, a float as a fraction of the axis. Defaults to 27 (of 80), as in "LD";
            the mild policy for Switchboard uses 15.
        max_time_fraction: Float in [0, 1]. Upper bound of the width of a time band as a fraction of
            the time axis, whatever `time_width` is. Defaults to 1, as in "LD"; the policies for
            Switchboard use 0.2.
        fill_value: Float, or `"mean"`. Value of the filled bins; `"mean"` is the mean of each
            channel of each clip. Defaults to 0, the mean of the paper's normalized spectrograms.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, or if an input has no time and frequency axes.

    Example:

    >>> sounds = np.random.rand(8, 100, 64, 1).astype("float32")
    >>> mask = keras_mix.layers.SpecAugment(time_width=0.2, frequency_width=0.2)
    >>> mask(sounds).shape
    TensorShape([8, 100, 64, 1])

    Reference:
        Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech
        Recognition", Interspeech 2019, arXiv:1904.08779, section 2; settings of its policies in
        table 1.
    """

    pastes = True
    erases = True
    grid_rank = 2
    num_sources = 1

    def __init__(
        self,
        time_masks: int = 2,
        *,
        frequency_masks: int = 2,
        time_width: float = 100,
        frequency_width: float = 27,
        max_time_fraction: float = 1.0,
        fill_value: FillValue = 0.0,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.time_masks = checks.integer("time_masks", time_masks, low=0)
        self.frequency_masks = checks.integer("frequency_masks", frequency_masks, low=0)
        self.time_width = checks.length("time_width", time_width)
        self.frequency_width = checks.length("frequency_width", frequency_width)
        self.max_time_fraction = checks.number("max_time_fraction", max_time_fraction, high=1.0)
        self.fill_value = checks.fill_value("fill_value", fill_value)

    def sample(self, batch, seed):
        seeds, (time, frequency) = random.split(seed, 2), batch.grid
        longest = xp.minimum(_bins(self.time_width, time), _bins(self.max_time_fraction, time))
        widest = _bins(self.frequency_width, frequency)
        drawn = [
            _bands(seeds[0], [batch.draws, self.time_masks], longest, time),
            _bands(seeds[1], [batch.draws, self.frequency_masks], widest, frequency),
        ]
        bands = shapes.bands(*zip(*drawn, strict=True), batch.grid)
        return plan.erase(batch.size, bands, self.fill_value)


def _bins(width, size):
    """Returns a width in bins, at most the size, from a number or a fraction of them."""
    if isinstance(width, numbers.Integral):
        return xp.minimum(width, size)
    return xp.cast(width * xp.cast(size, "float32"), "int32")


def _bands(seed, shape, widest, size):
    """Where bands start, and how wide they are, both int32 of the shape."""
    spread, place = random.split(seed, 2)
    width = random.below(spread, xp.fill(shape, widest + 1))
    return random.below(place, size - width + 1), width
