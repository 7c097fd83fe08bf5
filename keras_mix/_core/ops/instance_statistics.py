"""The mean and the standard deviation of each channel of a sample, on any backend."""

from keras import ops

# Added to variances, so that a constant channel can be divided by its deviation.
EPSILON = 1e-6


def of(values, channels_first, mask=None):
    """Pair of mean and standard deviation over the spatial dims, which stay as axes of size 1.

    Args:
        values: float32 `(B, …, C)`, or `(B, C, …)`.
        channels_first: Whether the channels are the second axis.
        mask: bool of the shape without channels, or of its first axes; False where values do not
            count. A sample without any has mean 0.
    """
    channel = 1 if channels_first else len(values.shape) - 1
    axes = [axis for axis in range(1, len(values.shape)) if axis != channel]
    mean = _means(values, axes, channel, mask)
    variance = _means(ops.square(values - mean), axes, channel, mask)
    return mean, ops.sqrt(variance + EPSILON)


def _means(values, axes, channel, mask):
    if mask is None:
        return ops.mean(values, axis=axes, keepdims=True)
    mask = ops.cast(mask, "bool")
    for _ in range(len(axes) + 1 - len(mask.shape)):
        mask = ops.expand_dims(mask, -1)
    counted = ops.broadcast_to(ops.expand_dims(mask, channel), ops.shape(values))
    number = ops.sum(ops.cast(counted, values.dtype), axis=axes, keepdims=True)
    total = ops.sum(ops.where(counted, values, 0.0), axis=axes, keepdims=True)
    return total / ops.maximum(number, 1.0)
