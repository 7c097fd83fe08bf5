"""MixUp."""

import keras
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.draw import random
from keras_mix._core.plan import plan
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class MixUp(Mixer):
    """Blends each sample with a partner: x = λ x_i + (1 - λ) x_j, and the labels by the same λ.

    λ is drawn from Beta(α, α). Inputs may have any rank: images, spectrograms, tables, embeddings.
    Blended inputs come out in the layer's compute dtype.

    Deviation from the authors' code: λ is drawn for each sample by default, not once for the batch;
    `per="batch"` restores theirs.

    Args:
        alpha: Float ≥ 0. Concentration α of the Beta distribution. 0 mixes nothing, 1 draws λ
            uniformly, and larger values mix more evenly. Defaults to 0.2, the lower end of the
            paper's range for ImageNet (0.2 to 0.4; section 3.1) and Keras's default; the paper uses
            1 on CIFAR.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `alpha` is negative, NaN or infinite.

    Example:

    >>> images = np.random.rand(8, 32, 32, 3).astype("float32")
    >>> labels = np.arange(8)
    >>> mix = keras_mix.layers.MixUp(alpha=0.2, num_classes=10)
    >>> images, labels = mix(images, labels)
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv:1710.09412,
        section 2.
    """

    def __init__(self, alpha=0.2, **kwargs):
        super().__init__(**kwargs)
        self.alpha = checks.number("alpha", alpha)

    def sample(self, batch, seed):
        order, share = random.split(seed, 2)
        lam = self.draw_lambda(batch, share)
        return plan.blend(self.partners(batch, order), tf.stack([lam, 1.0 - lam], axis=1))

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}
