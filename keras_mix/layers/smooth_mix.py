"""SmoothMix."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class SmoothMix(Mixer):
    """Blends a partner in under a Gaussian spot; the mixing weight is the mean of the spot.

    The center of the spot is uniform over the pixels. Its standard deviation along each axis is the
    length of that axis times a factor drawn uniformly from `sigma`. Images come out in the layer's
    compute dtype.

    Deviations: the paper also has squares with soft edges; this is its circle, SmoothMix-C, which
    is stretched with images that are not square, while OpenMixup scales both axes by the height.
    The authors' code was not found; defaults and definition follow descriptions of the paper and
    OpenMixup (Westlake-AI/openmixup, `models/augments/smoothmix.py`).

    Args:
        sigma: Pair of floats ≥ 0.01. Range of the standard deviation as a fraction of each side.
            Defaults to (0.25, 0.5), the paper's choice.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `sigma` is not a range of numbers ≥ 0.01.

    Example:

    >>> images = np.random.rand(8, 32, 32, 3).astype("float32")
    >>> images, labels = keras_mix.layers.SmoothMix(num_classes=10)(images, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Lee et al., "SmoothMix: a Simple Yet Effective Data Augmentation to Train Robust
        Classifiers", CVPR Workshops 2020.
    """

    grid_rank = 2

    def __init__(
        self, sigma: tuple[float, float] = (0.25, 0.5), **kwargs: Unpack[SharedOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.sigma = checks.interval("sigma", sigma, low=0.01)

    def sample(self, batch, seed):
        order, place, width = random.split(seed, 3)
        sigma = random.between(width, self.sigma, [batch.draws])
        centre = random.points(place, batch.draws, batch.grid)
        spot = shapes.spot(centre, sigma, batch.grid)
        return plan.soft(self.partners(batch, order), spot)
