"""GuidedMixup."""

import functools

import keras
from typing_extensions import Unpack

from keras_mix._core.backend import xp
from keras_mix._core.draw import saliency_maps
from keras_mix._core.plan.regions import Soft
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class GuidedMixup(Mixer):
    """Blends two images pixel by pixel, in proportion to how salient each is there (Guided-SR).

    With s_i and s_j the saliency of two images, each of sum 1, a pixel is m x_i + (1 - m) x_j where
    m = s_i / (s_i + s_j). The mixing weight of x_i is the mean of m. So what stands out in one of
    the images stays visible, and no λ is drawn. Images come out in the layer's compute dtype.

    Saliency is the spectral residual of Hou and Zhang, blurred twice by a Gaussian of 3 pixels. It
    is computed on images of at most 128 pixels a side. An image without finite saliency, such as a
    black one, is equally salient everywhere.

    The authors' pairing is `keras_mix.pairings.BySaliency()`, which finds partners that are salient
    elsewhere, and their README mixes half of the batches: `rate=0.5` (`per="batch"` for whole
    batches). The default pairing is a shuffle, as in their code.

    Deviations from the authors' code (3neutronstar/GuidedMixup, `spectral_residual.py` and
    `mixup.py`):

    - The brightness of a pixel is the mean of its channels, not the luma of RGB.
    - Filters continue periodically at the border, where theirs repeat or mirror it.
    - Larger images are shrunk by means over whole blocks, not to 128 pixels, and m is enlarged
      again instead of both maps.
    - Guided-AP, the variant by the gradients of the model, is left out.

    Args:
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an input has no height and width.

    Example:

    >>> images = np.random.rand(8, 32, 32, 3).astype("float32")
    >>> far = keras_mix.pairings.BySaliency()
    >>> mix = keras_mix.layers.GuidedMixup(pairing=far, rate=0.5, num_classes=10)
    >>> images, labels = mix(images, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Kang and Kim, "GuidedMixup: An Efficient Mixup Strategy Guided by Saliency Maps", AAAI 2023,
        arXiv:2306.16612. Saliency: Hou and Zhang, "Saliency Detection: A Spectral Residual
        Approach", CVPR 2007, section 3.
    """

    grid_rank = 2

    def __init__(self, **kwargs: Unpack[SharedOptions]) -> None:
        super().__init__(**kwargs)

    def sample(self, batch, seed):
        partners = self.partners(batch, seed)
        maps = functools.partial(saliency_maps.levels, axes=batch.axes)
        own = self.compiled(maps, batch, batch.images)
        donors = own
        if batch.has_second_batch:
            donors = self.compiled(maps, batch, batch.donor_images)
        other = xp.gather(donors, partners - batch.first_donor)
        return self.pasted(_region, batch, partners, own, other)


def _region(own, other, grid):
    share = saliency_maps.shares(own, other, grid)
    return Soft(xp.stack([1.0 - share, share], axis=-1))
