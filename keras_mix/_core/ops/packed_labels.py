"""Packed targets `(B, 2, S)`: the class ids of the sources, then their mixing weights."""

from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import class_ids
from keras_mix._core.ops.tensors import rounds


def is_packed(y_true, y_pred):
    """Whether targets are packed, by their shape and predictions `(B,)` or `(B, K)`."""
    return len(y_true.shape) == 3 and y_true.shape[1] == 2 and len(y_pred.shape) < 3


def classes_of(y_pred):
    """The number of classes of predictions `(B,)` or `(B, …, K)`; 1 if they are binary."""
    return y_pred.shape[-1] if len(y_pred.shape) > 1 else 1


def check(owner, targets, classes):
    """Refuses packed targets with a dtype that cannot represent all class ids.

    Args:
        owner: The name that error messages begin with.
        targets: A float tensor `(B, 2, S)`.
        classes: The number of classes; None if it is unknown.
    """
    if rounds(targets.dtype, classes):
        checks.refuse(
            owner,
            "packed targets must have a dtype that represents all class ids",
            f"{checks.described(targets)} for {classes:,} classes",
            "Keep the mixer's dtype of packed targets, float32.",
        )


def sources(targets):
    """A list with a pair for each source: class ids int32 `(B,)`, and weights `(B,)`.

    The id of a source without weight is 0, whatever it was.
    """
    ids, weights = targets[:, 0], targets[:, 1]
    ids = ops.cast(ops.where(weights == 0, 0, ids), "int32")
    return [(ids[:, source], weights[:, source]) for source in range(targets.shape[2])]


def dominant(targets):
    """int32 `(B,)`, the class id of the source with the largest weight; of equal ones the first."""
    largest = ops.argmax(targets[:, 1], axis=-1)[:, None]
    return ops.cast(ops.take_along_axis(targets[:, 0], largest, axis=1)[:, 0], "int32")


def one_hot(targets, classes, dtype="float32"):
    """The mixed one-hot labels `(B, K)`; rows of NaN where an id is no class."""
    return sum(
        ops.cast(weights, dtype)[:, None] * class_ids.one_hot(ids, classes, dtype)
        for ids, weights in sources(targets)
    )
