"""How labels are mixed with those of the previous batch, which have several classes."""

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops.target_portions import Portion
from keras_mix._core.ops.tensors import columns, is_column, is_float
from keras_mix.models._targets import keras_losses
from keras_mix.models._targets.mixture import Mixture

SAMPLES = "samples"


class RecursiveMixture(Mixture):
    """As `Mixture`; a source of a sample is a sample of the previous batch.

    Args:
        previous: A `PreviousBatch`.
        samples: The mixed samples, which are the next step's previous ones.
        *arguments: Those of `Mixture`.
    """

    def __init__(self, previous, samples, *arguments):
        super().__init__(*arguments)
        self.previous = previous
        self.samples = samples

    def target(self, y_true, y_pred, loss=None):
        if id(y_true) not in self._targets:
            number = [id(label) for label in keras.tree.flatten(self.y)].index(id(y_true))
            target = RecursiveTarget(self, y_true, y_pred, loss, number)
            self._targets[id(y_true)] = target
        return self._targets[id(y_true)]

    def loss_of(self, loss):
        """The loss of rows, since previous labels are no class ids."""
        return of_rows(self.owner, loss)

    def finish(self):
        kept = {SAMPLES: self.samples}
        for target in self._targets.values():
            kept |= target.kept()
        self.previous.keep(kept)


class RecursiveTarget:
    """One target of a batch, as `Target`; labels belong to whole samples.

    Args:
        mixture: The `RecursiveMixture`.
        labels: The tensor of labels.
        prediction: The model's output for them.
        loss: The Keras loss, which says how labels are read.
        number: The number of the target among all.
    """

    fit = None

    def __init__(self, mixture, labels, prediction, loss, number):
        self.mixture = mixture
        self.labels = labels
        self.number = number
        self.rows = rows_of(mixture.owner, labels, prediction, loss)
        self._weights = ops.ones_like(self.rows[:, 0] if len(self.rows.shape) > 1 else self.rows)
        prepare_labels(mixture.previous, number, labels, prediction)
        self._partners = self._of_partners(("labels", number), self.rows)

    def portions(self):
        weights = columns(self.mixture.plan.weights, self.rows)
        return [Portion(self.rows, weights[0]), Portion(self._partners, weights[1])]

    def beside(self, name, tensor):
        if name != "sample weight":
            self._refuse(f"a {name} of predictions")
        if not is_column(tensor.shape):
            self._refuse(f"sample weights of shape {tuple(tensor.shape)}")
        self._weights = ops.reshape(ops.cast(ops.convert_to_tensor(tensor), "float32"), [-1])
        return self._portions_of_weights()

    def dominant(self):
        """The labels of the samples, or the previous ones where these have the larger weight."""
        partners = self._partners
        if self.rows.shape[-1] != self.labels.shape[-1] or len(self.labels.shape) == 1:
            partners = ops.reshape(ops.argmax(partners, axis=-1), ops.shape(self.labels))
        return self._of_larger(self.labels, ops.cast(partners, self.labels.dtype))

    def dominant_beside(self, name, tensor):
        if tensor is None:
            return None
        own, partners = self.beside(name, tensor)
        return ops.reshape(self._of_larger(own.value, partners.value), ops.shape(tensor))

    def kept(self):
        """What the next step needs of this one: the mixed labels and sample weights."""
        return {
            ("labels", self.number): _mixed(self.portions()),
            ("sample weights", self.number): _mixed(self._portions_of_weights()),
        }

    def _portions_of_weights(self):
        values = self._weights, self._of_partners(("sample weights", self.number), self._weights)
        weights = ops.unstack(self.mixture.plan.weights, axis=1)
        return [Portion(*portion) for portion in zip(values, weights, strict=True)]

    def _of_partners(self, key, own):
        plan = self.mixture.plan
        # A source of weight 0 is replaced by the sample itself, as in `of_samples`.
        sources = ops.where(plan.weights > 0, plan.sources, plan.sources[:, :1])
        return ops.take(self.mixture.previous.pool(key, own), sources[:, 1], axis=0)

    def _of_larger(self, own, partners):
        first, second = columns(self.mixture.plan.weights, own)
        return ops.where(first >= second, own, partners)

    def _refuse(self, received):
        _refuse_other_labels(self.mixture.owner, received)


def prepare_labels(previous, number, labels, prediction):
    """Makes room for the labels of an output, and for sample weights, which may come later.

    A step that is compiled makes no room later.

    Args:
        previous: A `PreviousBatch`.
        number: The number of the output.
        labels: Its labels; a shape is enough.
        prediction: Its prediction; a shape is enough.
    """
    size, *sizes = labels.shape
    if is_column(labels.shape) and prediction.shape[-1] > 1:
        sizes = prediction.shape[-1:]
    previous.prepare(("labels", number), (size, *sizes))
    previous.prepare(("sample weights", number), (size,))


def rows_of(owner, labels, prediction, loss):
    """Labels as float32 rows, which can hold several classes.

    Class ids are one-hot encoded where the loss is known to read them.
    """
    if keras.tree.is_nested(labels):
        _refuse_other_labels(owner, "several labels of one output")
    if len(labels.shape) > 2:
        _refuse_other_labels(owner, checks.described(labels))
    ids = is_column(labels.shape) and (
        keras_losses.reads_ids(loss)
        or (getattr(loss, "reads_mixtures", False) and prediction.shape[-1] > 1)
    )
    if ids:
        flat = ops.cast(ops.reshape(labels, [-1]), "int32")
        return ops.one_hot(flat, prediction.shape[-1], dtype="float32")
    numbers = is_float(labels) or keras_losses.reads_indicators(loss)
    if is_column(labels.shape) and not numbers:
        checks.refuse(
            owner,
            "class ids of the previous batch are carried as rows, for Keras's sparse cross-entropy "
            "alone",
            f"{checks.described(labels)} for the loss {getattr(loss, 'name', loss)!r}",
            "One-hot encode the labels.",
        )
    return ops.cast(labels, "float32")


def of_rows(owner, loss):
    """A loss of class ids as the same loss of rows; any other as it is."""
    if not keras_losses.reads_ids(loss):
        return loss
    options = keras_compat.options_of(loss)
    if options.get("ignore_class") is not None:
        checks.refuse(
            owner,
            "classes of the previous batch cannot be ignored",
            f"ignore_class={options['ignore_class']}",
            "Give such samples a sample weight of 0.",
        )
    return keras.losses.CategoricalCrossentropy(
        from_logits=options.get("from_logits", False),
        axis=options.get("axis", -1),
        reduction=loss.reduction,
        name=loss.name,
        dtype=loss.dtype,
    )


def _mixed(portions):
    return sum(ops.cast(portion.weight, "float32") * portion.value for portion in portions)


def _refuse_other_labels(owner, received):
    checks.refuse(
        owner,
        "a model that mixes with the previous batch takes labels of whole samples, (B,) or (B, K)",
        received,
        "Mix masks and other labels in the dataset: keras_mix.data.mix(dataset, mixer).",
    )
