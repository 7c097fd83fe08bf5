"""CutMix."""

import keras

from keras_mix._core import checks
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class CutMix(Mixer):
    """Pastes a box of a partner over every image; the label follows the pixels.

    λ is drawn from Beta(α, α). The box has the sides H√(1 - λ) and W√(1 - λ), rounded down, its
    centre is uniform over the pixels, and what reaches over the border is clipped. The label's
    weight is the share of the pixels really pasted, so at α = 1 the mean of the kept share is
    0.679 on large images, not 0.5. Images keep their dtype. Masks of class ids are cut along;
    inputs that are not on the images' grid are blended by the same weights.

    Deviations from the authors' code: one box for each sample by default, not one for the batch
    (`per="batch"` is theirs); a side of odd length keeps its last row or column, which theirs
    (clovaai/CutMix-PyTorch, `rand_bbox` in `train.py`) loses, so that the mean pasted share at
    α = 1 is 0.311 instead of 0.300 on images of 32 pixels, 0.320 instead of 0.318 on 224.

    Args:
        alpha: The concentration α ≥ 0 of the Beta distribution. 0 mixes nothing. Defaults to
            1.0, the paper's choice (section 3.1).
        spatial_dims: The number of axes that are cut: 1 (time), 2 (images, or each frame of a
            video alike) or 3 (volumes, or a stretch of a video; sides are then the cube root).
            Defaults to 2.
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`. The
            paper mixes a batch of CIFAR with probability 0.5 (`rate=0.5`), of ImageNet always.

    Raises:
        ValueError: If `alpha` is negative, NaN or infinite, or an input has no height and width.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> labels = np.arange(8)
    >>> mix = keras_mix.layers.CutMix(num_classes=10)
    >>> images, labels = mix(images, labels)
    >>> images.dtype
    tf.uint8

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features", ICCV 2019, arXiv:1905.04899, section 3.1.
    """

    pastes = True

    def __init__(self, alpha=1.0, spatial_dims=2, **kwargs):
        super().__init__(**kwargs)
        self.alpha = checks.number("alpha", alpha)
        self.grid_rank = checks.choice("spatial_dims", spatial_dims, (1, 2, 3))

    def sample(self, batch, seed):
        order, share, place = random.split(seed, 3)
        lam, partners = self.draw_lambda(batch, share), self.partners(batch, order)
        return self.sample_given(batch, lam, partners, place)

    def sample_given(self, batch, lam, partners, seed):
        sides = shapes.sides(1.0 - lam, batch.grid)
        centre = random.points(seed, batch.draws, batch.grid)
        if self.grid_rank == 1:
            # A line may be as long as a sound, which is worth compiling; an image's sides are not.
            return self.pasted(shapes.rectangle, batch, partners, centre, sides)
        return plan.paste(partners, shapes.rectangle(centre, sides, batch.grid))

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "spatial_dims": self.grid_rank,
        }
