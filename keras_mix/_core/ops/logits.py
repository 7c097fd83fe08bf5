"""Logits from what a classifier gives, and probabilities from logits: of K classes or one unit."""

import math

from keras import ops

from keras_mix._core.ops import known_logits
from keras_mix._core.ops.prediction_scores import FLOOR


def of_classes(predictions, from_logits):
    """Logits `(..., K)`; of one sigmoid unit `(N,)` or `(N, 1)` two, 0 and its own.

    Args:
        predictions: Logits, or probabilities, whose zeros are floored at `FLOOR`.
        from_logits: Boolean.
    """
    predictions = two_columns(predictions, other=ops.zeros_like if from_logits else None)
    if from_logits:
        return predictions
    return ops.log(ops.maximum(predictions, ops.cast(FLOOR, predictions.dtype)))


def two_columns(predictions, other=None):
    """Predictions `(..., K)`; of one sigmoid unit `(N,)` or `(N, 1)` two columns.

    Args:
        predictions: Probabilities, or logits.
        other: The function that makes the first column of the second; None for 1 - p.
    """
    if len(predictions.shape) == 1:
        predictions = predictions[:, None]
    if predictions.shape[-1] != 1:
        return predictions
    first = 1.0 - predictions if other is None else other(predictions)
    return ops.concatenate([first, predictions], axis=-1)


def log_probabilities(logits, from_logits):
    """The logarithms of probabilities, floored, from what `of_classes` gives."""
    if from_logits:
        logits = ops.log_softmax(logits, axis=-1)
    return ops.maximum(logits, ops.cast(math.log(FLOOR), logits.dtype))


def rescaled(function, predictions, from_logits, dtype):
    """Probabilities by a function of logits `(..., K)`, in the shape of the predictions.

    Args:
        function: Function of logits, of which a number for each sample makes no difference, or of
            the logarithms of probabilities.
        predictions: Logits, or probabilities, as what made them returned them.
        from_logits: Boolean.
        dtype: String. Dtype of the computation.
    """
    given = ops.cast(predictions, dtype)
    found = of_classes(given, from_logits)
    outputs = probabilities_like(given, function(found))

    def make():
        exact = None if from_logits else known_logits.log_probabilities(predictions)
        return known_logits.in_shape_of(outputs, function(found if exact is None else exact))

    known_logits.tell(outputs, make)
    return outputs


def probabilities_like(predictions, logits):
    """Probabilities from logits `(..., K)`, in the shape of the predictions."""
    probabilities = ops.softmax(logits, axis=-1)
    if len(predictions.shape) == 1:
        return probabilities[:, 1]
    return probabilities[..., 1:] if predictions.shape[-1] == 1 else probabilities
