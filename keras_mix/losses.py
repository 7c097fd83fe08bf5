"""Losses for packed targets, class ids and weights instead of one-hot; and for two modalities."""

import keras
from keras import ops

from keras_mix.consistency import CrossModalConsistencyLoss

__all__ = ["CrossModalConsistencyLoss", "MixedLoss"]


@keras.saving.register_keras_serializable(package="keras_mix")
class MixedLoss(keras.losses.Loss):
    """Any Keras loss of class ids, under the packed targets of a mixer with `labels="pairs"`.

    The loss of a mixed sample is Σ_s weight_s · base_loss(id_s, prediction). For cross-entropy
    it equals the loss of the one-hot mixed label; for other losses it is the mean of the
    sources' losses. Labels that are not packed go to the base loss as they are, so the
    same compiled model takes a plain validation set.

    Args:
        base_loss: A `keras.losses.Loss`, its name, or a function (y_true, y_pred) -> [B]. Sparse
            losses (their name begins with "sparse") are given class ids, all others one-hot
            labels of as many classes as the prediction has.
        class_weight: A dict from class id to weight ≥ 0, for each source by its own class;
            classes left out weigh 1. Keras's `fit(class_weight=…)` cannot read packed targets
            and is refused. Defaults to None.
        name: Defaults to "mixed_loss".
        **kwargs: `reduction` and `dtype`, as in any Keras loss.

    Call arguments:
        y_true: float32 [B, 2, S], packed (ids, then weights); or plain labels of another rank.
        y_pred: [B, K].
        sample_weight: [B].

    Raises:
        ValueError: If `sample_weight` has a column for ids and one for weights, which is what
            `fit(class_weight=…)` makes of packed targets.

    Example:

    >>> loss = keras_mix.losses.MixedLoss("sparse_categorical_crossentropy")
    >>> packed = np.array([[[2, 0], [0.7, 0.3]]], "float32")
    >>> float(loss(packed, np.array([[0.2, 0.2, 0.6]], "float32")))  # .7 -ln .6 + .3 -ln .2
    0.8404...
    """

    def __init__(self, base_loss, class_weight=None, name="mixed_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.base_loss = keras.losses.get(base_loss)
        self.class_weight = {int(k): float(v) for k, v in (class_weight or {}).items()}

    def __call__(self, y_true, y_pred, sample_weight=None):
        weighted = sample_weight is not None and len(ops.shape(sample_weight)) > 1
        if weighted and len(ops.shape(y_true)) == 3 and ops.shape(sample_weight)[-1] != 1:
            raise ValueError(
                f"{self.name}: packed targets [B, 2, S] cannot be weighted by class outside "
                "the loss. Received: `class_weight` in `fit`, or `sample_weight` of shape "
                f"{tuple(sample_weight.shape)}. Use MixedLoss(…, class_weight={{…}})."
            )
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        if len(ops.shape(y_true)) != 3:
            return self._plain(y_true, y_pred)
        total = 0.0
        for source in range(y_true.shape[2]):
            ids, weights = y_true[:, 0, source], y_true[:, 1, source]
            total += weights * self._weighted(ids, y_pred)
        return total

    def get_config(self):
        return {
            **super().get_config(),
            "base_loss": keras.losses.serialize(self.base_loss),
            "class_weight": {str(k): v for k, v in self.class_weight.items()},
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["base_loss"] = keras.losses.deserialize(config["base_loss"])
        return cls(**config)

    def _plain(self, y_true, y_pred):
        ids = len(ops.shape(y_true)) == 1 or y_true.shape[-1] == 1
        if not ids:
            return self._per_sample(y_true, y_pred)
        return self._weighted(ops.reshape(y_true, [-1]), y_pred)

    def _weighted(self, ids, y_pred):
        ids = ops.cast(ids, "int32")
        losses = self._per_sample(ids if self._sparse() else self._one_hot(ids, y_pred), y_pred)
        if not self.class_weight:
            return losses
        table = [self.class_weight.get(k, 1.0) for k in range(y_pred.shape[-1])]
        return losses * ops.take(ops.convert_to_tensor(table, losses.dtype), ids)

    def _one_hot(self, ids, y_pred):
        return ops.one_hot(ids, y_pred.shape[-1], dtype=y_pred.dtype)

    def _sparse(self):
        name = getattr(self.base_loss, "name", getattr(self.base_loss, "__name__", ""))
        return name.startswith("sparse")

    def _per_sample(self, y_true, y_pred):
        # Unreduced: a Loss object's own `call`, which its `__call__` would reduce.
        call = getattr(self.base_loss, "call", self.base_loss)
        return call(y_true, y_pred)
