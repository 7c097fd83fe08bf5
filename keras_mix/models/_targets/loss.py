"""The loss of a mixed batch: the base loss under each source's labels, weighted by the plan."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import sample_losses, target_portions
from keras_mix._core.ops.loss_reduction import reduced
from keras_mix._core.ops.tensors import differ, is_column, is_float, is_of_samples, over, rounds
from keras_mix.models._targets import smoothing
from keras_mix.models._targets.mixture import CURRENT

LOSS_MODES = ("sources", "mixed_targets")


@keras.saving.register_keras_serializable(package="keras_mix")
class LossOfSources(keras.losses.Loss):
    """A loss that is the plain one but while a mixture is trained on.

    Args:
        loss: Whatever `compile` takes for one output.
        mixed: "sources", Σ_s weight_s · loss(label_s); or "mixed_targets", loss(Σ_s weight_s ·
            label_s).
    """

    def __init__(self, loss, mixed="sources", name=None):
        super().__init__(name=name or _name(loss))
        self.loss = loss
        self.mixed = mixed

    def __call__(self, y_true, y_pred, sample_weight=None):
        mixture = CURRENT.mixture
        if y_true is None:
            if keras_compat.in_symbolic_scope():
                # Keras builds the model. In a step, its mixture says whether it needs labels.
                return ops.zeros(())
            _check_name(mixture, self.loss)
        base = keras_compat.compiled_loss(self.loss, y_true, y_pred)
        if mixture is None:
            return base(y_true, y_pred, sample_weight)
        _check(mixture, base, y_true, sample_weight)
        target = mixture.target(y_true, y_pred, base)
        base = mixture.loss_of(base)
        smoothed = smoothing.smoothed(target, base) if mixture.smoothing else base
        mixes_targets = self.mixed == "mixed_targets" or _reads_mixtures(base)
        loss = OutputLoss(target, base, smoothed, sample_weight, mixes_targets)
        return mixture.objective(loss, y_pred)

    def get_config(self):
        return {
            "loss": keras.saving.serialize_keras_object(self.loss),
            "mixed": self.mixed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})


class OutputLoss(NamedTuple):
    """The loss of one output in a training step.

    Attributes:
        target: The output's `mixture.Target`.
        compiled: The Keras loss.
        base: The same, of smoothed labels if they are to be.
        sample_weight: The sample weights, or None.
        mixes_targets: Whether the labels are mixed, instead of the losses of sources.
    """

    target: object
    compiled: object
    base: object
    sample_weight: object
    mixes_targets: bool

    def of_mixed(self, y_pred):
        """The loss of predictions for mixed samples."""
        of = _of_mixed_targets if self.mixes_targets else _of_sources
        return of(self.target, self.base, y_pred, self.sample_weight)

    def of_clean(self, y_pred):
        """The loss of predictions for the samples as they are."""
        return _of_labels(self.target, self.base, self.target.labels, y_pred, self.sample_weight)

    def reduced(self, values, y_pred):
        """Other losses of predictions for mixed samples, reduced as this one is.

        Args:
            values: Floats, one for each sample or position.
            y_pred: The predictions, whose mask counts.
        """
        weight = self.sample_weight
        if weight is not None:
            weight = target_portions.blended(self.target.beside("sample weight", weight))
            weight = _beside(self.target, weight, values)
        return _reduced(self.base, values, weight, keras_compat.mask_of(y_pred))


def _name(loss):
    if isinstance(loss, str):
        return loss
    return getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__)


def _of_sources(target, base, y_pred, sample_weight):
    mask = keras_compat.mask_of(y_pred)
    mask = None if mask is None else target.mixture.unmixed(mask)
    found = target.portions()
    beside = [
        [None] * len(found)
        if tensor is None
        else [portion.value for portion in target.beside(name, tensor)]
        for name, tensor in (("sample weight", sample_weight), ("mask", mask))
    ]
    ids = _stay_ids(base, y_pred)
    terms = [
        _term(target, base, portion, y_pred, *own, ids)
        for portion, *own in zip(found, *beside, strict=True)
    ]
    if base.reduction == "mean_with_sample_weight" and len(terms) > 1:
        # One mean over all sources, for their weights' sums differ.
        values, weights, masks = zip(*terms, strict=True)
        mask = None if masks[0] is None else ops.concatenate(masks)
        return _reduced(base, ops.concatenate(values), ops.concatenate(weights), mask)
    return sum(_reduced(base, *term) for term in terms)


def _term(target, base, portion, y_pred, sample_weight, mask, ids):
    """The losses under one portion of the labels, their weights and mask.

    Args:
        target: A `mixture.Target`.
        base: The loss.
        portion: A `target_portions.Portion`.
        y_pred: The prediction.
        sample_weight: That of the portion, or None.
        mask: Likewise.
        ids: Whether integers stay integers.
    """
    y_pred = ops.convert_to_tensor(y_pred, dtype=base.dtype)
    labels = keras.tree.map_structure(
        lambda y: ops.cast(y, "int32" if ids and not is_float(y) else base.dtype), portion.value
    )
    values = base.call(labels, y_pred)
    if len(values.shape) == 0:
        return _whole_batch(target.mixture, values, portion.weight, sample_weight), None, None
    weights = None
    for weight in (portion.weight, sample_weight):
        if weight is not None:
            weight = _beside(target, weight, values)
            weights = weight if weights is None else weights * weight
    # What the loss itself leaves out, such as `ignore_class`.
    own = keras_compat.mask_of(values)
    if own is not None:
        mask = own if mask is None else ops.logical_and(own, mask)
    return values, weights, mask


def _stay_ids(base, y_pred):
    """Whether labels are class ids that the dtype of the loss could not hold."""
    classes = y_pred.shape[-1] if len(y_pred.shape) else 1
    return rounds(base.dtype, classes) and sample_losses.takes_class_ids(base, classes)


def _beside(target, weight, values):
    """A weight of labels, shaped and cast like the losses of these."""
    weight = ops.cast(weight, values.dtype)
    if is_of_samples(weight.shape):
        weight = over(ops.reshape(weight, [-1]), values)
    else:
        weight = _without_classes(target, weight, values)
    while len(weight.shape) < len(values.shape):
        weight = weight[..., None]
    return ops.broadcast_to(weight, ops.shape(values))


def _without_classes(target, weight, values):
    """A weight of positions, without the axis of classes that the loss has reduced."""
    rank, kept = len(values.shape), len(weight.shape)
    if kept == rank + 1 and weight.shape[-1] == 1:
        return ops.squeeze(weight, axis=-1)
    if target.fit is None:
        return weight
    last = target.fit.axes[-1]
    if kept == rank + 1 and weight.shape[1] == 1 < target.fit.axes[0]:
        shape = target.labels.shape
        if tuple(values.shape[1:]) == tuple(shape[2:]) != tuple(shape[1:-1]):
            return ops.squeeze(weight, axis=1)
    if rank <= last or kept > rank:
        checks.refuse(
            target.mixture.owner,
            "a loss of labels that are cut must have a value at each position where several "
            "sources or their sample weights meet",
            f"losses of shape {tuple(values.shape)} for labels of shape "
            f"{tuple(target.labels.shape)}",
            "Give labels and predictions a last axis of size 1, `y[..., None]`; or use "
            'loss_mode="mixed_targets" without sample weights.',
        )
    return weight


def _whole_batch(mixed, value, weight, sample_weight):
    if weight is None and sample_weight is None:
        return value
    if mixed.per != "batch" or sample_weight is not None or not is_of_samples(weight.shape):
        checks.refuse(
            mixed.owner,
            "a loss that is one number for the whole batch cannot be weighted sample by sample",
            "a loss without an axis of samples",
            'Return one loss for each sample, or mix with per="batch" and no sample weights.',
        )
    return value * ops.cast(ops.reshape(weight, [-1])[0], value.dtype)


def _reduced(base, values, weights, mask):
    if len(values.shape) == 0:
        return values
    values = ops.cast(values, base.dtype)
    if mask is not None:
        keras_compat.set_mask(values, mask)
    return reduced(values, weights, base.reduction)


def _reads_mixtures(base):
    """Whether a loss is one of mixed labels, which may be packed."""
    return getattr(base, "reads_mixtures", False)


def _packed(found):
    """Portions of class ids as packed targets `(B, 2, S)`."""
    columns = [
        [ops.reshape(ops.cast(tensor, "float32"), [-1]) for tensor in portion] for portion in found
    ]
    return ops.stack([ops.stack(column, axis=-1) for column in zip(*columns, strict=True)], axis=1)


def _of_mixed_targets(target, base, y_pred, sample_weight):
    found = target.portions()
    if _reads_mixtures(base) and is_column(found[0].value.shape):
        labels = _packed(found)
    elif _reads_mixtures(base):
        # One-hot rows of any dtype: to such a loss integers are weights, too.
        labels = _blended([_floats(portion) for portion in found])
    else:
        labels = _blended_labels(target, found)
    if sample_weight is not None:
        sample_weight = target_portions.blended(target.beside("sample weight", sample_weight))
    return _of_labels(target, base, labels, y_pred, sample_weight)


def _blended_labels(target, found):
    for tensor in keras.tree.flatten(found[0].value):
        if len(found) > 1 and not is_float(tensor):
            checks.refuse(
                target.mixture.owner,
                'loss_mode="mixed_targets" blends labels, so they must be floats',
                checks.described(tensor),
                'One-hot encode them as floats, or use loss_mode="sources".',
            )
    return _blended(found)


def _blended(found):
    return keras.tree.map_structure(
        lambda *values: target_portions.blended(
            [portion._replace(value=v) for portion, v in zip(found, values, strict=True)]
        ),
        *[portion.value for portion in found],
    )


def _floats(portion):
    return portion._replace(value=ops.cast(portion.value, "float32"))


def _of_labels(target, base, labels, y_pred, sample_weight):
    mask = keras_compat.mask_of(y_pred)
    portion = target_portions.Portion(labels, None)
    term = _term(target, base, portion, y_pred, sample_weight, mask, _stay_ids(base, y_pred))
    return _reduced(base, *term)


def _check_name(mixture, loss):
    if mixture is not None and loss in ("crossentropy", "ce"):
        checks.refuse(
            mixture.owner,
            "without labels the loss must say which cross-entropy it is",
            f"loss={loss!r} and y=None",
            'Compile with "sparse_categorical_crossentropy", or another that is complete.',
        )


def _check(mixture, base, y_true, sample_weight):
    if type(base).__call__ is not keras.losses.Loss.__call__:
        checks.refuse(
            mixture.owner,
            "a loss must not override `__call__`, since only its `call` is used",
            type(base).__name__,
            "Override `call` instead.",
        )
    size = mixture.plan.sources.shape[0]
    for name, structure in (("label", y_true), ("sample weight", sample_weight)):
        for tensor in keras.tree.flatten(structure):
            if tensor is None:
                if name == "label" and mixture.needs_labels:
                    checks.refuse(mixture.owner, "there must be labels to mix", "y=None")
            elif differ(size, tensor.shape[0]):
                checks.refuse(
                    mixture.owner,
                    f"there must be a {name} for each sample",
                    f"{tensor.shape[0]} {name}s beside {size} samples",
                )
