"""MixupRescaling."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.model_inputs import inputs_of
from keras_mix._core.ops import labeled_predictions, logits
from keras_mix._core.ops.tensors import differ
from keras_mix._core.options import argument_errors


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class MixupRescaling(keras.Model):
    """Corrects at prediction what MixUp does in training: it trains on shrunken inputs and labels.

    Carratino et al. (section 3) write MixUp as training on data that are transformed, and then
    perturbed: each input and label is drawn toward the mean of all by the factor θ̄, the mean of
    max(λ, 1 - λ). This model applies the same transformation to inputs, and the reverse to outputs
    (their eq. 15):

        x' = θ̄ x + (1 - θ̄) x̄
        logits = f(x') / θ̄ + (1 - 1/θ̄) ȳ

    followed by a softmax, as Google's uncertainty-baselines do. x̄ and ȳ are the means of the inputs
    and the one-hot labels that the model was trained on, which `adapt` computes. θ̄ is 1 -
    I_½(α + 1, α) for λ from Beta(α, α): 0.899 for α = 0.2, 0.840 for 0.4, 0.75 for 1. It needs no
    held-out data, unlike a temperature, and sharpens the probabilities. It is derived for MixUp of
    inputs; CutMix does not shrink inputs.

    Of a model that gives probabilities, their logarithms stand for the logits, which is the same
    after the softmax. For one sigmoid unit, ȳ is the mean of the labels 0 and 1.

    Args:
        model: `keras.Model`. The trained model, with one input and one output.
        alpha: Number > 0. The α that the model was trained with. Defaults to 0.2, as in
            `keras_mix.layers.MixUp`.
        from_logits: Boolean. Whether the model gives logits, or probabilities. Defaults to False.
        name: String. Name of the model. Defaults to None: Keras's default.

    Attributes:
        base: The trained model.
        theta: Float. θ̄.

    Raises:
        ValueError: If `alpha` is not above 0; if it is called before `adapt`; if `adapt` gets no
            sample, labels that are not classes, or samples of several shapes; if samples have
            another shape than those that it was adapted to; if the model has several inputs or
            outputs.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((4,)), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> rescaled = keras_mix.calibration.MixupRescaling(model, alpha=1.0)
    >>> rescaled.theta
    0.75
    >>> x, ids = np.random.rand(64, 4).astype("float32"), np.arange(64) % 3
    >>> rescaled.adapt(x, ids)
    >>> rescaled.predict(x, verbose=0).shape
    (64, 3)

    Reference:
        Carratino et al., "On Mixup Regularization", JMLR 2022, arXiv:2006.06049, section 3 and
        eq. 15.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        alpha: float = 0.2,
        from_logits: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(model, keras.Model):
            checks.refuse(
                "MixupRescaling", "`model` must be a Keras model", f"a {type(model).__name__}"
            )
        inputs = inputs_of(model)
        if inputs is not None and len(inputs) != 1:
            checks.refuse("MixupRescaling", "`model` must have one input", f"{len(inputs)} inputs")
        self.base = model
        self.alpha = checks.positive("alpha", alpha)
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.mean_input: Any = None
        self.mean_label: Any = None
        self.built = model.built

    @property
    def theta(self) -> float:
        """θ̄, the mean of max(λ, 1 - λ) for λ from Beta(α, α)."""
        # 1/2 + E|λ - 1/2|, in closed form.
        alpha = self.alpha
        log_beta = 2 * math.lgamma(alpha) - math.lgamma(2 * alpha)
        return 0.5 + math.exp(-alpha * math.log(4) - log_beta) / alpha

    def adapt(self, inputs: Any, labels: Any = None) -> None:
        """Computes the means of inputs and labels, from arrays or from batches of both.

        Args:
            inputs: Array `(N, …)` of what the model was trained on, unmixed; or an iterable of
                batches of pairs (inputs, labels), such as a `tf.data.Dataset`.
            labels: Class ids, one-hot labels, or labels 0 and 1 of one sigmoid unit. None if they
                are in the batches. Defaults to None.
        """
        total, counts, size = np.zeros(()), np.zeros(()), 0
        for batch, ids in _batches(inputs, labels):
            batch = np.asarray(ops.convert_to_numpy(batch), np.float64)
            self._check_shape(batch.shape, total.shape if size else None)
            if not size:
                outputs = _single(self.base(ops.convert_to_tensor(batch[:1].astype("float32"))))
            one_hot = _one_hot(ids, outputs, len(batch))
            total, counts = total + batch.sum(axis=0), counts + one_hot.sum(axis=0)
            size += len(batch)
        if not size:
            checks.refuse("MixupRescaling", "`adapt` must be given a sample", "none")
        self._make_means(total.shape, counts.shape)
        self.mean_input.assign(total / size)
        self.mean_label.assign(counts / size)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The probabilities, corrected."""
        if self.mean_input is None:
            checks.refuse(
                "MixupRescaling",
                "the means of inputs and labels must be known",
                "a call before `adapt`",
                "Call adapt(inputs, labels) with the training data.",
            )
        theta = self.theta
        self._check_shape(inputs.shape)
        inputs = ops.cast(inputs, "float32")
        inputs = theta * inputs + (1 - theta) * ops.convert_to_tensor(self.mean_input)
        mode = {} if training is None else {"training": training}
        mean = ops.convert_to_tensor(self.mean_label)
        if mean.shape[0] == 1:
            mean = ops.concatenate([ops.zeros_like(mean), mean])

        def corrected(found):
            return found / theta + (1 - 1 / theta) * mean

        predictions = _single(self.base(inputs, **mode))
        return logits.rescaled(corrected, predictions, self.from_logits, "float32")

    def export(self, *args, **kwargs):
        """Exports the corrected model, as Keras does."""
        (given,) = self.base.inputs
        inputs = keras.Input(batch_shape=given.shape, dtype=given.dtype)
        return keras.Model(inputs, self(inputs)).export(*args, **kwargs)

    def get_config(self):
        adapted = self.mean_input is not None
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.base),
            "alpha": self.alpha,
            "from_logits": self.from_logits,
            "name": self.name,
            "mean_shapes": [self.mean_input.shape, self.mean_label.shape] if adapted else None,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        load = keras.saving.deserialize_keras_object
        config["model"] = load(config["model"], custom_objects=custom_objects)
        shapes = config.pop("mean_shapes")
        model = cls(**config)
        if shapes is not None:
            model._make_means(*map(tuple, shapes))
        return model

    def _check_shape(self, shape, known=None):
        """Refuses samples of other shapes than those before, which have a mean."""
        if known is None:
            if self.mean_input is None:
                return
            known = self.mean_input.shape
        if len(shape) != len(known) + 1 or any(map(differ, shape[1:], known)):
            checks.refuse(
                "MixupRescaling",
                f"samples must have the shape {tuple(known)} of those that it was adapted to, "
                "since their mean is added",
                f"samples of shape {tuple(shape[1:])}",
                "Resize them, or adapt another one.",
            )

    def _make_means(self, input_shape, label_shape):
        if self.mean_input is None:
            options = {"initializer": "zeros", "trainable": False, "dtype": "float32"}
            self.mean_input = self.add_weight(shape=input_shape, name="mean_input", **options)
            self.mean_label = self.add_weight(shape=label_shape, name="mean_label", **options)


def _single(outputs):
    """The output of a model; refuses several."""
    if not hasattr(outputs, "shape"):
        received = f"a {type(outputs).__name__} of {len(outputs)} outputs"
        checks.refuse("MixupRescaling", "`model` must have one output", received)
    return outputs


def _batches(inputs: Any, labels: Any) -> Iterable[Any]:
    """Pairs of inputs and labels; of a `keras.utils.PyDataset` one round."""
    if labels is not None:
        return [(inputs, labels)]
    if isinstance(inputs, keras.utils.PyDataset):
        return (inputs[index] for index in range(len(inputs)))
    if hasattr(inputs, "shape"):
        checks.refuse("MixupRescaling", "`adapt` must be given labels", checks.described(inputs))
    return inputs


def _one_hot(labels, outputs, size):
    """Floats `(B, K)`, or `(B, 1)` of one unit, from labels in any form."""
    classes = outputs.shape[-1] if len(outputs.shape) > 1 else 1
    predictions = np.zeros((size, classes), "float32")
    tensors = map(ops.convert_to_tensor, (labels, predictions))
    ids, known = labeled_predictions.class_ids("MixupRescaling", *tensors)
    ids, known = ops.convert_to_numpy(ids), ops.convert_to_numpy(known)
    if not known.all():
        checks.refuse(
            "MixupRescaling",
            f"labels must be classes from 0 to {max(classes, 2) - 1}",
            f"{(~known).sum()} of {size} labels that are not",
        )
    return ids[:, None].astype(float) if classes == 1 else np.eye(classes)[ids]
