"""BoundingBoxOptions."""

import keras

from keras_mix._core import checks
from keras_mix._core.options import idle_options, option


@keras.saving.register_keras_serializable(package="keras_mix")
class BoundingBoxOptions(option.Value):
    """How a mixer treats bounding boxes: the value of its `bounding_boxes`.

    A format alone can be given as a string: `bounding_boxes="xyxy"` is
    `bounding_boxes=BoundingBoxOptions("xyxy")`.

    Args:
        format: String, one of Keras's: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw" or one
            of "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh". Format of the boxes. Defaults
            to None: only `min_visible` is set, for keypoints and instance masks.
        max_boxes: Integer ≥ 1. Number of boxes returned for each sample; if there are more, the
            largest are kept. Defaults to None: room for the boxes of all sources.
        min_visible: Float in [0, 1]. Smallest visible fraction at which a box or an instance mask
            is kept. If regions have soft edges, as those of `SmoothMix`, it is also the smallest
            weight at its pixel that the source of a visible keypoint may have. Defaults to 0.1, as
            in Ultralytics' augmentations.
        details: Boolean. Whether boxes are returned with "weights" `(B, N)`, the mixing weight of
            their source where sources are blended; "visible" `(B, N)`, the fraction of each box
            that is visible; "rows" `(B, N)`, the row of its instance mask, -1 for no box; and
            "dropped" `(B,)`, the number of boxes beyond `max_boxes`. Defaults to False.

    Raises:
        ValueError: If an argument is out of range, or has no effect because `format` is None.

    Example:

    >>> boxes = keras_mix.layers.BoundingBoxOptions("xyxy", max_boxes=20)
    >>> mix = keras_mix.layers.Mosaic(bounding_boxes=boxes)
    >>> batch = {
    ...     "images": np.zeros((4, 32, 32, 3), "uint8"),
    ...     "bounding_boxes": {
    ...         "boxes": np.tile([[[4.0, 4.0, 20.0, 20.0]]], (4, 1, 1)),
    ...         "labels": np.ones((4, 1), "int32"),
    ...     },
    ... }
    >>> mix(batch)["bounding_boxes"]["boxes"].shape
    TensorShape([4, 20, 4])
    """

    def __init__(
        self,
        format: str | None = None,
        *,
        max_boxes: int | None = None,
        min_visible: float = 0.1,
        details: bool = False,
    ) -> None:
        self.format = checks.box_format("format", format)
        self.max_boxes = checks.integer("max_boxes", max_boxes, low=1, optional=True)
        self.min_visible = checks.number("min_visible", min_visible, high=1.0)
        self.details = checks.boolean("details", details)
        if self.format is None:
            of_boxes = {"max_boxes": self.max_boxes, "details": self.details}
            given = {name: value for name, value in of_boxes.items() if value}
            reason = idle_options.without_box_format("are mixed")
            idle_options.refuse(type(self).__name__, given, dict.fromkeys(of_boxes, reason))
