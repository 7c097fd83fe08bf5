"""Logits from what a classifier gives, and probabilities from logits: of K classes or one unit."""

from keras import ops

from keras_mix._core.ops.prediction_scores import FLOOR


def of_classes(predictions, from_logits):
    """Logits `(..., K)`; those of one sigmoid unit `(N,)` or `(N, 1)` become two, 0 and its own.

    Args:
        predictions: Logits, or probabilities, whose zeros are floored at `FLOOR`.
        from_logits: Boolean.
    """
    if len(predictions.shape) == 1:
        predictions = predictions[:, None]
    one_unit = predictions.shape[-1] == 1
    if from_logits:
        if not one_unit:
            return predictions
        return ops.concatenate([ops.zeros_like(predictions), predictions], axis=-1)
    if one_unit:
        predictions = ops.concatenate([1.0 - predictions, predictions], axis=-1)
    return ops.log(ops.maximum(predictions, ops.cast(FLOOR, predictions.dtype)))


def probabilities_like(predictions, logits):
    """Probabilities from logits `(..., K)`, in the shape of the predictions."""
    probabilities = ops.softmax(logits, axis=-1)
    if len(predictions.shape) == 1:
        return probabilities[:, 1]
    return probabilities[..., 1:] if predictions.shape[-1] == 1 else probabilities
