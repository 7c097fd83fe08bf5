"""InOrder."""

import keras

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.batch.batch import Batch
from keras_mix.pairings.pairing import Pairing


@keras.saving.register_keras_serializable(package="keras_mix")
class InOrder(Pairing):
    """Pairs each sample with the sample at the same index of a second batch.

    For partners that are chosen beforehand, such as by `keras_mix.data.pair_by_label`. Without a
    second batch, each sample is its own partner and nothing is mixed.

    Example:

    >>> x, y = np.random.rand(8, 5).astype("float32"), np.linspace(0, 1, 8, dtype="float32")
    >>> mix = keras_mix.layers.MixUp(pairing=keras_mix.pairings.InOrder())
    >>> x, y = mix((x, y), partners=(x[::-1], y[::-1]))
    """

    def draw(self, batch: Batch, seed: Tensor, number: int = 1) -> Tensor:
        return xp.range(batch.size) % batch.donors
