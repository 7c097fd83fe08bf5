"""What a metric is given, as rows: probabilities, class ids and weights; and what is refused."""

from typing import Any, NamedTuple

from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import hard_labels, logits, loss_reduction, packed_labels
from keras_mix._core.ops.tensors import differ
from keras_mix._core.predictions import TOLERANCE

# The largest sample weight: the sums of weighted scores are exact up to it.
HEAVIEST = 2**24


class Refused(NamedTuple):
    """How many samples a metric has refused, for which its result is NaN.

    Attributes:
        nan_predictions: Integer. Predictions that are NaN.
        not_probabilities: Integer. Predictions that are negative or do not sum to 1.
        bad_labels: Integer. Labels that are out of range, or have no class.
        bad_weights: Integer. Sample weights that are negative, NaN or above 2^24.
    """

    nan_predictions: int
    not_probabilities: int
    bad_labels: int
    bad_weights: int


class Rows(NamedTuple):
    """Predictions and labels of a batch.

    Attributes:
        probabilities: float32 `(N, K)`; of one sigmoid unit two columns.
        logs: float32 `(N, K)`, their logarithms, floored.
        ids: int32 `(N,)`, true classes.
        weights: float32 `(N,)`, sample weights; 0 where a sample is refused.
        refused: int32 `(4,)`, in the order of `Refused`.
    """

    probabilities: Any
    logs: Any
    ids: Any
    weights: Any
    refused: Any


def read(owner, y_true, y_pred, sample_weight, *, from_logits, labels):
    """The `Rows` of a batch.

    Args:
        owner: The name that error messages begin with.
        y_true: Labels in a form that `labels` takes.
        y_pred: Predictions `(B, …, K)`, or `(B, 1)` or `(B,)` of one sigmoid unit.
        sample_weight: Weights that broadcast over the samples, or None.
        from_logits: Boolean. Whether predictions are logits.
        labels: `class_ids` or `indicators`.
    """
    mask = keras_compat.mask_of(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
    ids, known = labels(owner, y_true, y_pred)
    counts = ops.ones_like(ids, dtype="float32")
    if mask is not None:
        counts = counts * ops.cast(mask, "float32")
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight)
        counts = loss_reduction.weights_of_counts(counts, sample_weight, None)
    ids, known, weights = (ops.reshape(each, [-1]) for each in (ids, known, counts))

    found = logits.of_classes(y_pred, from_logits)
    classes = found.shape[-1]
    found = ops.reshape(found, [-1, classes])
    given = logits.two_columns(y_pred) if not from_logits else ops.softmax(found, axis=-1)
    given = ops.reshape(given, [-1, classes])

    nan = ops.any(ops.isnan(given), axis=-1)
    sums = ops.sum(given, axis=-1)
    proper = (ops.min(given, axis=-1) >= 0) & (ops.abs(sums - 1.0) < TOLERANCE)
    light = (weights >= 0) & (weights <= HEAVIEST)
    problems = ops.stack([nan, ~proper & ~nan, ~known, ~light])
    # Whatever stands at weight 0 is not asked for, such as padding.
    problems = problems & (weights != 0)
    good = (weights > 0) & ~ops.any(problems, axis=0)
    return Rows(
        probabilities=ops.where(good[:, None], given, 1.0 / classes),
        logs=ops.where(good[:, None], logits.log_probabilities(found, from_logits), 0.0),
        ids=ops.where(good, ids, 0),
        weights=ops.where(good, weights, 0.0),
        refused=ops.sum(ops.cast(problems, "int32"), axis=1),
    )


def class_ids(owner, y_true, y_pred):
    """True classes int32, of labels in any form, and whether they are known to be classes."""
    classes = packed_labels.classes_of(y_pred)
    packed = packed_labels.is_packed(y_true, y_pred)
    if classes == 1 and not packed:
        return indicators(owner, y_true, y_pred)
    form = "indicators" if classes == 1 else "class_ids"
    found = hard_labels.hardened(owner, y_true, y_pred, form)
    found = _one_for_each(owner, y_true, found, y_pred)
    ids = ops.cast(found, "int32")
    known = (ids >= 0) & (ids < max(classes, 2)) & (ops.cast(ids, found.dtype) == found)
    dense = len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == classes != 1
    if dense and not packed:
        # A row of zeros has no class.
        known = known & (ops.max(ops.cast(y_true, "float32"), axis=-1) > 0)
    return ids, known


def indicators(owner, y_true, y_pred):
    """int32 0 and 1, of labels of which 1 is above ½, and whether they lie in [0, 1]."""
    found = ops.cast(_one_for_each(owner, y_true, y_true, y_pred), "float32")
    return ops.cast(found > 0.5, "int32"), (found >= 0) & (found <= 1)


def _one_for_each(owner, y_true, found, y_pred):
    """Labels with one number for each prediction, without an axis of classes."""
    shape = y_pred.shape[:-1] if len(y_pred.shape) > 1 else y_pred.shape
    if len(found.shape) == len(shape) + 1 and found.shape[-1] == 1:
        found = ops.squeeze(found, axis=-1)
    if len(found.shape) != len(shape) or any(map(differ, found.shape, shape)):
        checks.refuse(
            owner,
            f"there must be one label for each prediction {tuple(y_pred.shape)}",
            f"labels with {checks.described(y_true)}",
            "Pass class ids, one-hot labels, or packed targets.",
        )
    return found
