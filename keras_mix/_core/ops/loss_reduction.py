"""The reduction of losses, by Keras's own code."""

import keras
from keras import ops


class _Given(keras.losses.Loss):
    """A loss that returns the given losses, so that calling it only reduces them."""

    def call(self, y_true, y_pred):
        return y_pred


def reduced(values, weights, reduction):
    """Reduces losses `(B, ...)` with weights or None, and with their Keras mask."""
    # The default name would begin with an underscore, which TensorFlow refuses as a root scope.
    reduce = _Given(name="reduced", reduction=reduction, dtype=values.dtype)
    return reduce(values, values, weights)


def weights_of_counts(counts, weights, reduction):
    """The sample weights of losses that count only in part, as under a Keras mask.

    Args:
        counts: Floats `(B, ...)` in [0, 1], how much each loss counts; a mean divides by their sum.
        weights: Weights of samples `(B,)` or of losses `(B, ...)`, or None.
        reduction: A reduction of `keras.losses.Loss`.
    """
    if reduction in ("mean", "sum_over_batch_size"):
        size = ops.cast(ops.size(counts), counts.dtype)
        counts = counts * ops.divide_no_nan(size, ops.sum(counts))
    if weights is None:
        return counts
    weights = ops.cast(weights, counts.dtype)
    missing = len(counts.shape) - len(weights.shape)
    if missing < 0 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, axis=-1)
    return counts * ops.reshape(weights, [*ops.shape(weights), *[1] * max(missing, 0)])
