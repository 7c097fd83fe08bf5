"""How the labels of a batch are mixed, known to its losses and metrics."""

import functools
import threading
from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core import checks, keras_compat, leaf_names
from keras_mix._core.ops import target_portions
from keras_mix._core.ops.tensors import is_of_samples, over
from keras_mix.models._points.inputs import paths
from keras_mix.models._targets import grid_alignment, keras_losses


class _Thread(threading.local):
    mixture = None


# `.mixture` is that of the innermost context of this thread, or None.
CURRENT = _Thread()


class Drawn(NamedTuple):
    """What was drawn at one mix point of a model.

    Attributes:
        blend: The mix point's `Blend` or `ByMixer`.
        plan: What it has drawn.
        grid: The `target_portions.Grid` of the plan's region, or None.
    """

    blend: object
    plan: object
    grid: object


class Mixture:
    """How the labels of a batch are mixed, a context for losses.

    Args:
        choices: The model's `Choices`.
        drawn: A list of `Drawn`, one for each mix point.
        choice: int32 scalar, the index of the mix point that is mixed; None if there is one.
        plan: `BlendPlan`, the sources and weights of the mix point that is mixed.
        kinds: Dict, `kinds` of the wrapper.
        unmixed_masks: {id of a mixed mask: the mask before}.
        by_map: `ByMap`, the weights of labels by a map of the forward pass, or None.

    Attributes:
        y: The targets, in the structure by whose keys `kinds` may name them.
        objective: The loss of one output, as `MixingModel.objective`.
        needs_labels: Whether that loss reads labels.
        predicted: Function of a prediction: the one for the mixed samples.
    """

    def __init__(self, choices, drawn, choice, plan, kinds, unmixed_masks, by_map=None):
        self.owner = choices.owner
        # A map has weights of its own for each sample.
        self.per = choices.per if by_map is None else "sample"
        self.smoothing = choices.smoothing
        self.drawn = drawn
        self.choice = choice
        self.by_map = by_map
        if by_map is not None and not by_map.progressive:
            plan = by_map.plan(plan, by_map.trust)
        self.plan = plan
        self.kinds = kinds
        self.unmixed_masks = unmixed_masks
        self.y = None
        self.objective = None
        self.needs_labels = True
        self.predicted = _itself
        self._targets = {}
        self._companions = {}

    def __enter__(self):
        self.outer, CURRENT.mixture = CURRENT.mixture, self

    def __exit__(self, *error):
        CURRENT.mixture = self.outer

    def loss_of(self, loss):
        """The loss, as it reads the labels of this mixture."""
        return loss

    def finish(self):
        """Ends a step, after its losses and metrics."""

    def target(self, y_true, y_pred, loss=None):
        """The `Target` of a tensor of labels, or of None, and the prediction for it.

        A loss asks first, and says how it reads labels; metrics get the same `Target`.
        """
        if id(y_true) not in self._targets:
            cut = any(drawn.grid is not None for drawn in self.drawn)
            whole = not cut or y_true is None or keras.tree.is_nested(y_true)
            fits = [None] * len(self.drawn) if whole else self._fits(y_true, y_pred, loss)
            plan = self._plan_of(y_true, y_pred, loss, fits)
            self._targets[id(y_true)] = Target(self, y_true, fits, plan)
        return self._targets[id(y_true)]

    def _plan_of(self, y_true, y_pred, loss, fits):
        """The sources and weights of a target that belongs to whole samples."""
        whole = all(fit is None for fit in fits)
        if self.by_map is None or not self.by_map.progressive or loss is None or not whole:
            return self.plan
        y_pred = self.predicted(y_pred)
        return self.by_map.plan_by(self.plan, self.owner, y_true, y_pred, loss, self.smoothing)

    def check_by_map(self):
        """Refuses a map where every target lies on the grid, and so none belongs to a sample."""
        fits = [target.fit for target in self._targets.values()]
        if self.by_map is not None and fits and None not in fits:
            checks.refuse(
                self.owner,
                "`weigh_labels` weighs labels of whole samples",
                f"only targets on the grid that is cut, {self.drawn[0].grid.sizes}",
                "Leave it out: each position takes the label of its own source.",
            )

    def _fits(self, y_true, y_pred, loss):
        names = {id(target): path for path, target in paths("y", self.y)}
        name = names.get(id(y_true), "y")
        kind = leaf_names.entry(self.kinds, name)
        y_pred = None if keras.tree.is_nested(y_pred) else y_pred
        of_classes = keras_losses.reads_classes(loss)
        return [
            grid_alignment.fit_of_target(
                self.owner, name, y_true, y_pred, drawn.grid, kind, of_classes
            )
            for drawn in self.drawn
        ]

    def accompany(self, predictions, companions):
        """Lays another tensor beside each prediction, for the loss of that output.

        Args:
            predictions: A structure of tensors.
            companions: The same structure.
        """
        pairs = zip(*map(keras.tree.flatten, (predictions, companions)), strict=True)
        # The prediction itself is kept, so that its id stays its own.
        self._companions |= {id(prediction): (prediction, other) for prediction, other in pairs}

    def companion(self, predictions):
        """What lies beside the predictions of an output."""
        return keras.tree.map_structure(lambda each: self._companions[id(each)][1], predictions)

    def position(self, prediction):
        """The number of a prediction among those that others lie beside."""
        return list(self._companions).index(id(prediction))

    def unmixed(self, mask):
        """The mask that a mask of predictions was before it was mixed, if it was."""
        return self.unmixed_masks.get(id(mask), mask)

    def measured(self, y, y_pred, sample_weight):
        """What metrics see: the labels, weights and masks of the dominant sources.

        Returns:
            Labels, predictions without a gradient, and sample weights.
        """
        labels, weights, targets = [], [], {}
        for label, prediction, weight in _paired(y, y_pred, sample_weight):
            target = None if label is None else self.target(label, prediction)
            targets[id(prediction)] = target
            labels.append(target and target.dominant())
            if sample_weight is not None:
                weights.append(target and target.dominant_beside("sample weight", weight))
        return (
            keras.tree.pack_sequence_as(y, labels),
            keras.tree.map_structure(lambda p: self._fixed(p, targets.get(id(p))), y_pred),
            None if sample_weight is None else keras.tree.pack_sequence_as(y, weights),
        )

    def _fixed(self, prediction, target):
        fixed, mask = ops.stop_gradient(prediction), keras_compat.mask_of(prediction)
        if mask is not None and target is not None:
            keras_compat.set_mask(fixed, target.dominant_beside("mask", self.unmixed(mask)))
        return fixed


