"""DecoupleMixLoss."""

from typing import Any

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import class_ids, packed_labels
from keras_mix._core.ops.tensors import differ, is_column
from keras_mix._core.options import argument_errors, keywords
from keras_mix._core.options.config import config_of

# The smallest weight that counts as a source: the authors' `eps_smooth`.
SMALLEST = 1e-3
# A logit of no weight that has a gradient, unlike minus infinity.
NOTHING = -1e9


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class DecoupleMixLoss(keras.losses.Loss):
    """Cross-entropy of mixed labels that also rewards confidence in each class that was mixed.

    In the cross-entropy of a mixed label classes a and b compete: the more probable one is, the
    larger the loss of the other. The regularizer compares each of them with the absent classes
    only. The loss of a sample with logits z is

    Σ_c y_c · -log softmax(z)_c + η · Σ_a -log φ_a, with φ_a = e^{z_a} / Σ_c e^{z_c},

    where the second sum runs over the classes a of the sample's sources, and the sum in φ_a over a
    and all classes of no source. If all sources are of one class, the regularizer is left out. A
    class counts as present if its weight is above 0.001, as in the authors' code.

    The models of `keras_mix.models` take this loss for class ids and one-hot labels, with any
    `loss_mode`. Behind a mixer in the data pipeline it takes one-hot and packed labels, but not
    smoothed ones, in which every class is present.

    Deviations from the authors' code: η is not scaled by a power of λ, which their configurations
    choose for each mixer; λ = 1/2 is no exception; the mean is taken over all samples, not over
    mixed and unmixed ones apart.

    Args:
        eta: Float ≥ 0. The weight η of the regularizer. Defaults to 0.1, the authors' for CutMix
            and on ImageNet; they take 0.01 for MixUp on CIFAR-100.
        from_logits: Boolean. Whether predictions are logits instead of probabilities. Defaults to
            False.
        name: String. Name of the loss. Defaults to "decouple_mix_loss".
        **kwargs: `reduction` and `dtype`, as for any Keras loss. Half precision is that of the
            result alone.

    Call arguments:
        y_true: Mixed labels `(B, K)`, packed ones `(B, 2, S)`, or class ids `(B,)` or `(B, 1)`. The
            loss of an id that is out of range is NaN, unless its source has no weight.
        y_pred: Predictions, floats `(B, K)`.
        sample_weight: Floats `(B,)` or `(B, 1)`. The weight of each sample's loss. Defaults to
            None.

    Raises:
        ValueError: If `eta` is negative; if predictions are not `(B, K)` with at least 2 classes,
            or labels have no form that fits them.

    Example:

    >>> loss = keras_mix.losses.DecoupleMixLoss(eta=0.1)
    >>> mixed = np.array([[0.7, 0.3, 0.0]], "float32")
    >>> value = float(loss(mixed, np.array([[0.5, 0.3, 0.2]], "float32")))
    >>> plain = 0.7 * np.log(1 / 0.5) + 0.3 * np.log(1 / 0.3)
    >>> bool(np.isclose(value, plain + 0.1 * (np.log(0.7 / 0.5) + np.log(0.5 / 0.3)), rtol=1e-4))
    True

    Reference:
        Liu et al., "Harnessing Hard Mixed Samples with Decoupled Regularizer", NeurIPS 2023,
        arXiv:2203.10761; the authors' code (Westlake-AI/openmixup,
        `openmixup/models/losses/cross_entropy_loss.py`).
    """

    # Tells the models of this package to pass mixed labels, not those of each source.
    reads_mixtures = True

    def __init__(
        self,
        *,
        eta: float = 0.1,
        from_logits: bool = False,
        name: str = "decouple_mix_loss",
        **kwargs: Any,
    ) -> None:
        keywords.check_of_loss(type(self), kwargs)
        super().__init__(name=name, **kwargs)
        self.eta = checks.number("eta", eta)
        self.from_logits = checks.boolean("from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # In half precision differences of large logits overflow.
        y_pred = ops.cast(
            y_pred,
            keras.backend.result_type(keras.backend.standardize_dtype(y_pred.dtype), "float32"),
        )
        labels = self._one_hot(y_true, y_pred)
        if self.from_logits:
            logits = y_pred
        else:
            logits = ops.log(ops.maximum(y_pred, keras.config.epsilon()))
        losses = -ops.sum(labels * ops.log_softmax(logits, axis=-1), axis=-1)
        present = labels > SMALLEST
        # -log φ_a = log(1 + Σ_c e^{z_c} / e^{z_a}), over the classes c that are in no source.
        absent = ops.where(present, NOTHING, logits)
        decoupled = ops.softplus(ops.logsumexp(absent, axis=-1, keepdims=True) - logits)
        regularizer = ops.sum(ops.where(present, decoupled, 0.0), axis=-1)
        mixed = ops.sum(ops.cast(present, "int32"), axis=-1) > 1
        return losses + self.eta * ops.where(mixed, regularizer, 0.0)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype, **config_of(self)}

    def _one_hot(self, y_true, y_pred):
        """Mixed labels `(B, K)` of labels in any form."""
        classes = packed_labels.classes_of(y_pred)
        if len(y_pred.shape) != 2 or classes == 1:
            checks.reject(self.name, "y_pred", "must be (B, K), K > 1", checks.described(y_pred))
        if packed_labels.is_packed(y_true, y_pred):
            packed_labels.check(self.name, y_true, classes)
            return packed_labels.one_hot(y_true, classes, y_pred.dtype)
        if is_column(y_true.shape):
            return class_ids.one_hot(ops.reshape(y_true, [-1]), classes, y_pred.dtype)
        if len(y_true.shape) != 2 or differ(y_true.shape[1], classes):
            checks.reject(
                self.name,
                "y_true",
                f"must be mixed labels (B, {classes}), packed ones (B, 2, S), or class ids (B,)",
                checks.described(y_true),
            )
        return ops.cast(y_true, y_pred.dtype)
