"""CopyPaste, Mosaic and MixUp with the settings of YOLOv12."""

from typing import Any, Literal, NamedTuple

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.layers.bounding_box_options import BoundingBoxOptions
from keras_mix.layers.copy_paste import CopyPaste
from keras_mix.layers.mixup import MixUp
from keras_mix.layers.mosaic import Mosaic
from keras_mix.recipes import _arguments

# The probabilities of MixUp and of CopyPaste.
_SIZES = {"n": (0.0, 0.1), "s": (0.05, 0.15), "m": (0.15, 0.4), "l": (0.15, 0.5), "x": (0.2, 0.6)}


class Yolo(NamedTuple):
    """The mixers of a detector, one after the other, and the epochs without them.

    Attributes:
        copy_paste: `keras_mix.layers.CopyPaste`, the first mixer; None without instance masks.
        mosaic: `keras_mix.layers.Mosaic`.
        mixup: `keras_mix.layers.MixUp`, the last mixer; None if there is none.
        unmixed_epochs: Integer. The number of epochs at the end of the training that are unmixed.
    """

    copy_paste: CopyPaste | None
    mosaic: Mosaic
    mixup: MixUp | None
    unmixed_epochs: int

    @property
    def mixers(self) -> list:
        """The mixers in their order."""
        return [mixer for mixer in self[:3] if mixer is not None]


def yolo(
    size: Literal["n", "s", "m", "l", "x"] = "n",
    *,
    bounding_boxes: str | BoundingBoxOptions,
    **options: Any,
) -> Yolo:
    """CopyPaste, Mosaic and MixUp by the size of the network, as YOLOv12 is trained.

    | size | CopyPaste, with instance masks | Mosaic | MixUp |
    | --- | --- | --- | --- |
    | `"n"` | 0.1 | every sample | none |
    | `"s"` | 0.15 | every sample | 0.05 |
    | `"m"` | 0.4 | every sample | 0.15 |
    | `"l"` | 0.5 | every sample | 0.15 |
    | `"x"` | 0.6 | every sample | 0.2 |

    The numbers are probabilities. MixUp draws λ from Beta(32, 32). The mixers are off for the last
    10 epochs, as is Ultralytics' default; YOLOv12 is trained for 600. CopyPaste is part of it where
    `kinds` names instance masks; in Ultralytics, too, it needs the outlines of objects.

    Deviations from Ultralytics: the mosaics are those of `keras_mix.layers.Mosaic`, four whole
    images around a random point, where Ultralytics crops a window of double size. CopyPaste comes
    first, since it needs masks in the order of the boxes, and takes objects of another sample;
    Ultralytics applies it to mosaics, and its default mirrors objects of the sample itself.

    Args:
        size: `"n"`, `"s"`, `"m"`, `"l"` or `"x"`. The size of the network. Defaults to `"n"`.
        bounding_boxes: String, or `keras_mix.layers.BoundingBoxOptions`. Format of the boxes.
            CopyPaste and MixUp have twice as many rows each, and Mosaic four times as many, unless
            `max_boxes` limits them.
        **options: Other options shared by all mixers, for all of them.

    Returns:
        A named tuple of `copy_paste`, `mosaic`, `mixup` (None if there is none) and
        `unmixed_epochs`; its `mixers` is the list of those that there are.

    Raises:
        ValueError: If the size is unknown.

    Example:

    >>> boxes = {"boxes": np.tile([[4.0, 8, 30, 40]], (16, 1, 1)), "labels": np.zeros((16, 1), int)}
    >>> batch = {"images": np.zeros((16, 64, 64, 3), "uint8"), "bounding_boxes": boxes}
    >>> dataset = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    >>> recipe = keras_mix.recipes.yolo("s", bounding_boxes="xyxy")
    >>> for number, mixer in enumerate(recipe.mixers):
    ...     dataset = keras_mix.data.mix(dataset, mixer, seed=number)

    Reference:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", 2025,
        arXiv:2502.12524: the training command in the README of sunsmarterjie/yolov12. `MixUp`,
        `CopyPaste` and `v8_transforms` in `ultralytics/data/augment.py` and
        `ultralytics/cfg/default.yaml` of ultralytics/ultralytics.
    """
    with argument_errors.of("recipes.yolo"):
        mixup, copy_paste = _SIZES[checks.choice("size", size, tuple(_SIZES))]
        has_masks = "instance_masks" in checks.kinds(options.get("kinds")).values()
    _arguments.check("yolo", Mosaic, options)
    last = MixUp if mixup else Mosaic
    # Labels are smoothed once, by the last mixer.
    smoothing = {"label_smoothing": options.pop("label_smoothing", 0.0)}

    def made(cls, **settings):
        own = smoothing if cls is last else {}
        return cls(**{"bounding_boxes": bounding_boxes, **settings, **options, **own})

    return Yolo(
        made(CopyPaste, rate=copy_paste) if has_masks else None,
        made(Mosaic),
        made(MixUp, alpha=32.0, rate=mixup, keep_dtype=True) if mixup else None,
        unmixed_epochs=10,
    )
