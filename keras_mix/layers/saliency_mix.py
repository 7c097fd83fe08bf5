"""SaliencyMix."""

import keras
import tensorflow as tf

from keras_mix import checks, masks, plan, saliency, sampling
from keras_mix.layers.base import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class SaliencyMix(Mixer):
    """Pastes the box around a partner's most salient pixel; the label follows the pixels.

    λ is drawn from Beta(α, α); the box has the sides H√(1 - λ) and W√(1 - λ), rounded down, and is
    clipped at the border, as in CutMix, but its centre is the partner's most salient pixel.

    Deviations from the authors' code: the saliency is the spectral residual, which compiles and
    needs no OpenCV, of a copy with sides of 64 to 127 pixels; and each sample has its own box by
    default, around the peak of its own partner. There the peak of one image places the boxes of
    the whole batch; `per="batch"` shares λ here, not the peak.

    Args:
        alpha: The concentration α ≥ 0 of the Beta distribution. 0 mixes nothing. Defaults to 1,
            as in the authors' code.
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`. The
            authors mix a batch of CIFAR with probability 0.5 (`rate=0.5`), of ImageNet always.

    Raises:
        ValueError: If `alpha` is negative, NaN or infinite, or an input has no height and width.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> images, labels = keras_mix.layers.SaliencyMix(num_classes=10)(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        Uddin et al., "SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better
        Regularization", ICLR 2021, arXiv:2006.01791, section 3. Saliency: Hou and Zhang,
        "Saliency Detection: A Spectral Residual Approach", CVPR 2007, section 3.
    """

    pastes = True
    grid_rank = 2

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = checks.number("alpha", alpha)

    def sample(self, batch, seed):
        order, share = sampling.split(seed, 2)
        ratio = self.ratio(batch, share)
        partners = self.partners(batch, order)
        peaks = self.compiled(saliency.peaks, batch, batch.donor_light())
        sides = masks.sides(1.0 - ratio, batch.grid)
        return plan.paste(partners, masks.rectangle(tf.gather(peaks, partners), sides, batch.grid))

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}
