"""Packed targets (B, 2, S): the class ids of a sample's sources, then their mixing weights."""

import keras
from keras import ops

from keras_mix._core import checks

# Up to which magnitude a float holds every whole number.
EXACT = {"bfloat16": 2**8, "float16": 2**11, "float32": 2**24, "float64": 2**53}


def is_packed(y_true, y_pred):
    """Whether targets are packed ones, beside predictions (B,) or (B, K)."""
    return len(y_true.shape) == 3 and y_true.shape[1] == 2 and len(y_pred.shape) < 3


def classes_of(y_pred):
    """The number of classes that predictions (B,) or (B, …, K) are of; 1 if they are binary."""
    return y_pred.shape[-1] if len(y_pred.shape) > 1 else 1


def rounds(dtype, classes):
    """Whether a float dtype cannot hold every class id; False if their number is None."""
    largest = EXACT[keras.backend.standardize_dtype(dtype)]
    return classes is not None and classes - 1 > largest


def check(owner, targets, classes):
    """Refuses packed targets with a dtype that cannot hold every class id.

    Args:
        owner: The name that the message begins with.
        targets: A float tensor (B, 2, S).
        classes: The number of classes, or None where it is unknown.
    """
    if rounds(targets.dtype, classes):
        checks.refuse(
            owner,
            "packed targets must have a dtype that holds every class id exactly",
            f"{checks.described(targets)} beside predictions of {classes:,} classes",
            "Leave packed targets in the dtype that the mixer gives them, float32.",
        )


def sources(targets):
    """A list of pairs (class ids int32 (B,), weights (B,)), one for each source."""
    return [
        (ops.cast(targets[:, 0, source], "int32"), targets[:, 1, source])
        for source in range(targets.shape[2])
    ]


def dominant(targets):
    """int32 (B,), the class id of the source with the largest weight; the first of equal ones."""
    largest = ops.argmax(targets[:, 1], axis=-1)[:, None]
    return ops.cast(ops.take_along_axis(targets[:, 0], largest, axis=1)[:, 0], "int32")