class Target:
    """One target of a batch, and what lies beside it.

    Args:
        mixture: The `Mixture`.
        labels: The tensor of labels, or a structure of them that belong to whole samples.
        fits: How the labels lie on the grid of each mix point, a list of `Fit` or None.
        plan: `BlendPlan`, the sources and weights of labels that belong to whole samples.
    """

    def __init__(self, mixture, labels, fits, plan):
        self.mixture = mixture
        self.labels = labels
        self.fits = fits
        self.plan = plan
        self.fit = next((fit for fit in fits if fit is not None), None)

    def portions(self):
        """The portions of the labels: a list of (labels, weight), as `Portion` has them."""
        if not keras.tree.is_nested(self.labels):
            return self._portions(self.labels, self.fits)
        leaves = keras.tree.flatten(self.labels)
        columns = zip(*(self._portions(leaf, self.fits) for leaf in leaves), strict=True)
        return [
            target_portions.Portion(
                keras.tree.pack_sequence_as(self.labels, [p.value for p in column]),
                column[0].weight,
            )
            for column in columns
        ]

    def beside(self, name, tensor):
        """The portions of sample weights or of a mask, taken as the labels are.

        Args:
            name: "sample weight" or "mask", for messages.
            tensor: `(B,)`, or on the grid of the labels.
        """
        tensor = ops.convert_to_tensor(tensor)
        if self.fit is not None and is_of_samples(tensor.shape):
            tensor = self._spread(tensor)
            fits = self.fits
        else:
            fits = [
                grid_alignment.fit_beside(self.mixture.owner, name, tensor, drawn.grid, fit)
                for drawn, fit in zip(self.mixture.drawn, self.fits, strict=True)
            ]
        return self._portions(tensor, fits)

    def dominant(self):
        """The labels of the dominant source of each position."""
        if self.fit is None:
            return ops.take(self.labels, self._dominant_sources, axis=0)
        return target_portions.dominant(self._portions(self.labels, self.fits))

    def dominant_beside(self, name, tensor):
        """The sample weights or the mask of the dominant source of each position."""
        if tensor is None:
            return None
        if self.fit is None:
            return ops.take(tensor, self._dominant_sources, axis=0)
        return target_portions.dominant(self.beside(name, tensor))

    @functools.cached_property
    def _dominant_sources(self):
        """int32 `(B,)`, the source of the largest weight; the sample itself where two are equal."""
        best = ops.argmax(self.plan.weights, axis=1)
        return ops.take_along_axis(self.plan.sources, best[:, None], axis=1)[:, 0]

    def _portions(self, tensor, fits):
        tensor, mixture = ops.convert_to_tensor(tensor), self.mixture
        if self.fit is None:
            return target_portions.of_samples(tensor, self.plan.sources, self.plan.weights)
        found = [
            drawn.blend.portions(drawn.plan, tensor, fit)
            for drawn, fit in zip(mixture.drawn, fits, strict=True)
        ]
        return target_portions.choose(mixture.choice, found, tensor)

    def _spread(self, tensor):
        """One number for each sample at each position of the labels' grid."""
        last = self.fit.axes[-1]
        shape = ops.shape(self.labels)
        sizes = [size if axis <= last else 1 for axis, size in enumerate(shape)]
        return ops.broadcast_to(over(ops.reshape(tensor, [-1]), self.labels), sizes)


def _itself(prediction):
    return prediction


def _paired(y, y_pred, sample_weight):
    """(labels, prediction, sample weights) of each output, as far as the structures tell."""
    labels = keras.tree.flatten_with_path(y)
    predictions = keras.tree.flatten_with_path(y_pred)
    if len(labels) == len(predictions):
        by_path = {path: p for (path, _), (_, p) in zip(labels, predictions, strict=True)}
    else:
        by_path = dict(predictions)
    weights = keras.tree.flatten(sample_weight)
    if len(weights) != len(labels):
        weights = [weights[0]] * len(labels)
    return [
        (label, by_path.get(path), weight)
        for (path, label), weight in zip(labels, weights, strict=True)
    ]
