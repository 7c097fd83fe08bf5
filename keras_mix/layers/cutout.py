"""Cutout."""

import numbers

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.option_types import FillValue, SharedOptions, SpatialDims
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class Cutout(Mixer):
    """Fills random squares of each image with a constant; labels stay unchanged.

    The center of a square is uniform over the pixels, and the square is clipped at the border.
    Inputs of the same height and width are filled at the same pixels. Labels and segmentation masks
    are unchanged; class ids are one-hot encoded if `num_classes` is given. Use the layer alone,
    before a mixer, or inside a model.

    Deviation from the authors' code (uoguelph-mlrg/Cutout, `util/cutout.py`): a square of odd size
    has that size. Theirs is one pixel smaller: 14 × 14 for 15, and nothing for 1. All sizes in the
    paper are even.

    Args:
        size: Integer ≥ 1 or float in (0, 1]. Side of the squares: an integer in pixels, a float as
            a fraction of the shorter side. Defaults to 0.5, the authors' 16 of 32 pixels for
            CIFAR-10 (8 for CIFAR-100, 20 for SVHN).
        count: Integer ≥ 1. Number of squares. Defaults to 1, as in the paper.
        fill_value: Float, or `"mean"`. Value of the filled pixels; `"mean"` is the mean of each
            channel of each image. Defaults to 0, since the paper fills images whose mean has been
            subtracted.
        spatial_dims: 1, 2 or 3. Number of axes that are filled: 1 for time; 2 for images, or for
            all frames of a video alike; 3 for volumes, or for a span of a video. Defaults to 2.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, or a square is larger than the images.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> keras_mix.layers.Cutout(size=16, fill_value="mean")(images).dtype
    tf.uint8

    Reference:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
        2017, arXiv:1708.04552, section 3. Error on CIFAR-10 with a ResNet-18: 4.72 % without it,
        3.99 % with it.
    """

    pastes = True
    erases = True
    num_sources = 1

    def __init__(
        self,
        size: float = 0.5,
        *,
        count: int = 1,
        fill_value: FillValue = 0.0,
        spatial_dims: SpatialDims = 2,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.size = checks.length("size", size)
        self.count = checks.integer("count", count, low=1)
        self.fill_value = checks.fill_value("fill_value", fill_value)
        self.grid_rank = self.spatial_dims = checks.choice("spatial_dims", spatial_dims, (1, 2, 3))

    def sample(self, batch, seed):
        side = self._side(batch.grid)
        centre = random.points(seed, batch.draws * self.count, batch.grid)
        centre = xp.reshape(centre, [-1, self.count, len(batch.grid)])
        squares = shapes.rectangle(centre, xp.fill(xp.shape(centre), side), batch.grid)
        return plan.erase(batch.size, squares, self.fill_value)

    def _side(self, grid):
        shortest = xp.reduce_min(xp.stack(grid))
        if not isinstance(self.size, numbers.Integral):
            return xp.cast(self.size * xp.cast(shortest, "float32"), "int32")
        rule = "`size` must be at most the shorter side of the images"
        way_out = "Pass a smaller one, or a fraction of the side, such as size=0.5."
        known = [size for size in grid if isinstance(size, int)]
        if any(self.size > size for size in known):
            checks.refuse(self.owner, rule, f"size={self.size}, images of {known}", way_out)
        if len(known) < len(grid):
            sentence = f"{self.owner}: {rule}. {way_out}"
            xp.checked(self.size <= shortest, sentence)
        return self.size
