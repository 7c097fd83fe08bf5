"""Unreduced losses, and whether a loss takes class ids or one-hot labels."""

import keras
import numpy as np
from keras import ops


def per_sample(loss, y_true, y_pred):
    """The loss of each sample, by the `call` of an object: its `__call__` would reduce them."""
    call = loss.call if isinstance(loss, keras.losses.Loss) else loss
    return call(y_true, y_pred)


def takes_class_ids(loss, classes):
    """Whether a loss takes class ids `(B,)` or one-hot labels `(B, K)`.

    The loss is called with labels of each form for two or three samples, since names and types do
    not determine the form for functions, subclasses and custom losses.

    Args:
        loss: `keras.losses.Loss`, or a function of (y_true, y_pred).
        classes: The number of classes K, at least 2.

    Returns:
        True or False; None if the loss returns one number per sample for both forms or for neither.
    """
    ids, one_hot = (_takes(loss, form, classes) for form in ("ids", "one_hot"))
    return None if ids == one_hot else ids


def _takes(loss, form, classes):
    """Whether a loss returns one number per sample for labels of a form."""
    # Not K samples, so that the axis of classes cannot be mistaken for that of samples.
    size = 3 if classes == 2 else 2
    labels = np.zeros(size, "int32")
    if form == "one_hot":
        labels = np.eye(1, classes, dtype="float32").repeat(size, axis=0)
    predictions = np.full((size, classes), 1.0 / classes, "float32")
    try:
        values = per_sample(loss, ops.convert_to_tensor(labels), ops.convert_to_tensor(predictions))
        return tuple(values.shape) == (size,)
    except Exception:
        # A loss may raise any error for labels that it does not take.
        return False
