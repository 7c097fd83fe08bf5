"""GridMask."""

import keras
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class GridMask(Mixer):
    """Fills the squares of a turned lattice with a constant; the label stays whole.

    The lattice has a unit of d pixels, uniform over `unit`; of each unit a square of side d - rd is
    filled, with r the `keep_ratio` and rd rounded up, so at most (1 - r)² of the pixels are lost:
    0.158 on 224 pixels, 0.146 on 32. The offset is uniform, and the lattice is turned around the
    center by a whole number of degrees. Unlike one large square, it neither hides a whole object
    nor misses it. Inputs on the images' grid are filled alike; labels and masks of class ids stay
    as they are (class ids are one-hot encoded where `num_classes` is given).

    The authors raise the rate from 0 to 0.8 over the first epochs: see
    `keras_mix.callbacks.MixSchedule`.

    Deviations from the authors' code (akuxcw/GridMask, `imagenet_grid/utils/grid.py`): the largest
    unit is included, one of 129 on 224 pixels; the lattice itself is turned, not a picture of it,
    so its squares have no ragged edges.

    Args:
        unit: The range of d, floats as shares of the shorter side. Defaults to (0.43, 1.0), the
            paper's 96 to 224 of 224 pixels on ImageNet (section 4.1).
        keep_ratio: r in [0, 1], how much of a unit's side is kept. Defaults to 0.6, the paper's
            choice on ImageNet.
        rotation: The angle is a whole number of degrees below this, 0 to 360. Defaults to 360, as
            in the authors' code.
        fill_value: A number in the images' range, or "mean", each image's own mean for each
            channel. Defaults to 0, as the authors fill standardized images.
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`.

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

    def __init__(self, unit=(0.43, 1.0), keep_ratio=0.6, rotation=360, fill_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.unit = checks.interval("unit", unit, low=0.01, high=2.0)
        self.keep_ratio = checks.number("keep_ratio", keep_ratio, high=1.0)
        self.rotation = checks.integer("rotation", rotation, low=0, high=360)
        self.fill_value = checks.fill_value("fill_value", fill_value)

    def sample(self, batch, seed):
        turn, size, shift = random.split(seed, 3)
        shortest = tf.cast(tf.reduce_min(tf.stack(batch.grid)), tf.float32)
        low, high = (tf.maximum(tf.cast(share * shortest, tf.int32), 2) for share in self.unit)
        unit = low + random.below(size, tf.fill([batch.draws], high - low + 1))
        kept = tf.math.ceil(self.keep_ratio * tf.cast(unit, tf.float64))
        side = unit - tf.cast(kept, tf.int32)
        offset = random.below(shift, tf.repeat(unit[:, None], 2, axis=1))
        angle = random.integers(turn, [batch.draws], max(self.rotation, 1))
        squares = self.compiled(shapes.lattice, batch, angle, offset, unit, side)
        return plan.erase(batch.size, squares, self.fill_value)

    def get_config(self):
        return {
            **super().get_config(),
            "unit": list(self.unit),
            "keep_ratio": self.keep_ratio,
            "rotation": self.rotation,
            "fill_value": self.fill_value,
        }
