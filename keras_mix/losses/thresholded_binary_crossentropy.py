"""ThresholdedBinaryCrossentropy."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import class_ids, packed_labels
from keras_mix._core.ops.tensors import differ, is_column
from keras_mix._core.options import argument_errors, keywords
from keras_mix._core.options.config import config_of


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class ThresholdedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy in which a class counts in full if its mixed label is above a threshold.

    Each class has a sigmoid unit, which answers whether the class is in the mixture at all, however
    small its part. Above the threshold τ a label y is 1, else 0:

    t_c = [y_c > τ], and the loss of a sample is the mean over the classes c of
    -w · t_c · log p_c - (1 - t_c) · log(1 - p_c), with w = `pos_weight`.

    With τ = 0.2 a mixture of 70 % and 30 % is labeled with both classes, one of 90 % and 10 % with
    the first. With τ = 0 every class of a mixture counts; the label smoothing of a mixer in the
    data pipeline would then make all classes count, so set it here instead.

    The models of `keras_mix.models` take this loss for class ids, one-hot labels and indicators,
    with any `loss_mode`. Behind a mixer in the data pipeline it takes mixed and packed labels; a
    validation set may have plain ones.

    Deviations from timm's `BinaryCrossEntropy`: labels are smoothed after the threshold, not before
    it, where the threshold undoes the smoothing, and mixed ones too; probabilities are taken as
    well as logits.

    Args:
        threshold: Float in [0, 1). The τ that a mixed label must exceed. Defaults to 0.2, as in
            published commands of "ResNet strikes back"; DeiT III takes 0.
        label_smoothing: Float in [0, 1]. The ε of the labels t · (1 - ε) + ε / K of K classes, or
            t · (1 - ε) + ε / 2 of one unit. Defaults to 0.0.
        pos_weight: Float > 0, or a list of K of them. The weight w of the classes that count, for
            classes that are rare. Defaults to 1.0.
        sum_classes: Boolean. Whether the losses of classes are summed instead of averaged. Defaults
            to False.
        from_logits: Boolean. Whether predictions are logits instead of probabilities. Defaults to
            False.
        name: String. Name of the loss. Defaults to `"thresholded_binary_crossentropy"`.
        **kwargs: `reduction` and `dtype`, as for any Keras loss. Half precision is that of the
            result alone.

    Call arguments:
        y_true: Labels of the shape of the predictions, packed ones `(B, 2, S)`, or class ids `(B,)`
            or `(B, 1)`. The loss of an id that is out of range is NaN, unless its source has no
            weight.
        y_pred: Predictions, floats `(B, K)`; of one unit `(B,)` or `(B, 1)`, for classes 0 and 1;
            of positions `(B, …, K)`.
        sample_weight: Floats `(B,)`, or of the predictions' shape without their last axis. The
            weight of each loss. Defaults to None.

    Raises:
        ValueError: If an argument is out of range; if labels have no form that fits the
            predictions, or `pos_weight` not one number for each class.

    Example:

    >>> loss = keras_mix.losses.ThresholdedBinaryCrossentropy()
    >>> mixed = np.array([[0.7, 0.3, 0.0], [0.9, 0.0, 0.1]], "float32")
    >>> present = np.array([[1, 1, 0], [1, 0, 0]], "float32")
    >>> predictions = np.array([[0.8, 0.6, 0.1], [0.9, 0.2, 0.3]], "float32")
    >>> plain = keras.losses.BinaryCrossentropy()
    >>> bool(np.isclose(loss(mixed, predictions), plain(present, predictions)))
    True

    Reference:
        Wightman, Touvron and Jégou, "ResNet strikes back: An improved training procedure in timm",
        2021, arXiv:2110.00476; `timm/loss/binary_cross_entropy.py` of
        huggingface/pytorch-image-models.
    """

    # Tells the models of this package to pass mixed labels, not those of each source.
    reads_mixtures = True

    def __init__(
        self,
        *,
        threshold: float = 0.2,
        label_smoothing: float = 0.0,
        pos_weight: float | Sequence[float] = 1.0,
        sum_classes: bool = False,
        from_logits: bool = False,
        name: str = "thresholded_binary_crossentropy",
        **kwargs: Any,
    ) -> None:
        keywords.check_of_loss(type(self), kwargs)
        super().__init__(name=name, **kwargs)
        self.threshold = checks.number("threshold", threshold, high=1.0)
        if self.threshold == 1.0:
            raise ValueError(
                "`threshold` must be below 1, since no label is above it. "
                f"Received: threshold={threshold!r}"
            )
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, high=1.0)
        self.pos_weight = _positive(pos_weight)
        self.sum_classes = checks.boolean("sum_classes", sum_classes)
        self.from_logits = checks.boolean("from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # In half precision the logarithms of small probabilities overflow.
        y_pred = ops.cast(
            y_pred,
            keras.backend.result_type(keras.backend.standardize_dtype(y_pred.dtype), "float32"),
        )
        classes = packed_labels.classes_of(y_pred)
        labels = self._dense(y_true, y_pred, classes)
        # An id that is out of range has labels of NaN, which no comparison keeps.
        present = ops.where(labels > self.threshold, 1.0, labels * 0.0)
        present = present * (1.0 - self.label_smoothing) + self.label_smoothing / max(classes, 2)
        if self.from_logits:
            presence, absence = ops.softplus(-y_pred), ops.softplus(y_pred)
        else:
            smallest = keras.config.epsilon()
            probabilities = ops.clip(y_pred, smallest, 1.0 - smallest)
            presence, absence = -ops.log(probabilities), -ops.log(1.0 - probabilities)
        losses = self._weights(classes, y_pred) * present * presence + (1.0 - present) * absence
        if len(y_pred.shape) == 1:
            return losses
        return (ops.sum if self.sum_classes else ops.mean)(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype, **config_of(self)}

    def _weights(self, classes, y_pred):
        if isinstance(self.pos_weight, float):
            return self.pos_weight
        if len(self.pos_weight) != classes:
            checks.reject(
                self.name,
                "pos_weight",
                f"must be one number, or one for each of {classes} classes",
                f"{len(self.pos_weight)} numbers",
            )
        return ops.convert_to_tensor(self.pos_weight, y_pred.dtype)

    def _dense(self, y_true, y_pred, classes):
        """Mixed labels in the shape of the predictions."""
        if packed_labels.is_packed(y_true, y_pred):
            packed_labels.check(self.name, y_true, classes)
            if classes > 1:
                return packed_labels.one_hot(y_true, classes, y_pred.dtype)
            # Of one unit the ids, 0 and 1, are the labels themselves.
            mixed = ops.sum(y_true[:, 0] * y_true[:, 1], axis=-1)
            return ops.reshape(ops.cast(mixed, y_pred.dtype), ops.shape(y_pred))
        column = is_column(y_true.shape)
        if column and classes == 1 and len(y_pred.shape) < 3:
            return ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred))
        if column and len(y_pred.shape) == 2:
            return class_ids.one_hot(ops.reshape(y_true, [-1]), classes, y_pred.dtype)
        given, expected = tuple(y_true.shape), tuple(y_pred.shape)
        if len(given) != len(expected) or any(map(differ, given, expected)):
            checks.reject(
                self.name,
                "y_true",
                f"must be labels of the predictions' shape {expected}, packed ones (B, 2, S), or "
                "class ids (B,)",
                checks.described(y_true),
            )
        return ops.cast(y_true, y_pred.dtype)


def _positive(weight):
    """A float above 0, or a list of them."""
    if isinstance(weight, list | tuple) or hasattr(weight, "tolist"):
        listed = weight.tolist() if hasattr(weight, "tolist") else list(weight)
        if isinstance(listed, list):
            return [checks.positive("pos_weight", each) for each in listed]
    return checks.positive("pos_weight", weight)
