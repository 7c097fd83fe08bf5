"""Mosaic."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix._core.plan.placements import Resize
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class Mosaic(Mixer):
    """Tiles each image with four whole images, shrunk into the quarters around a random point.

    The point is uniform over the middle of the image, rounded to pixels. Each source is resized to
    its quarter, bilinearly (segmentation masks by the nearest pixel), so every object stays whole,
    and boxes move and shrink with it. Labels are weighted by area. The sample itself is in the
    upper left quarter.

    Deviations: the paper specifies no geometry. The authors' darknet and Ultralytics crop what
    exceeds a quarter; here nothing is cropped, and quarters may differ from the images' aspect
    ratio. Which quarter holds the sample itself only changes the order of a shuffled batch, not its
    distribution.

    Args:
        offset: Pair of floats in [0, 1]. Range of the point as a fraction of the height and the
            width. Defaults to (0.25, 0.75), as in KerasCV; darknet uses (0.2, 0.8).
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `offset` is not a range within [0, 1], or if images are smaller than 2 × 2.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> keras_mix.layers.Mosaic()(images).shape
    TensorShape([8, 32, 32, 3])

    Reference:
        Bochkovskiy, Wang and Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection", 2020,
        arXiv:2004.10934, section 3.3.
    """

    pastes = True
    moves = True
    grid_rank = 2
    num_sources = 4
    smallest_grid = 2
    hides = False

    def __init__(
        self, offset: tuple[float, float] = (0.25, 0.75), **kwargs: Unpack[SharedOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.offset = checks.interval("offset", offset, high=1.0)

    def sample(self, batch, seed):
        order, place = random.split(seed, 2)
        share = random.between(place, self.offset, [batch.draws, 2])
        size = xp.stack(batch.grid)
        corner = xp.cast(xp.round(share * xp.cast(size, "float32")), "int32")
        # Each quarter has at least one row and column.
        corner = xp.clip_by_value(corner, 1, size - 1)
        first, sizes = shapes.block_frames(corner, batch.grid)
        frames = xp.cast(xp.concat([first, sizes], axis=2), "float32")
        partners = self.all_partners(batch, order)
        return plan.paste(partners, shapes.blocks(corner, batch.grid), Resize(frames))
