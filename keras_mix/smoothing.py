"""Label smoothing: a share of each label spread evenly over its classes."""

import tensorflow as tf


def smoothed(tensor, spec):
    """Labels of one spec as training sees them: y (1 - s) + s / K, a binary label's with K = 2.

    Args:
        tensor: Labels (B, …, K); binary labels (B,) or (B, …, 1), or (B, T) of frames.
        spec: The leaf's `keras_mix.leaves.Spec`, with its smoothing s.
    """
    if not spec.smoothing:
        return tensor
    rank = tensor.shape.rank
    binary = rank == 1 or tensor.shape[-1] == 1 or (rank == 2 and spec.kind == "frame_labels")
    classes = tf.cast(2 if binary else tf.shape(tensor)[-1], tensor.dtype)
    spread = spec.smoothing / classes
    if spec.kind == "soft_masks":
        # The row of a pixel of no class stays zero.
        spread *= tf.reduce_sum(tensor, axis=-1, keepdims=True)
    return tensor * (1.0 - spec.smoothing) + spread
