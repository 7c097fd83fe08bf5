"""Checks of bounding boxes: immediate when eager, otherwise when the graph runs."""

import functools

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.leaves import boxes

# In pixels: rounded or scaled boxes may extend slightly beyond the border.
_TOLERANCE = 1.0


def check_boxes(owner, leaf, options):
    """Refuses boxes that are not finite, inverted, or outside their image.

    XLA removes assertions, so a compiled train step does not detect such boxes.
    """
    pixels = boxes.pixels(leaf.tensor, options)
    valid = leaf.tensor.labels != -1
    height, width = leaf.tensor.frame[0], leaf.tensor.frame[1]
    left, top, right, bottom = xp.unstack(pixels, axis=-1)
    rules = {
        "must be finite numbers": xp.reduce_all(xp.is_finite(pixels), axis=-1),
        "must not have a maximum below its minimum": (left <= right) & (top <= bottom),
        "must lie inside their images": (left >= -_TOLERANCE)
        & (top >= -_TOLERANCE)
        & (right <= width + _TOLERANCE)
        & (bottom <= height + _TOLERANCE),
    }
    rules = {rule: legal | ~valid for rule, legal in rules.items()}
    way_out = (
        f'Check that their format is "{options.format}", clip boxes that extend more than a pixel '
        "beyond the border with keras.utils.bounding_boxes.clip_to_image_size, and give padding "
        "boxes the label -1."
    )
    if xp.executing_eagerly():
        _refuse(owner, leaf, rules, way_out)
        return
    # A single condition, since each one costs as much as part of the mixing.
    assertions = functools.partial(_assert, owner, leaf.name, rules, way_out)
    xp.cond(xp.reduce_all(xp.stack(list(rules.values()))), xp.no_op, assertions)


def _refuse(owner, leaf, rules, way_out):
    for rule, legal in rules.items():
        if not xp.reduce_all(legal):
            wrong = xp.known(xp.boolean_mask(leaf.tensor.boxes, ~legal)[0]).tolist()
            checks.refuse(owner, f"the boxes of `{leaf.name}` {rule}", str(wrong), way_out)


def _assert(owner, name, rules, way_out):
    for rule, legal in rules.items():
        sentence = f"{owner}: the boxes of `{name}` {rule}. {way_out}"
        xp.checked(legal, sentence)
    return xp.no_op()
