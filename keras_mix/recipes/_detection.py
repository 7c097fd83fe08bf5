"""Mosaic and MixUp with the settings of YOLOX and Ultralytics."""

from typing import Any, Literal, NamedTuple

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.layers.bounding_box_options import BoundingBoxOptions
from keras_mix.layers.mixup import MixUp
from keras_mix.layers.mosaic import Mosaic
from keras_mix.recipes import _arguments

# The probability of Mosaic, whether MixUp follows, and how many epochs at the end are unmixed.
_VARIANTS = {
    "yolox": (1.0, True, 15),
    "yolox_nano": (0.5, False, 15),
    "ultralytics": (1.0, False, 10),
}


class Detection(NamedTuple):
    """The mixers of a detector, one after the other, and the epochs without them.

    Attributes:
        mosaic: `keras_mix.layers.Mosaic`, the first mixer.
        mixup: `keras_mix.layers.MixUp`, which follows it; None if none does.
        unmixed_epochs: Integer. The number of epochs at the end of the training that are unmixed.
    """

    mosaic: Mosaic
    mixup: MixUp | None
    unmixed_epochs: int

    @property
    def mixers(self) -> list:
        """The mixers in their order."""
        return [mixer for mixer in (self.mosaic, self.mixup) if mixer is not None]


def detection(
    variant: Literal["yolox", "yolox_nano", "ultralytics"] = "yolox",
    *,
    bounding_boxes: str | BoundingBoxOptions,
    **options: Any,
) -> Detection:
    """Mosaic, then MixUp of mosaics, both off at the end, as detectors are trained.

    | variant | Mosaic | MixUp | unmixed epochs at the end |
    | --- | --- | --- | --- |
    | `"yolox"` | every sample | every sample | 15 of 300 |
    | `"yolox_nano"` | half of the samples | none | 15 of 300 |
    | `"ultralytics"` | every sample | none | 10 of 100 |

    Deviations: the mosaics are those of `keras_mix.layers.Mosaic`, four whole images around a
    random point, where the authors crop a window of double size; rotations, shears and color
    changes are not part of it. MixUp draws λ from Beta(32, 32), as Ultralytics does where it is
    on; YOLOX takes ½. Its partner is another mosaic, as in Ultralytics; in YOLOX it is a whole
    image, scaled by 0.5 to 1.5 and mirrored.

    Args:
        variant: `"yolox"`, `"yolox_nano"` or `"ultralytics"`. Defaults to `"yolox"`.
        bounding_boxes: String, or `keras_mix.layers.BoundingBoxOptions`. Format of the boxes. Four
            times as many rows come out, and with MixUp eight times, unless `max_boxes` limits them.
        **options: Other options shared by all mixers, for both.

    Returns:
        A named tuple of `mosaic`, `mixup` (None if there is none) and `unmixed_epochs`; its
        `mixers` is the list of those that there are.

    Raises:
        ValueError: If the variant is unknown.

    Example:

    >>> boxes = {"boxes": np.tile([[4.0, 8, 30, 40]], (16, 1, 1)), "labels": np.zeros((16, 1), int)}
    >>> batch = {"images": np.zeros((16, 64, 64, 3), "uint8"), "bounding_boxes": boxes}
    >>> dataset = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    >>> options = keras_mix.layers.BoundingBoxOptions("xyxy", max_boxes=20)
    >>> recipe = keras_mix.recipes.detection(bounding_boxes=options)
    >>> schedule = keras_mix.callbacks.MixSchedule(unmixed_epochs=recipe.unmixed_epochs)
    >>> for number, mixer in enumerate(recipe.mixers):
    ...     dataset = keras_mix.data.mix(
    ...         dataset, mixer, seed=number, schedule=schedule, epochs=300
    ...     )

    Then `fit(dataset, epochs=300, callbacks=[schedule])`.

    Reference:
        Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430, section 2.1;
        `yolox/exp/yolox_base.py`, `exps/default/yolox_nano.py` and
        `yolox/data/datasets/mosaicdetection.py` of Megvii-BaseDetection/YOLOX.
        `ultralytics/cfg/default.yaml` of ultralytics/ultralytics: `mosaic: 1.0`, `mixup: 0.0`,
        `close_mosaic: 10`.
    """
    with argument_errors.of("recipes.detection"):
        checks.choice("variant", variant, tuple(_VARIANTS))
    _arguments.check("detection", Mosaic, options)
    rate, mixes, unmixed = _VARIANTS[variant]
    shared = {"bounding_boxes": bounding_boxes, **options}
    mixup = MixUp(**{"alpha": 32.0, "keep_dtype": True, **shared}) if mixes else None
    if mixes:
        # Labels are smoothed once, by the last mixer.
        shared.pop("label_smoothing", None)
    return Detection(Mosaic(**{"rate": rate, **shared}), mixup, unmixed)
