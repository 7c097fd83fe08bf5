"""SpecMix."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random, shapes
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class SpecMix(Mixer):
    """Pastes time bands and frequency bands of a partner into each spectrogram.

    A time band covers all frequencies and a frequency band all time steps, so both sources keep
    their spectra and their course in time, unlike under a box. The number of bands, their widths
    and their positions inside the axis are uniform. The mixing weight is the fraction of bins
    pasted.

    By default up to two bands of each kind, each a tenth of its axis wide, are pasted, as in the
    authors' code for sound events: a sample keeps 0.82 of its bins on average, and one sample in
    nine, for which no band is drawn, stays unmixed. For acoustic scenes the authors use
    `width=(0.7, 0.7)`, which keeps 0.25. For bands of varied widths that leave about half of the
    bins to each source, use
    `SpecMix(time_bands=(1, 3), frequency_bands=(1, 3), width=(0.05, 0.3))`.

    Spectrograms have shape `(B, T, F)` or `(B, T, F, C)`. Keras's `MelSpectrogram` returns
    `(B, F, T)`: swap its last two axes, or exchange the two kinds of bands. Valid lengths of clips
    are passed with `kinds`.

    Deviations from the authors' code (GT-KIM/specmix, `masking` in
    `sound_event_classification/utils.py`): a band may reach the end of its axis, as in their code
    for scenes; their code for sound events leaves out the last of 0.9T + 1 starts. A band is at
    least one bin wide; theirs is empty on axes of fewer than ten bins. Their partners come from a
    second batch; pass it as `partners=` to do the same.

    Args:
        time_bands: Integer ≥ 0, or a pair (least, most). Number of time bands, uniform from least
            to most. Defaults to (0, 2), as in the authors' code.
        frequency_bands: Integer ≥ 0, or a pair (least, most). Number of frequency bands, uniform
            from least to most. Defaults to (0, 2), as in the authors' code.
        width: Pair of floats in [0, 1]. Range of a band's width as a fraction of its axis, rounded
            down but at least one bin. Defaults to (0.1, 0.1), as in the authors' code for sound
            events.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, or if an input has no time and frequency axes.

    Example:

    >>> sounds = np.random.rand(8, 100, 64).astype("float32")
    >>> mix = keras_mix.layers.SpecMix(num_classes=10)
    >>> sounds, labels = mix(sounds, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Kim et al., "SpecMix: A Mixed Sample Data Augmentation Method for Training with
        Time-Frequency Domain Features", Interspeech 2021, arXiv:2108.03020. This layer follows the
        authors' code and the paper's abstract; not verified against the full paper.
    """

    pastes = True
    grid_rank = 2

    def __init__(
        self,
        time_bands: int | tuple[int, int] = (0, 2),
        *,
        frequency_bands: int | tuple[int, int] = (0, 2),
        width: tuple[float, float] = (0.1, 0.1),
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.time_bands = checks.counts("time_bands", time_bands)
        self.frequency_bands = checks.counts("frequency_bands", frequency_bands)
        self.width = checks.interval("width", width, high=1.0)

    def sample(self, batch, seed):
        order, rest = random.split(seed, 2)
        return self.sample_given(batch, None, self.partners(batch, order), rest)

    def sample_given(self, batch, lam, partners, seed):
        """The plan of a batch with given λ and partners, as `CrossModalMix` calls it."""
        time, frequency = random.split(seed, 2)
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
        return self.pasted(shapes.bands, batch, partners, starts, widths)

    def _bands(self, seed, size, numbers, draws):
        """The starts and the widths of the bands along an axis, both int32 `(draws, most)`."""
        (least, most), (number, spread, place) = numbers, random.split(seed, 3)
        number = least + random.below(number, xp.fill([draws, 1], most - least + 1))
        low, high = (
            xp.maximum(xp.cast(share * xp.cast(size, "float32"), "int32"), 1)
            for share in self.width
        )
        width = low + random.below(spread, xp.fill([draws, most], high - low + 1))
        start = random.below(place, size - width + 1)
        return start, xp.where(xp.range(most) < number, width, 0)
