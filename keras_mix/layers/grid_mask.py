"""GridMask."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.option_types import FillValue, SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class GridMask(Mixer):
    """Fills the squares of a rotated lattice with a constant; labels stay unchanged.

    The lattice has a period of d pixels, drawn uniformly from `unit`. In each period a square of
    side d - rd is filled, where r is `keep_ratio` and rd is rounded up, so at most a fraction (1 -
    r)² of the pixels is lost: 0.158 on 224 pixels, 0.146 on 32. The offset is uniform, and the
    lattice is rotated about the center by a whole number of degrees. Unlike one large square, the
    lattice neither hides a whole object nor misses it. Inputs of the same height and width are
    filled at the same pixels. Labels and segmentation masks are unchanged; class ids are one-hot
    encoded if `num_classes` is given.

    The authors raise the rate from 0 to 0.8 over the first epochs; see
    `keras_mix.callbacks.MixSchedule`.

    Deviations from the authors' code (akuxcw/GridMask, `imagenet_grid/utils/grid.py`): the largest
    period is included, one of 129 on 224 pixels; the lattice itself is rotated, not a rendered
    image of it, so its squares have no ragged edges.

    Args:
        unit: Pair of floats in [0.01, 2]. Range of the period d as a fraction of the shorter side.
            Defaults to (0.43, 1.0), the paper's 96 to 224 of 224 pixels on ImageNet (section 4.1).
        keep_ratio: Float in [0, 1]. Fraction r of a period's side that is kept. Defaults to 0.6,
            the paper's choice on ImageNet.
        rotation: Integer in [0, 360]. Exclusive upper bound of the angle, a uniform whole number of
            degrees; 0 does not rotate. Defaults to 360, as in the authors' code.
        fill_value: Float, or `"mean"`. Value of the filled pixels; `"mean"` is the mean of each
            channel of each image. Defaults to 0, as the authors fill standardized images.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> keras_mix.layers.GridMask()(images).dtype
    tf.uint8

    Reference:
        Chen et al., "GridMask Data Augmentation", 2020, arXiv:2001.04086, section 3.
    """

    pastes = True
    erases = True
    grid_rank = 2
    num_sources = 1

    def __init__(
        self,
        unit: tuple[float, float] = (0.43, 1.0),
        *,
        keep_ratio: float = 0.6,
        rotation: int = 360,
        fill_value: FillValue = 0.0,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.unit = checks.interval("unit", unit, low=0.01, high=2.0)
        self.keep_ratio = checks.number("keep_ratio", keep_ratio, high=1.0)
        self.rotation = checks.integer("rotation", rotation, low=0, high=360)
        self.fill_value = checks.fill_value("fill_value", fill_value)

    def sample(self, batch, seed):
        turn, size, shift = random.split(seed, 3)
        shortest = xp.cast(xp.reduce_min(xp.stack(batch.grid)), "float32")
        low, high = (xp.maximum(xp.cast(share * shortest, "int32"), 2) for share in self.unit)
        unit = low + random.below(size, xp.fill([batch.draws], high - low + 1))
        kept = xp.ceil(self.keep_ratio * xp.cast(unit, "float64"))
        side = unit - xp.cast(kept, "int32")
        offset = random.below(shift, xp.repeat(unit[:, None], 2, axis=1))
        angle = random.below(turn, xp.fill([batch.draws], max(self.rotation, 1)))
        squares = self.compiled(shapes.lattice, batch, angle, offset, unit, side)
        return plan.erase(batch.size, squares, self.fill_value)
