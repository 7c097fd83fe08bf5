"""The class scores of a model: its outputs as probabilities, and labels as distributions."""

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import class_ids
from keras_mix._core.ops.tensors import differ

_OF_IDS = keras.losses.sparse_categorical_crossentropy
_OF_DISTRIBUTIONS = keras.losses.categorical_crossentropy
_READ_SCORES = (_OF_IDS, _OF_DISTRIBUTIONS, keras.losses.categorical_focal_crossentropy)


def are_logits(owner, loss):
    """Whether a model gives logits, as the loss that it is compiled with says."""
    of_keras, options = _taken_apart(loss)
    if of_keras in _READ_SCORES:
        return bool(options.get("from_logits", False))
    stated = getattr(loss, "from_logits", None)
    if not isinstance(stated, bool):
        checks.refuse(
            owner,
            "the loss must say whether the outputs are logits, as Keras's categorical "
            "cross-entropies do",
            f"loss={loss!r}",
            "Give your own loss an attribute `from_logits`, True or False.",
        )
    return stated


def of_distributions(owner, loss):
    """Keras's cross-entropy of distributions that equals a given one of ids or one-hot labels."""
    of_keras, options = _taken_apart(loss)
    plain = of_keras in (_OF_IDS, _OF_DISTRIBUTIONS) and options.get("axis", -1) == -1
    if not plain or options.get("ignore_class") is not None:
        checks.refuse(
            owner,
            "labels are mixed with predictions, so the loss must be Keras's sparse or categorical "
            "cross-entropy over the last axis, of all classes",
            f"loss={loss!r}",
            'Compile with "sparse_categorical_crossentropy" or "categorical_crossentropy".',
        )
    return keras.losses.CategoricalCrossentropy(
        from_logits=options.get("from_logits", False),
        label_smoothing=options.get("label_smoothing", 0.0),
        reduction=getattr(loss, "reduction", "sum_over_batch_size"),
    )


def probabilities(outputs, logits):
    """float32 `(B, …, K)` of logits, or of probabilities."""
    outputs = ops.cast(outputs, "float32")
    return ops.softmax(outputs, axis=-1) if logits else outputs


def distributions(owner, labels, outputs):
    """float32 `(B, …, K)` like the outputs: one-hot or soft labels themselves, or of ids.

    Ids that are no class are refused as Keras's cross-entropy of ids does it on the backend; where
    that cannot look at values, in compiled code, their rows are NaN, and so is the loss.

    Args:
        owner: The name that error messages begin with.
        labels: Ids `(B, …)` or `(B, …, 1)`, or floats or integers `(B, …, K)`.
        outputs: `(B, …, K)`.
    """
    shape, expected = tuple(labels.shape), tuple(outputs.shape)
    classes = expected[-1]
    if len(shape) == len(expected) and shape[-1] == classes:
        return ops.cast(labels, "float32")
    if len(shape) == len(expected) and shape[-1] == 1:
        labels, shape = ops.squeeze(labels, axis=-1), shape[:-1]
    aligned = len(shape) == len(expected) - 1
    if not aligned or any(map(differ, shape, expected)):
        checks.refuse(
            owner,
            f"labels must be class ids or rows of {classes} probabilities, one for each prediction",
            f"labels of shape {shape} beside predictions of shape {expected}",
        )
    rows = class_ids.one_hot(labels, classes)
    # Its value is used, so that no optimization leaves the refusal out.
    checked = _OF_IDS(labels, ops.ones_like(rows), from_logits=True)
    return ops.where(ops.isfinite(checked)[..., None], rows, float("nan"))


def check_outputs(owner, outputs):
    """Refuses outputs that are not one tensor of scores for two or more classes."""
    scores = hasattr(outputs, "shape") and len(outputs.shape) > 1 and (outputs.shape[-1] or 2) > 1
    if not scores:
        checks.refuse(
            owner,
            "the model must give one tensor of scores of two or more classes, (B, …, K)",
            checks.described(outputs),
            "End it with one unit for each class.",
        )


def _taken_apart(loss):
    """The function that a loss of Keras wraps, and its options."""
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    return getattr(loss, "fn", loss), keras_compat.options_of(loss)
