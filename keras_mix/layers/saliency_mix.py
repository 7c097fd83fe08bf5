"""SaliencyMix."""

import functools
from typing import Literal

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import fine_grained_saliency, random, shapes, spectral_residual
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions


@keras.saving.register_keras_serializable(package="keras_mix")
class SaliencyMix(BetaMixer):
    """Pastes the box around a partner's most salient pixel; labels are weighted by its area.

    λ is drawn from Beta(α, α). The box has sides H√(1 - λ) and W√(1 - λ), rounded down, and is
    clipped at the border, as in CutMix, but it is centered on the partner's most salient pixel.

    The default detector is the authors': the fine-grained saliency of Montabone and Soto, whose map
    of a uint8 image equals that of OpenCV's `StaticSaliencyFineGrained`. uint8 images keep their
    levels; others are first stretched to 0 … 255. Three channels are weighted by 0.114, 0.587 and
    0.299, as OpenCV treats the authors' images as BGR. The pixels that are lightest and darkest
    against their surroundings are equally salient in this map, and the first of them in row order
    is taken.

    Deviations from the authors' code (afm-shahab-uddin/SaliencyMix, `saliency_bbox` in
    `SaliencyMix_CIFAR/saliencymix.py`):

    - It passes standardized float images to OpenCV, which reads their bytes as pixels. The peaks of
      such maps are no more salient than random pixels: in the maps of the same photographs as
      uint8, they lie at the 0.38 to 0.59 quantile. Here the map is that of the image.
    - The peak of one image positions the boxes of the whole batch. Here each box is centered on the
      peak of its own partner, as in the paper; `per="batch"` shares λ, not the peak.
    - A box whose side is odd keeps its last row or column, which theirs loses: about 0.01 of the
      area of images of 32 pixels.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            1, as in the authors' code.
        detector: `"fine_grained"` or `"spectral_residual"`. The latter is the saliency of Hou and
            Zhang, computed on a copy with sides of 64 to 127 pixels, and makes the layer two to
            three times as fast. It is a different method: on photographs of 32 to 224 pixels its
            peak lies at the 0.2 to 0.7 quantile of the fine-grained map on average. Defaults to
            `"fine_grained"`.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. The authors mix a
            batch with probability 0.5 on CIFAR (`rate=0.5`) and always on ImageNet.

    Raises:
        ValueError: If `alpha` is out of range, if `detector` is unknown, or if an
            input has no height and width.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> images, labels = keras_mix.layers.SaliencyMix(num_classes=10)(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        Uddin et al., "SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better
        Regularization", ICLR 2021, arXiv:2006.01791, section 3. Saliency: Montabone and Soto,
        "Human detection using a mobile platform and novel features derived from a visual saliency
        mechanism", Image and Vision Computing 28, 2010, as in OpenCV (opencv/opencv_contrib,
        `modules/saliency/src/staticSaliencyFineGrained.cpp`); and Hou and Zhang, "Saliency
        Detection: A Spectral Residual Approach", CVPR 2007, section 3.
    """

    pastes = True
    grid_rank = 2

    def __init__(
        self,
        alpha: Alpha = 1.0,
        *,
        detector: Literal["fine_grained", "spectral_residual"] = "fine_grained",
        **kwargs: Unpack[BetaOptions],
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        self.detector = checks.choice("detector", detector, ("fine_grained", "spectral_residual"))

    def sample(self, batch, seed):
        order, share = random.split(seed, 2)
        partners = self.partners(batch, order)
        lam = self.draw_lambda(batch, share, partners)
        return self.sample_given(batch, lam, partners, share)

    def sample_given(self, batch, lam, partners, seed):
        """The plan of a batch with given λ and partners, as `CrossModalMix` calls it."""
        none = functools.partial(xp.zeros, [batch.donors, 2], "int32")
        peaks = batch.of_chosen(functools.partial(self._peaks, batch), none)
        sides = shapes.sides(1.0 - lam, batch.grid)
        return plan.paste(
            partners,
            shapes.rectangle(xp.gather(peaks, partners - batch.first_donor), sides, batch.grid),
        )

    def _peaks(self, batch):
        """int32 `(donors, 2)`, the most salient pixel of each image that can be a partner."""
        if self.detector == "spectral_residual":
            return self.compiled(spectral_residual.peaks, batch, batch.donor_light())

        def call(function, *arguments):
            return self.compiled(lambda *given, grid: function(*given), batch, *arguments)

        return fine_grained_saliency.peaks(batch.donor_images, batch.axes, batch.grid, call)
