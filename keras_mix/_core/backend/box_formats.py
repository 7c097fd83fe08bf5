"""Boxes of one format as another, by Keras, in TensorFlow under any backend."""

import functools

import keras
import tensorflow as tf


def convert_boxes(boxes, frame, source, target):
    """Boxes `(B, N, 4)` of a format as those of another.

    Args:
        boxes: Floats.
        frame: float32 `(2,)`, the height and width of the images.
        source: The format of the boxes, by Keras's name.
        target: The format of the result.
    """
    # Inside a graph Keras uses TensorFlow on any backend.
    if tf.inside_function():
        return _convert(boxes, frame, source, target)
    return _conversion(source, target, boxes.dtype)(boxes, frame)


def _convert(boxes, frame, source, target):
    convert = keras.utils.bounding_boxes.convert_format
    return convert(boxes, source, target, height=frame[0], width=frame[1])


@functools.cache
def _conversion(source, target, dtype):
    """A conversion that is traced once for any number of samples and boxes."""
    signature = [tf.TensorSpec([None, None, 4], dtype), tf.TensorSpec([2], tf.float32)]
    convert = functools.partial(_convert, source=source, target=target)
    return tf.function(convert, input_signature=signature, autograph=False)
