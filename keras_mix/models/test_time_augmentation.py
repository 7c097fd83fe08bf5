"""TestTimeAugmentation."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import known_logits
from keras_mix._core.ops.tensors import is_float
from keras_mix._core.options import argument_errors, keywords
from keras_mix._core.options.config import saved
from keras_mix._core.options.signatures import FullSignature
from keras_mix.models._forward import blends
from keras_mix.models._forward.aside import outputs_without_losses
from keras_mix.models._forward.trained_base import train_base_alone
from keras_mix.models._options import teacher_checks

AGGREGATES = ("mean", "geometric_mean")

Function: TypeAlias = Callable[[Any], Any]
Augmentation: TypeAlias = keras.layers.Layer | Function | None


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
@train_base_alone
class TestTimeAugmentation(keras.Model):
    """Averages the predictions of a model over augmented views of each input.

    `predict`, `evaluate` and calls with `training=False` pass every view of a batch through the
    model and average its outputs, in one compiled step. `fit` trains the model on the inputs as
    they are, and no weights of augmentations. A prediction costs one pass for each view. Losses
    that layers add count once, for the first view. Where outputs have masks, as those of padded
    sequences, a position counts if the masks of all views count it.

    Some of Keras's random layers, such as RandomRotation, do not compile by XLA: with them a model
    runs without a compiled step on JAX.

    Args:
        model: Keras model, of any type.
        augmentations: List of views. Each is a Keras layer, called with `training=True`; a function
            of the inputs; or None, the inputs as they are. Where outputs follow the pixels of the
            inputs, as masks do, a pair (augmentation, inverse), of which the inverse is applied to
            the outputs, and to their masks. Functions are saved by name: register them with
            `keras.saving.register_keras_serializable`. Required.
        n: Integer ≥ 1. Number of draws of each random view: of functions, and of layers that hold a
            state of random numbers. Other layers and None count once. Defaults to 1.
        aggregate: "mean" of the outputs as they are, or "geometric_mean" of probabilities,
            normalized along the last axis. Each unit of a sigmoid layer, and a single output, is
            the probability of one of two classes, and is normalized with that of the other. The
            mean of logits amounts to the geometric mean of their probabilities. Defaults to "mean".
        seed: Integer. With a seed, all layers draw the same numbers in every call, so that
            predictions are reproducible. Functions draw as they are written. Defaults to None: each
            call draws anew.
        name: String. Name of the model. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy. Defaults to None: that of `model`.
        **kwargs: Other arguments of `keras.Model`.

    Attributes:
        base: The model.

    Raises:
        ValueError: If the model or an augmentation is none; if an augmentation mixes samples; if
            `n` or `seed` has no effect; if outputs are not floats; or if a geometric mean is one of
            logits.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...     keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> views = [None, keras.layers.RandomTranslation(0.1, 0.1)]
    >>> model = keras_mix.models.TestTimeAugmentation(base, augmentations=views, n=4, seed=1)
    >>> model.predict(np.random.rand(16, 8, 8, 1), verbose=0).shape
    (16, 3)

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks",
        NeurIPS 2012, section 4.1: the mean over five crops and their reflections.
    """

    # pytest takes classes of this name for tests.
    __test__ = False

    __signature__ = FullSignature({})

    def __new__(cls, *args, **kwargs):
        keywords.refuse_positional(cls, args)
        keywords.refuse_missing(cls, args, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        model: keras.Model,
        *,
        augmentations: Sequence[Augmentation | tuple[Augmentation, Function]],
        n: int = 1,
        aggregate: Literal["mean", "geometric_mean"] = "mean",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        keywords.check(type(self), kwargs)
        checks.instance(self.owner, "model", model)
        if not isinstance(model, keras.Model):
            checks.refuse(self.owner, "the base must be a Keras model", repr(model))
        dtype = model.dtype_policy if dtype is None else dtype
        super().__init__(autocast=False, name=name, dtype=dtype, **kwargs)
        self.base = model
        pairs = [_pair(self.owner, entry) for entry in _listed(self.owner, augmentations)]
        self.augmentations, self.inverses = (list(column) for column in zip(*pairs, strict=True))
        self.n = checks.integer("n", n, low=1)
        self.aggregate = checks.choice("aggregate", aggregate, AGGREGATES)
        self.seed = checks.integer("seed", seed, optional=True)
        self._check_effects()
        self._heads()
        self._input_specs: Any = None
        self.built = model.built

    @property
    def owner(self) -> str:
        """The name that error messages begin with."""
        return type(self).__name__

    @property
    def output_names(self) -> list[str]:
        """The base model's output names, which can be the keys of losses."""
        return self.base.output_names

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The mean of the base model's outputs for all views; in training, those of the inputs."""
        if training:
            return self.base(inputs, training=training)
        self._input_specs = keras.tree.map_structure(_spec, inputs)
        (first, inverse), *others = self._views(inputs)
        outputs = [
            _turned_back(
                outputs_without_losses(
                    self.base, view, training=False, kept=self.base.non_trainable_variables
                ),
                turn,
            )
            for view, turn in others
        ]
        # The last call, since on JAX each call of the base drops the losses of earlier ones.
        outputs.insert(0, _turned_back(self.base(first, training=False), inverse))
        flat = zip(*map(keras.tree.flatten, outputs), strict=True)
        means = map(self._aggregated, self._heads(), flat)
        return keras.tree.pack_sequence_as(outputs[0], list(means))

    def export(self, *args, **kwargs):
        """Exports the model with its views, as Keras does.

        The exported model takes inputs of the shapes of the last prediction; before the first one,
        of the base's. Other shapes are given as `input_signature`.
        """
        graph, specs = keras_compat.graph_of(self.base), self._input_specs
        if specs is None and graph is not None:
            specs = keras.tree.map_structure(_spec, graph.input)
        if specs is not None:
            # Of a wrapper Keras does not know the inputs.
            kwargs.setdefault("input_signature", [specs])
        return super().export(*args, **kwargs)

    def get_config(self):
        pairs = zip(self.augmentations, self.inverses, strict=True)
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "model": saved(self.base),
            "augmentations": [[saved(each) for each in pair] for pair in pairs],
            "n": self.n,
            "aggregate": self.aggregate,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        def load(saved):
            if saved is None:
                return None
            return keras.saving.deserialize_keras_object(saved, custom_objects=custom_objects)

        pairs = [tuple(load(each) for each in pair) for pair in config["augmentations"]]
        return cls(**{**config, "model": load(config["model"]), "augmentations": pairs})

    def _states(self):
        """The states of random numbers of all layers."""
        layers = filter(_is_layer, self.augmentations)
        return [state for layer in layers for state in keras_compat.seed_states(layer)]

    def _views(self, inputs):
        """(view, its inverse) of all views."""
        fixed = contextlib.nullcontext()
        if self.seed is not None:
            values = [
                (state, ops.convert_to_tensor([self.seed % 2**31, number], state.dtype))
                for number, state in enumerate(self._states())
            ]
            # Draws go on within the call, and start again at the next.
            fixed = keras.StatelessScope(state_mapping=values)
        with fixed:
            return [
                (_view(augmentation, inputs), inverse)
                for augmentation, inverse in zip(self.augmentations, self.inverses, strict=True)
                for _ in range(self.n if _draws(augmentation) else 1)
            ]

    def _heads(self):
        """What is known of the outputs, in their order; refuses logits for a geometric mean."""
        heads = teacher_checks.heads_of(self.base) or []
        for head in heads:
            if self.aggregate == "geometric_mean" and head.logits:
                checks.refuse(
                    self.owner,
                    "the geometric mean is one of probabilities",
                    f"aggregate='geometric_mean' for outputs of {head.layer!r}, whose activation "
                    f"is {head.activation}",
                    "Pass aggregate='mean': the mean of logits amounts to it.",
                )
        return itertools.chain(heads, itertools.repeat(teacher_checks.Head(self.base.name)))

    def _aggregated(self, head, outputs):
        """One output of all views, in its own dtype."""
        if not is_float(outputs[0]):
            checks.refuse(
                self.owner,
                "outputs must be floats, of which there is a mean",
                checks.described(outputs[0]),
                "Let the base return the probabilities.",
            )
        stacked = ops.stack([ops.cast(output, "float32") for output in outputs])
        if self.aggregate == "geometric_mean":
            of_two = head.activation == "sigmoid" or known_logits.is_one_unit(outputs[0])
            mean = _geometric_mean(stacked, of_two)
        else:
            mean = ops.mean(stacked, axis=0)
        found = ops.cast(mean, outputs[0].dtype)
        known_logits.tell(found, lambda: self._logits(found, outputs))
        masks = [mask for mask in map(keras_compat.mask_of, outputs) if mask is not None]
        if masks:
            # The mean is of valid values only where each view has one.
            keras_compat.set_mask(found, functools.reduce(ops.logical_and, masks))
        return found

    def _logits(self, found, outputs):
        """The logits of the mean of outputs; None if those of one are unknown."""
        known = list(map(known_logits.log_probabilities, outputs))
        if any(each is None for each in known):
            return None
        mean = ops.mean if self.aggregate == "geometric_mean" else ops.logsumexp
        return known_logits.in_shape_of(found, mean(ops.stack(known), axis=0))

    def _check_effects(self):
        if self.n > 1 and not any(map(_draws, self.augmentations)):
            checks.refuse(
                self.owner,
                "`n` is the number of views that a random augmentation draws",
                f"n={self.n} for {self.augmentations}, none of which is random",
                "Leave it out.",
            )
        if self.seed is not None and not self._states():
            checks.refuse(
                self.owner,
                "`seed` fixes what Keras layers draw",
                f"seed={self.seed} for {self.augmentations}, no layer of which draws",
                "Leave it out.",
            )


