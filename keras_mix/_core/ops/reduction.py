"""The reduction of losses of samples, as Keras reduces them."""

import keras
from keras import ops


class _Given(keras.losses.Loss):
    """A loss that returns the losses that it is given, and so only reduces them."""

    def call(self, y_true, y_pred):
        return y_pred


def reduced(values, weights, reduction):
    """Losses (B, …), reduced under weights or None, and under the Keras mask that they carry."""
    # Named, since TensorFlow takes no name that begins with an underscore at the root of a graph.
    reduce = _Given(name="reduced", reduction=reduction, dtype=values.dtype)
    return reduce(values, values, weights)


def weights_of_counts(counts, weights, reduction):
    """The weights of losses of which only a part counts, as under a mask of Keras.

    Args:
        counts: float (B, …), how much of each loss counts, in [0, 1]; a mean is over their sum.
        weights: The weights of samples (B,), or of losses; or None.
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
