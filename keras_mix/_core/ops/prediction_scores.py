"""Scores of single predictions `(N, K)`: confidence, hit, likelihood, Brier score, uncertainty."""

from keras import ops

# A class that was given no probability at all costs 87.3 nats instead of infinitely many:
# float32's smallest normal number, 2^-126.
FLOOR = 2.0**-126

CERTAINTIES = ("max_probability", "entropy")


def confidence(probabilities):
    """`(N,)`, the probability of the most probable class."""
    return ops.max(probabilities, axis=-1)


def hits(probabilities, ids):
    """`(N,)`, 1 where the most probable class, the first of equal ones, is the true one."""
    right = ops.cast(ops.argmax(probabilities, axis=-1), "int32") == ops.cast(ids, "int32")
    return ops.cast(right, probabilities.dtype)


def one_hot(probabilities, ids):
    """`(N, K)`, 1 at the true class, in the dtype of the probabilities."""
    classes = probabilities.shape[-1]
    return ops.one_hot(ops.cast(ids, "int32"), classes, dtype=probabilities.dtype)


def squared_distance(probabilities, ids):
    """`(N,)`, the Brier score of each prediction, summed over the classes."""
    return ops.sum(ops.square(probabilities - one_hot(probabilities, ids)), axis=-1)


def log_loss(logs, ids):
    """`(N,)`, -log of the probability of the true class, from log-probabilities `(N, K)`."""
    return -ops.take_along_axis(logs, ops.cast(ids, "int32")[:, None], axis=-1)[:, 0]


def certainty(probabilities, by):
    """`(N,)` in [0, 1], higher for predictions that are more certain.

    Args:
        probabilities: `(N, K)`.
        by: One of `CERTAINTIES`; by entropy it is 1 - entropy / log(K).
    """
    if by == "max_probability":
        return confidence(probabilities)
    floor = ops.cast(FLOOR, probabilities.dtype)
    logs = ops.log(ops.maximum(probabilities, floor))
    classes = ops.cast(probabilities.shape[-1], probabilities.dtype)
    entropy = -ops.sum(probabilities * logs, axis=-1) / ops.log(classes)
    return ops.clip(1.0 - entropy, 0.0, 1.0)
