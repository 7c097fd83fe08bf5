"""FeatureMix."""

from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks, concentration
from keras_mix._core.draw import random
from keras_mix._core.ops import class_ids, mixup, modalities
from keras_mix._core.ops.tensors import EXACT, differ, is_column, is_float, over
from keras_mix._core.options import argument_errors, keywords
from keras_mix._core.options.config import config_of
from keras_mix._core.options.layer_repr import layer_repr


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class FeatureMix(keras.layers.Layer):
    """Blends the features of two modalities across samples, in their shared space.

    In training, each feature is blended with its partner's feature of the other modality: image_i
    becomes λ image_i + (1 - λ) text_j, and text_i becomes λ text_i + (1 - λ) image_j. Both results
    have the weight λ of sample i and 1 - λ of sample j, so one label belongs to both: λ y_i + (1 -
    λ) y_j. λ is drawn from Beta(α, α). Outside training, features are unchanged and labels have the
    same form as in training.

    Both features must have the same shape, so project each modality first. Keras masks are not
    passed on, so pool padded modalities first. The layer runs on any Keras backend, with the draws
    of `keras_mix.models`.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ from Beta(a, b). 0 mixes nothing. Defaults to 2.0, the choice of Manifold Mixup
            for hidden states on CIFAR (section 5.1).
        keep_major: Boolean. Whether the larger of λ and 1 - λ becomes the weight of the sample
            itself, as in `keras_mix.layers.MixUp`. Defaults to False.
        pairing: `"shuffle"`, `"derange"`, `"reverse"` or `"roll"`. How partners are drawn, as in
            `keras_mix.layers.MixUp`. Defaults to `"shuffle"`.
        per: `"sample"` or `"batch"`. Whether λ is drawn for each sample or once for the batch.
            Defaults to `"sample"`.
        rate: Float in [0, 1]. Probability that a sample is mixed, or the batch if `per="batch"`.
            Defaults to 1.
        num_classes: Integer ≥ 2. Number of classes, to one-hot encode class ids. Defaults to None:
            class ids are packed, float32 `(B, 2, S)`, for `keras_mix.losses.MixedLoss`.
        seed: Integer. Seed of the sequence of draws. Defaults to None: random.
        **kwargs: Keras's layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Dict or list of two float tensors of one shape, `(B, D)` or `(B, T, D)`.
        labels: Integers `(B,)` or `(B, 1)`, class ids; or floats `(B, …)`, which are blended. If
            None, the features alone are returned, which training allows only with a `plan`.
        plan: Pair of sources `(B, S)` and weights `(B, S)`, or an object with these attributes,
            such as a `keras_mix.plans.Plan` without a region. Defaults to None: the layer draws a
            plan.
        training: Boolean. Whether to mix. Defaults to False outside a model in training, as in
            Keras.

    Returns:
        The features in the structure of the inputs; with labels, a tuple (features, labels).

    Raises:
        ValueError: If an argument is out of range; if there are not exactly two modalities, of
            equal shape and float dtype; if batch sizes differ; if labels are missing in training;
            for class ids out of range, where values are known (in a graph or a compiled step such
            an id becomes a label of zeros); or for float labels `(B,)` or `(B, 1)` together with
            `num_classes`.

    Example:

    >>> mix = keras_mix.layers.FeatureMix(alpha=2.0, num_classes=10)
    >>> image, text = np.random.rand(2, 8, 16).astype("float32")
    >>> (image, text), labels = mix([image, text], np.arange(8), training=True)
    >>> tuple(labels.shape)
    (8, 10)

    Reference:
        Verma et al., "Manifold Mixup: Better Representations by Interpolating Hidden States", ICML
        2019, arXiv:1806.05236, section 2, for mixing hidden states. Mixing across modalities is a
        choice made here; it follows no paper.
    """

    def __init__(
        self,
        alpha: float | tuple[float, float] = 2.0,
        *,
        keep_major: bool = False,
        pairing: Literal["shuffle", "derange", "reverse", "roll"] = "shuffle",
        per: Literal["sample", "batch"] = "sample",
        rate: float = 1.0,
        num_classes: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        keywords.check(type(self), kwargs)
        # Autocast would spoil labels and weights.
        super().__init__(autocast=False, **kwargs)
        self.alpha = concentration.check(alpha)
        self.keep_major = checks.boolean("keep_major", keep_major)
        self.pairing = checks.choice("pairing", pairing, checks.PAIRINGS)
        self.per = checks.choice("per", per, checks.PER)
        self.rate = checks.number("rate", rate, high=1.0)
        self.num_classes = checks.integer("num_classes", num_classes, low=2, optional=True)
        self.seed = checks.integer("seed", seed, optional=True)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    @property
    def owner(self) -> str:
        """The name that error messages begin with."""
        return type(self).__name__

    def call(
        self, inputs: Any, labels: Any = None, plan: Any = None, training: bool = False
    ) -> Any:
        keys, (first, second) = self._read(inputs)
        self._check_labels(labels, first)
        if training and labels is None and plan is None:
            checks.refuse(
                self.owner,
                "features cannot be mixed without their labels",
                "features alone, in training",
                "Call it on both: `features, labels = layer(features, labels)`; or pass the plan "
                "by which you mix the labels.",
            )
        plan = self._given(plan, first) if plan is not None else None
        if training and plan is None:
            plan = mixup.draw(
                random.begin(self.seed_generator),
                ops.shape(first)[0],
                self.rate,
                alpha=self.alpha,
                keep_major=self.keep_major,
                pairing=self.pairing,
                per=self.per,
            )
        if training:
            first, second = _crossed(first, second, plan), _crossed(second, first, plan)
        features = modalities.pack(inputs, keys, [first, second])
        if labels is None:
            return features
        return features, self._labels(labels, plan if training else None)

    def __repr__(self):
        return layer_repr(self)

    def get_config(self):
        return {**super().get_config(), **config_of(self)}

    def _read(self, inputs):
        keys, tensors = modalities.split(self.owner, inputs)
        if len(keys) != 2:
            checks.refuse(self.owner, "there must be two modalities", f"{len(keys)} of them")
        modalities.check_tensors(self.owner, keys, tensors)
        for key, tensor in zip(keys, tensors, strict=True):
            if not is_float(tensor):
                checks.reject(self.owner, key, "must hold floats", checks.described(tensor))
        shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
        if len(shapes[0]) != len(shapes[1]) or any(
            differ(*pair) for pair in zip(*shapes, strict=False)
        ):
            checks.refuse(
                self.owner,
                "the features of both modalities must have the same shape",
                f"{shapes[0]} and {shapes[1]}, without the batch",
                "Project each to a common width first, for example by a Dense layer.",
            )
        return keys, tensors

    def _check_labels(self, labels, first):
        if labels is None:
            return
        column = is_column(labels.shape)
        if len(labels.shape) == 0 or (not is_float(labels) and not column):
            checks.reject(
                self.owner,
                "labels",
                "must be class ids (B,) or (B, 1), or floats (B, …)",
                checks.described(labels),
                "One-hot encode labels with several class ids per sample.",
            )
        if self.num_classes is not None and is_float(labels) and column:
            checks.reject(
                self.owner,
                "labels",
                "must be integers to be one-hot encoded, or one-hot labels (B, K)",
                f"{checks.described(labels)} with num_classes={self.num_classes}",
                'Cast class ids, or declare `keras.Input((), dtype="int32")`. Omit `num_classes` '
                "if the labels are numbers.",
            )
        if not is_float(labels):
            self._check_ids(labels)
        modalities.check_tensors(self.owner, ["features", "labels"], [first, labels])

    def _check_ids(self, labels):
        """Refuses class ids that their label cannot hold, where values are known."""
        try:
            ids = ops.convert_to_numpy(labels)
        except (NotImplementedError, TypeError, RuntimeError):  # in a graph or a compiled step
            return
        lowest, highest, why = -EXACT["float32"], EXACT["float32"], "up to which float32 is exact"
        if self.num_classes is not None:
            lowest, highest = 0, self.num_classes - 1
            why = f"as num_classes={self.num_classes} says"
        if ids.size and (ids.min() < lowest or ids.max() > highest):
            checks.reject(
                self.owner,
                "labels",
                f"must be class ids from {lowest} to {highest}, {why}",
                f"values from {ids.min()} to {ids.max()}",
                "Renumber the classes from 0.",
            )

    def _given(self, plan, first):
        """The `BlendPlan` of a plan that the caller drew."""
        if getattr(plan, "region", None) is not None:
            checks.refuse(
                self.owner,
                "the plan must have no region, since features are blended by its weights alone",
                "a plan with a region",
                "Pass (plan.sources, plan.weights).",
            )
        sources = getattr(plan, "sources", None)
        sources, weights = tuple(plan)[:2] if sources is None else (sources, plan.weights)
        sources = ops.cast(ops.convert_to_tensor(sources), "int32")
        weights = ops.cast(ops.convert_to_tensor(weights), "float32")
        if len(sources.shape) != 2 or tuple(sources.shape) != tuple(weights.shape):
            checks.refuse(
                self.owner,
                "`plan` must hold sources (B, S) and weights (B, S)",
                f"shapes {tuple(sources.shape)} and {tuple(weights.shape)}",
            )
        modalities.check_tensors(self.owner, ["features", "plan"], [first, sources])
        return mixup.BlendPlan(sources, weights)

    def _labels(self, labels, plan):
        if is_float(labels):
            return labels if plan is None else mixup.blend(labels, plan)
        ids = ops.cast(ops.reshape(labels, [-1]), "int32")
        if self.num_classes is not None:
            one_hot = class_ids.one_hot(ids, self.num_classes)
            return one_hot if plan is None else mixup.blend(one_hot, plan)
        if plan is None:
            own = ops.arange(ops.shape(ids)[0], dtype="int32")
            plan = mixup.plan_of(own, ops.ones_like(own, dtype="float32"))
        ids = ops.cast(ops.take(ids, plan.sources, axis=0), "float32")
        return ops.stack([ids, plan.weights], axis=1)


def _crossed(own, other, plan):
    """Blends a feature with its partners' features of the other modality, by the plan's weights."""
    weights = ops.cast(ops.stop_gradient(plan.weights), "float32")
    mixed = ops.cast(own, "float32") * over(weights[:, 0], own)
    for source in range(1, plan.sources.shape[1]):
        share = over(weights[:, source], own)
        part = share * ops.cast(ops.take(other, plan.sources[:, source], axis=0), "float32")
        mixed = mixed + ops.where(share > 0, part, 0.0)
    return ops.cast(mixed, own.dtype)
