"""Masks of half of the classes of an image, on any backend."""

from keras import ops

from keras_mix._core.draw import random


def halves(seed, ids, num_classes):
    """bool `(B, H, W)`, the pixels of ⌊n / 2⌋ of the n classes of each image.

    Each choice of classes is equally likely.

    Args:
        seed: As `random.begin` or `random.split` gives it.
        ids: Integers `(B, H, W)` from 0 to K - 1.
        num_classes: int K.
    """
    one_hot = ops.one_hot(ids, num_classes, dtype="bool")
    there = ops.any(one_hot, axis=(1, 2))
    # Classes that are not there come last.
    drawn = random.uniform(seed, ops.shape(there)) + ops.cast(~there, "float32")
    rank = ops.argsort(ops.argsort(drawn, axis=1), axis=1)
    count = ops.sum(ops.cast(there, "int32"), axis=1, keepdims=True) // 2
    chosen = there & (ops.cast(rank, "int32") < count)
    return ops.any(one_hot & chosen[:, None, None], axis=-1)
