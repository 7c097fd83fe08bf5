"""The boxes around instance masks."""

from typing import Any

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.leaves import boxes


def boxes_from_masks(masks: Any, *, format: str = "xyxy") -> dict[str, tf.Tensor]:
    """Returns the bounding boxes around instance masks, as Keras's dict of boxes.

    After mixing, these are the boxes around what is visible of each object. Boxes that are mixed
    themselves are cropped without knowing the object's shape, so they may be larger.

    Args:
        masks: Integers or booleans `(B, N, H, W)`, nonzero inside an object.
        format: String, one of Keras's: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw",
            "rel_xyxy", "rel_yxyx", "rel_xywh" or "rel_center_xywh". Format of the boxes. Defaults
            to "xyxy".

    Returns:
        A dict of "boxes", float32 `(B, N, 4)`, and "labels", int32 `(B, N)`. A label is the largest
        value of its mask: the class, if masks hold their class instead of 1. Both are -1 where a
        mask is empty.

    Raises:
        ValueError: If the masks have another rank or dtype, or the format is unknown.

    Example:

    >>> masks = np.zeros((1, 2, 8, 8), "uint8")
    >>> masks[0, 0, 2:5, 1:7] = 9
    >>> found = keras_mix.data.boxes_from_masks(masks, format="xywh")
    >>> found["boxes"].numpy().tolist(), found["labels"].numpy().tolist()
    ([[[1.0, 2.0, 6.0, 3.0], [-1.0, -1.0, -1.0, -1.0]]], [[9, -1]])
    """
    masks, format = tf.convert_to_tensor(masks), checks.box_format("format", format)
    if masks.shape.rank != 4 or not (masks.dtype.is_integer or masks.dtype.is_bool):
        checks.reject(
            "boxes_from_masks",
            "masks",
            "must be integers or booleans (B, N, H, W)",
            checks.described(masks),
            "Stack the masks of a sample's objects along its second axis.",
        )
    inside = tf.cast(masks, tf.bool)
    rows, columns = tf.reduce_any(inside, axis=3), tf.reduce_any(inside, axis=2)
    (top, bottom), (left, right) = _ends(rows), _ends(columns)
    pixels = tf.cast(tf.stack([left, top, right, bottom], axis=-1), tf.float32)
    frame = tf.cast(tf.shape(masks)[2:], tf.float32)
    exists = tf.reduce_any(rows, axis=2)
    values = tf.reduce_max(tf.cast(masks, tf.int32), axis=[2, 3])
    return {
        "boxes": tf.where(exists[..., None], boxes.from_pixels(pixels, frame, format), -1.0),
        "labels": tf.where(exists, values, -1),
    }


def _ends(lines):
    """int32 `(B, N)`, the first True of each line and one past the last."""
    size = tf.shape(lines)[2]
    position = tf.range(size)
    end = tf.reduce_max(tf.where(lines, position + 1, 0), axis=2)
    return tf.reduce_min(tf.where(lines, position, size), axis=2), end
