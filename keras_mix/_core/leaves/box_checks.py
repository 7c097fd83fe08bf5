"""Refuses invalid boxes: at once if eager, while the graph runs otherwise."""

import functools

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.leaves import boxes

# In pixels: annotations are rounded, and boxes that were scaled reach over the border by a bit.
_TOLERANCE = 1.0


def check_boxes(owner, leaf, options):
    """Refuses boxes with NaN, inverted ones, and those that lie outside their image.

    XLA drops such checks: in a train step that it compiles, such boxes go unnoticed.
    """
    pixels = boxes.pixels(leaf.tensor, options)
    real = leaf.tensor.labels != -1
    height, width = leaf.tensor.frame[0], leaf.tensor.frame[1]
    left, top, right, bottom = tf.unstack(pixels, axis=-1)
    rules = {
        "must be finite numbers": tf.reduce_all(tf.math.is_finite(pixels), axis=-1),
        "must not have a maximum below its minimum": (left <= right) & (top <= bottom),
        "must lie inside their images": (left >= -_TOLERANCE)
        & (top >= -_TOLERANCE)
        & (right <= width + _TOLERANCE)
        & (bottom <= height + _TOLERANCE),
    }
    rules = {rule: legal | ~real for rule, legal in rules.items()}
    way_out = (
        f'Are they really in the format "{options.format}"? Clip boxes that reach over the border '
        "by more than a pixel: keras.utils.bounding_boxes.clip_to_image_size. Mark places without "
        "a box by the label -1."
    )
    if tf.executing_eagerly():
        _refuse(owner, leaf, rules, way_out)
        return
    # One look at all, since a look costs as much as some of the mixing.
    assertions = functools.partial(_assert, owner, leaf.name, rules, way_out)
    tf.cond(tf.reduce_all(list(rules.values())), tf.no_op, assertions)


def _refuse(owner, leaf, rules, way_out):
    for rule, legal in rules.items():
        if not tf.reduce_all(legal):
            wrong = tf.boolean_mask(leaf.tensor.boxes, ~legal)[0].numpy().tolist()
            checks.refuse(owner, f"the boxes of `{leaf.name}` {rule}", str(wrong), way_out)


def _assert(owner, name, rules, way_out):
    for rule, legal in rules.items():
        sentence = f"{owner}: the boxes of `{name}` {rule}. {way_out}"
        tf.debugging.assert_equal(legal, True, sentence)
    return tf.no_op()
