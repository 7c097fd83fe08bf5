"""Mosaic."""

import keras
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix._core.plan.placements import Resize
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class Mosaic(Mixer):
    """Shrinks four whole images into the four quarters around a random point.

    The point is uniform over the middle of the image, on pixels. Each source is resized to its
    quarter, bilinearly (masks of class ids by the nearest pixel), so every object stays whole, and
    boxes move and shrink with it. The label is shared by area. One of the four is the sample
    itself, in the upper left quarter.

    Deviations: the paper names no geometry. The authors' darknet and Ultralytics crop what does
    not fit into a quarter; here nothing is cropped, and quarters need not have the images'
    proportions. Which quarter is the sample's own makes no difference to the law of a shuffled
    batch, but for the order of its results.

    Args:
        offset: Between which shares of the height and width the point lies. Defaults to
            (0.25, 0.75), as in KerasCV; darknet takes (0.2, 0.8).
        **kwargs: The arguments that all mixers share: see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `offset` is no range within 0 … 1, or images are smaller than 2 × 2.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> keras_mix.layers.Mosaic()(images).shape
    TensorShape([8, 32, 32, 3])

    Reference:
        Bochkovskiy, Wang and Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection",
        2020, arXiv:2004.10934, section 3.3.
    """

    pastes = True
    moves = True
    grid_rank = 2
    num_sources = 4
    smallest_grid = 2
    hides = False

    def __init__(self, offset=(0.25, 0.75), **kwargs):
        super().__init__(**kwargs)
        self.offset = checks.interval("offset", offset, high=1.0)

    def sample(self, batch, seed):
        order, place = random.split(seed, 2)
        low, high = self.offset
        share = low + (high - low) * random.uniform(place, [batch.draws, 2])
        size = tf.stack(batch.grid)
        corner = tf.cast(tf.round(share * tf.cast(size, tf.float32)), tf.int32)
        # Each quarter has at least one row and column.
        corner = tf.clip_by_value(corner, 1, size - 1)
        first, sizes = shapes.block_frames(corner, batch.grid)
        frames = tf.cast(tf.concat([first, sizes], axis=2), tf.float32)
        partners = self.all_partners(batch, order)
        return plan.paste(partners, shapes.blocks(corner, batch.grid), Resize(frames))

    def get_config(self):
        return {**super().get_config(), "offset": list(self.offset)}
