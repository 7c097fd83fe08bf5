"""The loss of a mixed batch: the base loss under each source's labels, weighted by the plan."""

import functools
import threading

import keras
from keras import ops

# Keras resolves names and functions here as `compile` does.
from keras.src.trainers.compile_utils import get_loss

from keras_mix import checks, criteria, packed
from keras_mix.dtypes import is_float
from keras_mix.models import masking, portable
from keras_mix.reduction import reduced

LOSSES = ("sources", "mixed_targets")


class _Thread(threading.local):
    mixture = None


_THREAD = _Thread()


class Mixture:
    """How the labels of a batch are mixed, known to the losses within the context.

    Args:
        owner: The wrapper's name, for messages.
        shares: `portable.Shares`.
        per: "batch" where all samples have the same weights, or "sample".
        unmixed_masks: {id of a mixed mask: the mask before}.
    """

    def __init__(self, owner, shares, per, unmixed_masks):
        self.owner = owner
        self.shares = shares
        self.per = per
        self.unmixed_masks = unmixed_masks

    def __enter__(self):
        self.outer, _THREAD.mixture = _THREAD.mixture, self

    def __exit__(self, *error):
        _THREAD.mixture = self.outer

    def of_source(self, structure, source):
        """Labels (or weights of samples) of one source."""
        return _taken(structure, self.shares.sources[:, source])

    def dominant(self, structure):
        """Labels of the source with the largest weight; the sample itself where two are equal."""
        return _taken(structure, self._dominant_sources)

    def unmixed(self, mask):
        """The mask that a mask of predictions was before it was mixed, if it was."""
        return self.unmixed_masks.get(id(mask), mask)

    def predictions(self, y_pred):
        """What metrics see: without a gradient, and with the masks of the dominant sources."""
        return keras.tree.map_structure(self._prediction, y_pred)

    def _prediction(self, tensor):
        fixed, mask = ops.stop_gradient(tensor), masking.mask_of(tensor)
        if mask is not None:
            masking.set_mask(fixed, self.dominant(self.unmixed(mask)))
        return fixed

    @functools.cached_property
    def _dominant_sources(self):
        best = ops.argmax(self.shares.weights, axis=1)
        return ops.take_along_axis(self.shares.sources, best[:, None], axis=1)[:, 0]

    def blended(self, structure):
        """Labels (or weights of samples) of floats, mixed by the plan."""
        return _mapped(lambda t: portable.blend(ops.convert_to_tensor(t), self.shares), structure)


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
        base = get_loss(self.loss, y_true, y_pred)
        mixture = _THREAD.mixture
        if mixture is None:
            return base(y_true, y_pred, sample_weight)
        _check(mixture, base, y_true, sample_weight)
        if self.mixed == "mixed_targets":
            return _of_mixed_targets(mixture, base, y_true, y_pred, sample_weight)
        return _of_sources(mixture, base, y_true, y_pred, sample_weight)

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


def _name(loss):
    if isinstance(loss, str):
        return loss
    return getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__)


def _of_sources(mixture, base, y_true, y_pred, sample_weight):
    terms = [
        _term(mixture, base, y_true, y_pred, sample_weight, source)
        for source in range(mixture.shares.sources.shape[1])
    ]
    if base.reduction == "mean_with_sample_weight":
        # One mean over all sources, for their weights' sums differ.
        values, weights, masks = zip(*terms, strict=True)
        mask = None if masks[0] is None else ops.concatenate(masks)
        return _reduced(base, ops.concatenate(values), ops.concatenate(weights), mask)
    return sum(_reduced(base, *term) for term in terms)


def _term(mixture, base, y_true, y_pred, sample_weight, source):
    """The losses of all samples under the labels of one source, their weights and mask."""
    y_pred_cast = ops.convert_to_tensor(y_pred, dtype=base.dtype)
    y_true = keras.tree.map_structure(
        lambda y: _labels(base, y, y_pred_cast), mixture.of_source(y_true, source)
    )
    values = base.call(y_true, y_pred_cast)
    weights = mixture.shares.weights[:, source]
    if len(values.shape) == 0:
        return _whole_batch(mixture, values, weights, sample_weight), None, None
    if sample_weight is None:
        weights = portable.beside(weights, values)
    else:
        of_source = mixture.of_source(ops.convert_to_tensor(sample_weight), source)
        weights = portable.beside(weights, of_source) * ops.cast(of_source, weights.dtype)
    mask = masking.mask_of(y_pred)
    if mask is not None:
        mask = mixture.of_source(mixture.unmixed(mask), source)
    # What the loss itself leaves out, such as `ignore_class`.
    own = masking.mask_of(values)
    if own is not None:
        mask = own if mask is None else ops.logical_and(own, mask)
    return values, weights, mask


def _labels(base, labels, y_pred):
    """Labels in the dtype of the loss; class ids that it could not hold stay integers."""
    classes = y_pred.shape[-1]
    rounded = not is_float(labels) and packed.rounds(base.dtype, classes)
    if rounded and criteria.takes_class_ids(base, classes):
        return ops.cast(labels, "int32")
    return ops.convert_to_tensor(labels, dtype=base.dtype)


def _whole_batch(mixture, value, weights, sample_weight):
    if mixture.per != "batch" or sample_weight is not None:
        checks.refuse(
            mixture.owner,
            "a loss that is one number for the whole batch cannot be weighted sample by sample",
            "a loss without an axis of samples",
            'Return one loss for each sample, or mix with per="batch" and no sample weights.',
        )
    return value * ops.cast(weights[0], value.dtype)


def _reduced(base, values, weights, mask):
    if len(values.shape) == 0:
        return values
    values = ops.cast(values, base.dtype)
    if mask is not None:
        masking.set_mask(values, mask)
    return reduced(values, weights, base.reduction)


def _of_mixed_targets(mixture, base, y_true, y_pred, sample_weight):
    for tensor in keras.tree.flatten(y_true):
        if not is_float(tensor):
            checks.refuse(
                mixture.owner,
                'loss="mixed_targets" blends labels, which integers cannot be',
                checks.described(tensor),
                'One-hot encode them as floats, or take loss="sources".',
            )
    return base(mixture.blended(y_true), y_pred, mixture.blended(sample_weight))


def _taken(structure, index):
    return _mapped(lambda tensor: ops.take(tensor, index, axis=0), structure)


def _mapped(function, structure):
    """The function of each tensor; None, where an output has no label or weight, stays."""
    return keras.tree.map_structure(lambda t: None if t is None else function(t), structure)


def _check(mixture, base, y_true, sample_weight):
    if type(base).__call__ is not keras.losses.Loss.__call__:
        checks.refuse(
            mixture.owner,
            "a loss is mixed by its `call`, and its own `__call__` would not be used",
            type(base).__name__,
            "Move what it does into `call`.",
        )
    if any(tensor is None for tensor in keras.tree.flatten(y_true)):
        checks.refuse(mixture.owner, "there must be labels to mix", "y=None")
    _check_batch(mixture, "label", y_true)
    _check_batch(mixture, "sample weight", sample_weight)


def _check_batch(mixture, name, structure):
    size = mixture.shares.sources.shape[0]
    for tensor in keras.tree.flatten(structure):
        if tensor is not None and None not in (size, tensor.shape[0]) and size != tensor.shape[0]:
            checks.refuse(
                mixture.owner,
                f"there must be a {name} for each sample",
                f"{tensor.shape[0]} {name}s beside {size} samples",
            )
