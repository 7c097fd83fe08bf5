"""InOrder."""

import keras
import tensorflow as tf

from keras_mix.pairings.pairing import Pairing


@keras.saving.register_keras_serializable(package="keras_mix")
class InOrder(Pairing):
    """Every sample with the donor in its own place of a second batch, as that was arranged.

    For partners that were chosen before, such as `keras_mix.data.pair_by_label`'s. Without a
    second batch every sample is its own partner, and so nothing is mixed.

    Args:
        **config: None.

    Example:

    >>> x, y = np.random.rand(8, 5).astype("float32"), np.linspace(0, 1, 8, dtype="float32")
    >>> mix = keras_mix.layers.MixUp(pairing=keras_mix.pairings.InOrder())
    >>> x, y = mix((x, y), partners=(x[::-1], y[::-1]))
    """

    def draw(self, batch, seed, number=1):
        return tf.range(batch.size) % batch.donors