def _listed(owner, augmentations):
    if not isinstance(augmentations, list | tuple) or not augmentations:
        checks.refuse(
            owner,
            "`augmentations` must be a list of at least one layer, function or None",
            f"augmentations={augmentations!r}",
        )
    return augmentations


def _pair(owner, entry):
    """(augmentation, inverse or None)."""
    pair = tuple(entry) if isinstance(entry, list | tuple) else (entry, None)
    if len(pair) != 2 or not all(each is None or callable(each) for each in pair):
        checks.refuse(
            owner,
            "each of `augmentations` must be a layer, a function, None, or a pair "
            "(augmentation, inverse)",
            repr(entry),
        )
    for each in pair:
        checks.instance(owner, "augmentations", each)
        if blends.changes_labels(each):
            checks.refuse(
                owner,
                "an augmentation must not mix samples, since each is predicted for itself",
                repr(each),
                "Mix in training: keras_mix.models.MixingModel.",
            )
    return pair


def _is_layer(augmentation):
    return isinstance(augmentation, keras.layers.Layer)


def _draws(augmentation):
    """Whether an augmentation may give another view each time."""
    if _is_layer(augmentation):
        return bool(keras_compat.seed_states(augmentation))
    return augmentation is not None


def _view(augmentation, inputs):
    if augmentation is None:
        return inputs
    return augmentation(inputs, **({"training": True} if _is_layer(augmentation) else {}))


