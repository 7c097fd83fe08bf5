"""ResizeMix."""

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
class ResizeMix(Mixer):
    """Shrinks a whole partner and pastes it into the image; labels are weighted by area.

    The pasted image has sides τH and τW, rounded down, with τ uniform over `scale`. Its center is
    uniform over the pixels, and where it would cross a border it is shifted inside. So it always
    shows the whole partner, unlike a box cut from it. Nearly a quarter of the pasted images touch
    the upper border: 23 % on images of 224 pixels, 24 % on 32.

    With `per="batch"` all samples share one τ while each keeps its own position, as in the authors'
    code. The default, `per="sample"`, draws τ for each sample too; the law of a single sample is
    the same.

    Deviations from the authors' code (JayQine/ResizeMix, `run_apis/trainer.py` and `getbox_new` in
    `tools/utils.py`): the partner is resized bilinearly instead of by the nearest pixel, which
    changes a pasted pixel of a photograph by 11 of 255 levels on average; a side has at least one
    pixel.

    Args:
        scale: Pair of floats in [0, 1]. Range of τ. Defaults to (0.1, 0.8), as in the authors'
            code.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If `scale` is not a range within [0, 1].

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> images, labels = keras_mix.layers.ResizeMix(num_classes=10)(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        Qin et al., "ResizeMix: Mixing Data with Preserved Object Information and True Labels",
        2020, arXiv:2012.11101, section 3.
    """

    pastes = True
    moves = True
    grid_rank = 2

    def __init__(
        self, scale: tuple[float, float] = (0.1, 0.8), **kwargs: Unpack[SharedOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.scale = checks.interval("scale", scale, high=1.0)

    def sample(self, batch, seed):
        order, share, place = random.split(seed, 3)
        scale = random.between(share, self.scale, [batch.draws, 1])
        size = xp.stack(batch.grid)
        sides = xp.maximum(xp.cast(scale * xp.cast(size, "float32"), "int32"), 1)
        sides = xp.broadcast_to(sides, [batch.size, 2])
        centre = random.points(place, batch.size, batch.grid)
        corner = xp.clip_by_value(centre - sides // 2, 0, size - sides)
        frame = xp.concat([corner, sides], axis=1)
        whole = xp.broadcast_to(xp.concat([[0, 0], size], axis=0), xp.shape(frame))
        frames = xp.reshape(xp.concat([whole, frame], axis=1), [-1, 2, 4])
        box = shapes.box(corner, sides, batch.grid)
        return plan.paste(self.partners(batch, order), box, Resize(xp.cast(frames, "float32")))
