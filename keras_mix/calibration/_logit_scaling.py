"""What temperature and vector scaling share: a layer on logits, fitted to held-out labels."""

from typing import Any, TypeVar

import keras
import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import labeled_predictions, logits
from keras_mix._core.ops.tensors import differ
from keras_mix._core.options import argument_errors
from keras_mix._core.options.config import config_of
from keras_mix._core.predictions import checked_outputs

Self = TypeVar("Self", bound="LogitScaling")


class LogitScaling(keras.layers.Layer):
    """A layer from a classifier's outputs to probabilities, by a function of the logits.

    Subclasses have `scaled(logits)`, and `minimize(logits, ids)`, which sets their weights.
    """

    @argument_errors.naming_class
    def __init__(
        self, *, from_logits: bool = False, name: str | None = None, dtype: Any = None
    ) -> None:
        # Calibration is a matter of small differences: float32 under a mixed policy too.
        # It casts predictions itself: a cast of them has no known logits.
        super().__init__(name=name, dtype=dtype or "float32", autocast=False)
        self.from_logits = checks.boolean("from_logits", from_logits)
        self._classes: int | None = None

    def build(self, input_shape):
        self._classes = _classes_of(input_shape)
        self.built = True

    def call(self, predictions: Any) -> Any:
        self._check_classes(predictions.shape)
        return logits.rescaled(self.scaled, predictions, self.from_logits, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        # In the making of a graph, Keras does without `call`.
        self._check_classes(input_shape)
        return input_shape

    def fit(self: Self, predictions: Any, labels: Any) -> Self:
        """Fits the weights to held-out predictions and labels, and returns the layer."""
        owner = type(self).__name__
        predictions = checked_outputs(owner, predictions, self.from_logits)
        ids = _ids(owner, predictions, labels)
        tensor = ops.convert_to_tensor(predictions)
        found = ops.convert_to_numpy(logits.of_classes(tensor, self.from_logits))
        if not self.built:
            self.build(predictions.shape)
        self._check_classes(predictions.shape)
        self.minimize(found.astype(np.float64), ids)
        return self

    def predict(self, predictions: Any) -> Any:
        """Returns the scaled probabilities, a NumPy array in the shape of the predictions."""
        predictions = checked_outputs(type(self).__name__, predictions, self.from_logits)
        return ops.convert_to_numpy(self(ops.convert_to_tensor(predictions, "float32")))

    def wrap(self, model: keras.Model) -> keras.Model:
        """Returns a model that gives the scaled probabilities of a model with one output."""
        owner = type(self).__name__
        if not isinstance(model, keras.Model):
            checks.refuse(owner, "`model` must be a Keras model", f"a {type(model).__name__}")
        if not getattr(model, "inputs", None):
            return keras.Sequential([model, self])
        # A sequential model has an `input` only after it is called.
        inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        outputs = model(inputs)
        if not hasattr(outputs, "shape"):
            received = f"a {type(outputs).__name__} of {len(outputs)} outputs"
            checks.refuse(owner, "`model` must have one output", received)
        return keras.Model(inputs, self(outputs), name=f"{model.name}_{self.name}")

    def _check_classes(self, shape):
        classes = _classes_of(shape)
        if differ(classes, self._classes):
            checks.refuse(
                type(self).__name__,
                f"predictions must have the {self._classes} classes of those that it was made for",
                f"{classes} classes, in predictions of shape {tuple(shape)}",
                "Fit another one to another model.",
            )

    def get_config(self):
        config = {**super().get_config(), **config_of(self)}
        # Nothing here is trained by gradients.
        config.pop("trainable")
        return config


def _classes_of(shape):
    """The number of classes of predictions; None if it is unknown."""
    last = 1 if len(shape) == 1 else shape[-1]
    return None if last is None else max(last, 2)


def _ids(owner, predictions, labels):
    """Class ids `(N,)` of at least two classes, from labels in any form."""
    labels = np.asarray(labels)
    tensors = map(ops.convert_to_tensor, (labels, predictions))
    found, known = map(ops.convert_to_numpy, labeled_predictions.class_ids(owner, *tensors))
    if not known.all():
        classes = 2 if predictions.ndim == 1 else max(predictions.shape[1], 2)
        checks.refuse(
            owner,
            f"labels must be classes from 0 to {classes - 1}",
            f"{(~known).sum()} of {known.size} labels that are not, {checks.described(labels)}",
        )
    if len(np.unique(found)) < 2:
        checks.refuse(
            owner,
            "the labels must have at least two classes, or any confidence is too low",
            f"{found.size} labels of class {found[0]}",
            "Fit on a sample of all classes.",
        )
    return found