def _spec(tensor):
    """What stands for a tensor in the signature of an exported model."""
    return keras.InputSpec(
        dtype=keras.backend.standardize_dtype(tensor.dtype), shape=(None, *tensor.shape[1:])
    )


def _turned_back(outputs, inverse):
    """The outputs of a view after its inverse, and with them their masks."""
    if inverse is None:
        return outputs
    given, found = keras.tree.flatten(outputs), inverse(outputs)
    masks = [keras_compat.mask_of(output) for output in given]
    turned = keras.tree.flatten(found)
    kept = any(keras_compat.mask_of(output) is not None for output in turned)
    if kept or all(mask is None for mask in masks):
        return found
    # An inverse moves positions, and so the positions that a mask counts.
    spread = [_spread(mask, output) for mask, output in zip(masks, given, strict=True)]
    moved = keras.tree.flatten(inverse(keras.tree.pack_sequence_as(outputs, spread)))
    rank = max(len(mask.shape) for mask in masks if mask is not None)
    for output, mask in zip(turned, moved, strict=True):
        axes = tuple(range(rank, len(mask.shape)))
        keras_compat.set_mask(output, ops.min(mask, axis=axes) > 0.5)
    return found


def _spread(mask, output):
    """A mask as floats of the shape of an output; 1 if it has none."""
    if mask is None:
        return ops.ones_like(output)
    while len(mask.shape) < len(output.shape):
        mask = mask[..., None]
    return ops.broadcast_to(ops.cast(mask, output.dtype), ops.shape(output))


def _geometric_mean(stacked, of_two):
    """The geometric mean of probabilities over the first axis, normalized.

    Args:
        stacked: Floats `(views, B, …)`.
        of_two: Whether each is the probability of one of two classes; else the last axis is one of
            classes.
    """
    epsilon = keras.config.epsilon()
    clipped = ops.clip(stacked, epsilon, 1.0 - epsilon)
    if of_two:
        return ops.sigmoid(ops.mean(ops.log(clipped) - ops.log1p(-clipped), axis=0))
    return ops.softmax(ops.mean(ops.log(clipped), axis=0), axis=-1)
