"""Checks of whole sets of predictions in NumPy: probabilities, logits and true classes."""

import numpy as np

from keras_mix._core import checks

# 1e-2 lets float16 and bfloat16 softmaxes pass and no logits.
TOLERANCE = 1e-2


def checked(owner, probabilities, ids):
    """Returns `probabilities`, float64 `(N, K)`, and class ids `(N,)`; refuses others.

    Args:
        owner: The name that error messages begin with.
        probabilities: Array `(N, K)`.
        ids: Array of integers `(N,)`.
    """
    probabilities, ids = np.asarray(probabilities, np.float64), np.asarray(ids)
    if probabilities.ndim != 2 or ids.shape != probabilities.shape[:1] or not ids.size:
        raise ValueError(
            f"{owner}: `probabilities` must have the shape (N, K) and `ids` the shape (N,), N > 0. "
            f"Received: probabilities.shape={probabilities.shape}, ids.shape={ids.shape}"
        )
    check_ids(owner, ids, probabilities.shape[1])
    return checked_probabilities(owner, probabilities), ids


def check_ids(owner, ids, classes):
    """Refuses class ids that are no integers or out of range."""
    if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= classes:
        raise ValueError(
            f"{owner}: `ids` must be integers from 0 to {classes - 1}. "
            f"Received: dtype {ids.dtype}, from {ids.min()} to {ids.max()}"
        )


def checked_probabilities(owner, probabilities, way_out=""):
    """Returns float64 `(N, K)`, of which each row is at least 0 and sums to 1; refuses others.

    Args:
        owner: The name that error messages begin with.
        probabilities: Array `(N, K)`.
        way_out: What else to do than to end the model with a softmax.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or not probabilities.size:
        raise ValueError(
            f"{owner}: `probabilities` must have the shape (N, K), N > 0. "
            f"Received: probabilities.shape={probabilities.shape}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError(
            f"{owner}: rows of `probabilities` must be finite and sum to 1; a training that "
            "diverged gives others, and a lower learning rate may help. Received: "
            f"{(~np.isfinite(probabilities)).any(axis=1).sum()} rows with NaN or infinity"
        )
    sums = probabilities.sum(axis=1)
    if not (np.abs(sums - 1.0).max() < TOLERANCE and probabilities.min() >= 0.0):
        raise ValueError(
            f"{owner}: rows of `probabilities` must be at least 0 and sum to 1; end the model with "
            f"a softmax{way_out}. Received: values from {probabilities.min():.3g} to "
            f"{probabilities.max():.3g}, rows that sum to {sums.min():.3g}..{sums.max():.3g}"
        )
    return probabilities


def checked_outputs(owner, predictions, from_logits):
    """Returns float64 `(N,)`, `(N, 1)` or `(N, K)`, probabilities or logits; refuses others."""
    predictions = np.asarray(predictions, np.float64)
    if predictions.ndim not in (1, 2) or not predictions.size:
        checks.refuse(
            owner,
            "predictions must have the shape (N, K), (N, 1) or (N,), N > 0",
            f"shape {predictions.shape}",
        )
    bad = int((~np.isfinite(predictions.reshape(len(predictions), -1))).any(axis=1).sum())
    if bad:
        checks.refuse(
            owner,
            "predictions must be finite",
            f"{bad} of {len(predictions)} with NaN or infinity",
            "A training that diverged gives such; a lower learning rate may help.",
        )
    one_unit = predictions.ndim == 1 or predictions.shape[1] == 1
    low, high = predictions.min(), predictions.max()
    if from_logits:
        sums = np.array([]) if one_unit else predictions.sum(axis=1)
        if sums.size and low >= 0 and np.abs(sums - 1).max() < 1e-3:
            checks.refuse(
                owner,
                "logits must not be probabilities",
                f"values from {low:.3g} to {high:.3g}, all rows sum to 1",
                "Pass from_logits=False.",
            )
    elif not one_unit:
        way_out = "; pass from_logits=True for logits"
        checked_probabilities(owner, predictions, way_out)
    elif low < 0 or high > 1:
        checks.refuse(
            owner,
            "probabilities must be from 0 to 1",
            f"values from {low:.3g} to {high:.3g}",
            "Pass from_logits=True for logits.",
        )
    return predictions
