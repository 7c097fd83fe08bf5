"""Labels weighed by a map of the forward pass, beside the weights of the plan."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import class_ids, target_portions
from keras_mix._core.ops.mixup import BlendPlan
from keras_mix._core.ops.tensors import is_column
from keras_mix.models._options.label_weights import PROGRESSIVE
from keras_mix.models._targets import keras_losses


class ByMap(NamedTuple):
    """The weights of sources that a map gives.

    Attributes:
        weights: float32 `(B, S)`.
        trust: Their weight beside those of the plan, a float or "progressive".
    """

    weights: object
    trust: object

    @property
    def progressive(self):
        """Whether each prediction says how far to trust the map."""
        return self.trust == PROGRESSIVE

    def plan(self, plan, trust):
        """The plan with weights between its own and those of the map.

        Args:
            plan: A `BlendPlan`.
            trust: A float, or float32 `(B, 1)`.
        """
        # A difference of 0, such as that of a sample that is not mixed, changes no bit.
        return BlendPlan(plan.sources, plan.weights + trust * (self.weights - plan.weights))

    def plan_by(self, plan, owner, labels, y_pred, loss, smoothing):
        """The plan, weighed as far as predictions agree with the labels mixed by the plan.

        Args:
            plan: A `BlendPlan`.
            owner: The wrapper's name, for messages.
            labels: Class ids `(B,)` or `(B, 1)`, or rows `(B, K)`.
            y_pred: `(B, K)`.
            loss: The loss of the output.
            smoothing: The label smoothing of the mixers.
        """
        rows, probabilities = _read(owner, labels, y_pred, loss)
        mixed = target_portions.blended(
            target_portions.of_samples(rows, plan.sources, plan.weights)
        )
        mixed = (1.0 - smoothing) * mixed + smoothing / rows.shape[-1]
        norms = [ops.sum(ops.square(each), axis=1) for each in (mixed, probabilities)]
        alike = ops.sum(mixed * probabilities, axis=1) / ops.sqrt(norms[0] * norms[1])
        # Labels to be ignored, which are no class, agree with nothing.
        alike = ops.where(ops.isfinite(alike), alike, 0.0)
        return self.plan(plan, ops.stop_gradient(alike)[:, None])


def _read(owner, labels, y_pred, loss):
    """Labels and predictions as float32 rows `(B, K)` of numbers in [0, 1]."""
    shape = () if keras.tree.is_nested(y_pred) else getattr(y_pred, "shape", ())
    logits = keras_losses.takes_logits(loss)
    whole = not keras.tree.is_nested(labels) and labels is not None
    if len(shape) != 2 or shape[-1] in (None, 1) or logits is None or not whole:
        checks.refuse(
            owner,
            f'trust="{PROGRESSIVE}" needs labels of classes, predictions (B, K) and a loss that '
            "says whether they are logits",
            f"predictions with {checks.described(y_pred)} and the loss {loss.name!r}",
            "Give `trust` as a number.",
        )
    y_pred = ops.cast(y_pred, "float32")
    if logits:
        of_one = keras_losses.reads_indicators(loss)
        y_pred = ops.sigmoid(y_pred) if of_one else ops.softmax(y_pred, axis=-1)
    labels = ops.convert_to_tensor(labels)
    if is_column(labels.shape):
        return class_ids.one_hot(ops.reshape(labels, [-1]), shape[-1]), y_pred
    return ops.cast(labels, "float32"), y_pred
