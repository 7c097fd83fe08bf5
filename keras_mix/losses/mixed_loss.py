"""MixedLoss."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import class_ids, loss_reduction, packed_labels, sample_losses
from keras_mix._core.ops.tensors import is_column
from keras_mix._core.options import argument_errors


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class MixedLoss(keras.losses.Loss):
    """Any Keras classification loss for the packed targets of a mixer with `label_mode="pairs"`.

    The loss of a mixed sample is Σ_s weight_s · base_loss(id_s, prediction). For cross-entropy
    this equals the loss of the one-hot mixed label; for other losses it is the weighted mean of
    the losses of the sources. Labels that are not packed are passed to the base loss, with class
    ids converted to the form that it takes, so a compiled model also takes a plain validation set.

    Predictions `(B, K)` with K > 1 are of K classes. With one column `(B, 1)` the class ids 0 and 1
    are the labels themselves, as for `keras.losses.BinaryCrossentropy`.

    Samples that the base loss ignores (`ignore_class`) do not count: a mean is taken over the
    weights of the remaining sources.

    For metrics of packed targets, use `keras_mix.metrics.MixedMetric`, such as
    `MixedMetric("accuracy")`; Keras's own metrics cannot read them.

    Args:
        base_loss: `keras.losses.Loss`, its name, or a function `(y_true, y_pred) -> (B,)`. The loss
            of one source.
        class_weight: Dict from class ids to weights ≥ 0. Each source is weighted by its class;
            missing classes have weight 1. A plain one-hot label has the weight of its largest
            entry. Unlike Keras's `fit(class_weight=…)`, which cannot read packed targets and is
            refused, it counts in the loss of validation data, too. Defaults to None.
        class_ids: Boolean. Whether `base_loss` takes class ids `(B,)`, as
            `keras.losses.SparseCategoricalCrossentropy` does, or one-hot labels `(B, K)`, as
            `keras.losses.CategoricalCrossentropy` does. Defaults to None: the form for which it
            returns one loss for each sample.
        name: String. Name of the loss. Defaults to `"mixed_loss"`.
        **kwargs: `reduction` and `dtype`, as for any Keras loss. They default to those of
            `base_loss`.

    Call arguments:
        y_true: Packed targets, float32 `(B, 2, S)` (ids, then weights); or plain labels. They are
            not cast to the dtype of the loss, which may not represent all class ids. If `base_loss`
            takes one-hot labels, the loss of an id that is out of range is NaN.
        y_pred: Predictions, floats `(B, K)`.
        sample_weight: Floats `(B,)` or `(B, 1)`. The weight of each sample's loss. Defaults to
            None.

    Raises:
        ValueError: If `class_weight` holds a negative weight or a class that is not predicted; if
            `class_ids` is None and `base_loss` accepts both forms of labels or neither; if
            `base_loss` overrides `__call__`; if the dtype of packed targets cannot represent the
            class ids; or if `sample_weight` has two columns, which is what `fit(class_weight=…)`
            makes of packed targets.

    Example:

    >>> loss = keras_mix.losses.MixedLoss("sparse_categorical_crossentropy")
    >>> packed = np.array([[[2, 0], [0.7, 0.3]]], "float32")
    >>> float(loss(packed, np.array([[0.2, 0.2, 0.6]], "float32")))  # .7 -ln .6 + .3 -ln .2
    0.8404...
    """

    def __init__(
        self,
        base_loss: keras.losses.Loss | str | Callable[[Any, Any], Any],
        *,
        class_weight: Mapping[int, float] | None = None,
        class_ids: bool | None = None,
        name: str = "mixed_loss",
        **kwargs: Any,
    ) -> None:
        checks.given("base_loss", base_loss, '"sparse_categorical_crossentropy"')
        base_loss = keras.losses.get(base_loss)
        if isinstance(base_loss, keras.losses.Loss):
            kwargs.setdefault("reduction", base_loss.reduction)
            kwargs.setdefault("dtype", base_loss.dtype)
            if type(base_loss).__call__ is not keras.losses.Loss.__call__:
                checks.refuse(
                    "MixedLoss",
                    "`base_loss` must not override `__call__`, since only its `call` is used",
                    type(base_loss).__name__,
                    "Override `call` instead.",
                )
        super().__init__(name=name, **kwargs)
        self.base_loss = base_loss
        self.class_weight = _by_class(class_weight or {})
        self.class_ids = checks.boolean("class_ids", class_ids, optional=True)
        self._forms: dict[int, bool | None] = {}

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_true = ops.convert_to_tensor(y_true)
        if packed_labels.is_packed(y_true, y_pred):
            self._check_metrics()
            if sample_weight is not None:
                sample_weight = ops.convert_to_tensor(sample_weight)
                self._check_weights(sample_weight)
        mask = keras_compat.mask_of(y_pred)
        values, counts = self._losses(y_true, ops.convert_to_tensor(y_pred, dtype=self.dtype))
        if mask is not None:
            mask = ops.cast(mask, values.dtype)
            counts = mask if counts is None else counts * mask
        if counts is not None:
            sample_weight = loss_reduction.weights_of_counts(counts, sample_weight, self.reduction)
        return loss_reduction.reduced(values, sample_weight, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._losses(y_true, y_pred)[0]

    def get_config(self):
        return {
            **super().get_config(),
            "base_loss": keras.losses.serialize(self.base_loss),
            "class_weight": {str(k): v for k, v in self.class_weight.items()},
            "class_ids": self.class_ids,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["base_loss"] = keras.losses.deserialize(config["base_loss"])
        return cls(**config)

    def _losses(self, y_true, y_pred):
        """The losses of samples, and the weight of each that counts; None if all samples count."""
        if not packed_labels.is_packed(y_true, y_pred):
            values, mask = self._of_labels(y_true, y_pred)
            if mask is None:
                return values, None
            return ops.where(mask, values, 0), ops.cast(mask, values.dtype)
        packed_labels.check(type(self).__name__, y_true, packed_labels.classes_of(y_pred))
        total, counts = 0.0, None
        for ids, weights in packed_labels.sources(y_true):
            values, mask = self._of_ids(ids, y_pred)
            weights = ops.cast(weights, values.dtype)
            if mask is not None:
                weights = ops.where(mask, weights, 0)
                counts = weights if counts is None else counts + weights
            total += weights * values
        return (total, None) if counts is None else (ops.divide_no_nan(total, counts), counts)

    def _of_labels(self, y_true, y_pred):
        """The losses of plain labels, and the Keras mask on them or None."""
        classes = packed_labels.classes_of(y_pred)
        column = is_column(y_true.shape)
        if len(y_pred.shape) == 2 and classes != 1 and column:
            return self._of_ids(ops.cast(ops.reshape(y_true, [-1]), "int32"), y_pred)
        dense = len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == classes != 1
        if dense and len(y_pred.shape) == 2 and self._takes_class_ids(classes):
            checks.refuse(
                type(self).__name__,
                f"{self.base_loss!r} takes class ids (B,) or (B, 1)",
                f"labels with {checks.described(y_true)}",
                "Pass class ids, or use a loss for one-hot labels.",
            )
        if classes == 1:
            y_true = ops.reshape(y_true, ops.shape(y_pred))
        if dense or classes == 1:
            y_true = ops.cast(y_true, y_pred.dtype)
        values = self._per_sample(y_true, y_pred)
        mask = keras_compat.mask_of(values)
        if not self.class_weight:
            return values, mask
        if dense:
            y_true = ops.argmax(y_true, axis=-1)
        elif classes == 1:
            y_true = ops.reshape(y_true, ops.shape(values))
        return values * self._weights(y_true, classes, values.dtype), mask

    def _of_ids(self, ids, y_pred):
        """The losses of class ids int32 `(B,)`, and the Keras mask on them or None."""
        values = self._per_sample(self._form(ids, y_pred), y_pred)
        mask = keras_compat.mask_of(values)
        if self.class_weight:
            values = values * self._weights(ids, packed_labels.classes_of(y_pred), values.dtype)
        return values, mask

    def _form(self, ids, y_pred):
        """Class ids in the form that the base loss takes."""
        classes = packed_labels.classes_of(y_pred)
        if classes == 1:
            return ops.reshape(ops.cast(ids, y_pred.dtype), ops.shape(y_pred))
        if self._takes_class_ids(classes):
            return ids
        return class_ids.one_hot(ids, classes, y_pred.dtype)

    def _takes_class_ids(self, classes):
        if self.class_ids is not None:
            return self.class_ids
        if classes not in self._forms:
            self._forms[classes] = sample_losses.takes_class_ids(self.base_loss, classes)
        if self._forms[classes] is None:
            checks.refuse(
                type(self).__name__,
                "`base_loss` must return one loss for each sample, either for class ids (B,) or "
                f"for one-hot labels (B, {classes})",
                repr(self.base_loss),
                "Pass class_ids=True if it takes class ids, or class_ids=False for one-hot labels.",
            )
        return self._forms[classes]

    def _weights(self, ids, classes, dtype):
        """The class weights of ids, `(B,)`."""
        number = max(classes, 2)
        unknown = [k for k in self.class_weight if not 0 <= k < number]
        if unknown:
            checks.refuse(
                type(self).__name__,
                f"`class_weight` must have class ids from 0 to {number - 1}, the predicted classes",
                f"classes {unknown}",
            )
        table = [self.class_weight.get(k, 1.0) for k in range(number)]
        # Ids that the loss ignores may be out of range.
        ids = ops.clip(ops.cast(ids, "int32"), 0, number - 1)
        return ops.take(ops.convert_to_tensor(table, dtype), ids)

    def _per_sample(self, y_true, y_pred):
        values = sample_losses.per_sample(self.base_loss, y_true, y_pred)
        if len(values.shape) == 0:
            checks.refuse(
                type(self).__name__,
                "`base_loss` must return one loss for each sample",
                f"one number for the whole batch from {self.base_loss!r}",
                "Return the losses of the samples without averaging them.",
            )
        return values

    def _check_metrics(self):
        """Refuses Keras's own metrics, which would fail on the shape of packed targets."""
        for metric in keras_compat.metrics_beside_loss():
            is_object = isinstance(metric, keras.metrics.Metric)
            module = getattr(type(metric) if is_object else metric, "__module__", "")
            if isinstance(metric, str) or module.startswith("keras."):
                checks.refuse(
                    type(self).__name__,
                    "Keras's own metrics cannot read packed targets (B, 2, S)",
                    f"the metric {metric!r}",
                    "Wrap it: metrics=[keras_mix.metrics.MixedMetric(…)].",
                )

    def _check_weights(self, sample_weight):
        if len(sample_weight.shape) > 1 and sample_weight.shape[-1] != 1:
            checks.refuse(
                type(self).__name__,
                "packed targets (B, 2, S) can be weighted by class only inside the loss",
                "`class_weight` in `fit`, or `sample_weight` of shape "
                f"{tuple(sample_weight.shape)}",
                "Use MixedLoss(…, class_weight={…}).",
            )


def _by_class(class_weight):
    """Dict from class ids to weights; the ids of a saved loss are strings."""
    rule = "`class_weight` must be a dict from class ids, whole numbers, to weights"
    try:
        items = [(float(k), v) for k, v in class_weight.items()]
    except (AttributeError, TypeError, ValueError):
        items = None
    if items is None or not all(k.is_integer() for k, _ in items):
        checks.refuse("MixedLoss", rule, f"class_weight={class_weight!r}")
    return {int(k): checks.number("class_weight", v) for k, v in items}
