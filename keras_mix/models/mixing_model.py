"""MixingModel."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras

from keras_mix._core import checks, keras_compat
from keras_mix._core.draw import random
from keras_mix._core.options import argument_errors, call_repr, keywords
from keras_mix._core.options.config import saved
from keras_mix._core.options.signatures import FullSignature, documented
from keras_mix._core.options.signatures import arguments as arguments_of
from keras_mix.models._forward import label_map
from keras_mix.models._forward.forward_pass import ForwardPass
from keras_mix.models._forward.tracking import Hooks
from keras_mix.models._options import arguments
from keras_mix.models._options.dials import Dials
from keras_mix.models._options.mix_point_choices import Choices, at_positions
from keras_mix.models._options.model_with_dials import ModelWithDials
from keras_mix.models._points.inputs import INPUT
from keras_mix.models._targets.label_forms import LabelForms
from keras_mix.models._targets.loss import LOSS_MODES, LossOfSources
from keras_mix.models.attention_weights import AttentionWeights
from keras_mix.models.feature_weights import FeatureWeights

if TYPE_CHECKING:  # Mixers import TensorFlow, which models do without.
    from keras_mix.layers import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class MixingModel(ModelWithDials):
    """Trains a model on mixtures that are drawn and mixed inside the train step.

    `fit` trains the wrapped model, whatever its type, on its own labels: integers, one-hot rows,
    several heads. Each batch draws one of the mix points and is mixed there. The loss is
    Σ_s weight_s · loss(label_s, prediction) over the sources of each sample, each with its own
    sample weight and class weight. Everything runs on the device and compiles with the step.
    `evaluate`, `predict` and `model.base` use the wrapped model unchanged.

    In training, compiled metrics see the label of each sample's dominant source, so that an
    accuracy is meaningful. Regularizers and `add_loss` count once. The mask of a mixed sequence is
    the union of its sources' masks. A layer that is called several times in one pass is mixed at
    each call whose input has not been mixed there yet. Results of operations outside Keras layers
    are assumed to be mixed once anything before them in the same call was. Data that bypass a mix
    point stay unmixed, which is warned of in functional models alone: of others no graph is known.

    Where a mixer cuts, a target on the grid that is cut takes the label of each position's own
    source, and so do its sample weights: masks `(B, H, W)` or `(B, H, W, K)`, images, labels of
    time steps `(B, T, K)`. Each size of such a target equals that of the grid or is a multiple of
    it; sources that are moved or resized are placed in the target as in the input. Targets `(B,)`,
    `(B, 1)` and `(B, K)` belong to whole samples, unless the prediction has one axis more. Anything
    else is refused: `kinds` names what cannot be inferred from shapes, such as labels `(B, T)` of T
    time steps with predictions `(B, T)`, or labels `(B, T, K)` beside spectrograms.

    Labels are smoothed by the mixer's `label_smoothing`, inside Keras's cross-entropies. Labels are
    mixed in `compute_loss`, so a custom training loop must take its loss from there, and call
    `base` for unmixed outputs. The wrapper cannot be trained inside another model.

    Args:
        model: Keras model. The model to train: sequential, functional or subclassed.
        mixer: Layer of `keras_mix.layers`, or list of them, of which each batch draws one.
            Its `num_classes`, `label_mode`, `label_rule`, `soft_masks`,
            `bounding_boxes`, `sequences` and `inputs_only` are refused, since labels are mixed in
            the loss, as they are given. Defaults to None, Mixup's blend, on any backend.
        mix_at: List of mix points: "input", names or paths of layers ("backbone/block3_out"),
            indices into `model.layers`, or layers. "input/image" is one of several inputs, by its
            key. A tuple is one mix point, all of it mixed by one plan: images and text by
            ("input/image", "embedding"). Defaults to None: the mixers and
            `keras_mix.layers.MixPoint`s in the model, or if it has none, the input.
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b), for the blend or one mixer. Defaults to the mixer's own, for the blend to
            0.2, as in `keras_mix.layers.MixUp`.
        keep_major: Boolean. Whether the larger of λ and 1 - λ becomes the weight of the sample
            itself in the blend, as in `keras_mix.layers.MixUp`. Refused if no mix point is blended.
            Defaults to False.
        pairing: "shuffle", "derange", "reverse" or "roll". How the blend pairs samples. Refused if
            no mix point is blended. Defaults to "shuffle".
        per: "sample" or "batch". Whether λ of the blend is drawn for each sample or shared by the
            batch. Refused if no mix point is blended, since each mixer has its own. Defaults to
            "sample".
        rate: Float in [0, 1]. The probability that a sample is mixed, or the batch if λ is shared;
            multiplied by the mixer's own. Defaults to 1.
        loss_mode: "sources", the loss above, for any loss; or "mixed_targets", the loss of the
            mixed label, for labels of floats. Both are equal if the loss is linear in the label, as
            cross-entropy is, and the sources of a sample have equal sample and class weights.
            Defaults to "sources".
        weigh_labels: `AttentionWeights` or `FeatureWeights`. Weighs labels of samples that a mixer
            cuts by a map of the forward pass, beside the area. Defaults to None: area alone.
        kinds: Dict from input or target names ("x", "mask" or the whole path "y/mask") to their
            kind, for tensors whose kind cannot be inferred. Inputs: "images" or "values", for
            integers other than uint8 images. Targets: "labels" for whole samples,
            "segmentation_masks" or "values" for labels on the grid that is cut, "frame_labels" for
            labels along its first axis. Defaults to None.
        seed: Integer. Seed of all draws. Defaults to None: the mixer's seed if it has one, else one
            that `keras.utils.set_random_seed` determines. A loaded model starts its draws anew, as
            Keras's layers do.
        name: String. Name of the model. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy. Sets the dtype of the loss. Defaults to None: that of `model`.
        **kwargs: Other arguments of `keras.Model`.

    Attributes:
        base: The wrapped model.
        mix_points: The mix points, as `mix_at` names them.
        choices: What each batch draws from: (mix point, mixer) pairs, with None for the blend.
        dials: Object with `alpha`, `rate` and `probabilities` (one for each choice), which may be
            set between epochs without retracing, as `keras_mix.callbacks.MixSchedule` does.

    Raises:
        ValueError: If an option has no effect; if a mix point is not in the model, is not called,
            or does not compute floats with the samples along the first axis; if the model has a
            stateful recurrent layer; if
            `compile` gets no loss; if labels change from ids to one-hot rows, or back.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...     keras.layers.Dense(10, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.MixingModel(base, mixer=keras_mix.layers.CutMix(alpha=1.0))
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> images, ids = np.random.rand(64, 8, 8, 1), np.arange(64) % 10
    >>> history = model.fit(images, ids, verbose=0)
    >>> base.predict(images, verbose=0).shape
    (64, 10)
    """

    __signature__ = FullSignature({"name": str | None, "dtype": Any})

    default_alpha = 0.2
    default_per = "sample"
    # What a recipe may replace, beside `completed`, `objective` and `measure`.
    forward_pass = ForwardPass

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if vars(cls).get("__doc__"):
            cls.__doc__ = documented(cls)

    def __new__(cls, *args, **kwargs):
        if len(args) > 1:
            # First, so that swapped arguments are answered with the right order.
            arguments.check_base(cls.__name__, args[0])
        keywords.refuse_positional(cls, args)
        keywords.refuse_missing(cls, args, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        model: keras.Model,
        *,
        mixer: "Mixer | Sequence[Mixer] | None" = None,
        mix_at: Sequence[Any] | None = None,
        alpha: float | tuple[float, float] | None = None,
        keep_major: bool = False,
        pairing: Literal["shuffle", "derange", "reverse", "roll"] = "shuffle",
        per: Literal["sample", "batch"] = "sample",
        rate: float = 1.0,
        loss_mode: Literal["sources", "mixed_targets"] = "sources",
        weigh_labels: AttentionWeights | FeatureWeights | None = None,
        kinds: Mapping[str, str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        keywords.check(type(self), kwargs)
        arguments.check_base(self.owner, model)
        # Keras scales losses by the policy; the model inside casts its inputs itself.
        kwargs.setdefault("dtype", model.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.base = model
        self.mixers = arguments.mixers(self.owner, mixer)
        self.keep_major = checks.boolean("keep_major", keep_major)
        self.pairing = checks.choice("pairing", pairing, checks.PAIRINGS)
        self.per = checks.choice("per", per, checks.PER)
        self.loss_mode = checks.choice("loss_mode", loss_mode, LOSS_MODES)
        self.kinds = arguments.kinds(self.owner, kinds)
        self.seed = checks.integer("seed", seed, optional=True)
        self._finds_layers = mix_at is None
        self._choices = Choices(
            self.owner, model, mix_at, self.default_entries, self.mixers, self.mixers_at
        )
        self._choices.check_blend(
            keep_major=(self.keep_major, False),
            pairing=(pairing, "shuffle"),
            per=(per, self.default_per),
        )
        alpha = self._choices.alpha(alpha, self.default_alpha)
        self.dials = Dials(self, alpha, rate, len(self._choices))
        self._choices.make(
            self.kinds,
            self.dials.concentration,
            self.blend_at,
            keep_major=self.keep_major,
            pairing=self.pairing,
            per=self.per,
        )
        arguments.check_recursion(self, MixingModel, self._choices.points)
        self.weigh_labels = weigh_labels
        self._label_map = label_map.found(self.owner, model, weigh_labels, self._choices)
        self._seeds = keras.random.SeedGenerator(arguments.seed(self.owner, self.seed, self.mixers))
        self._hooks = Hooks(model)
        self._step = _Step()
        self._label_forms = LabelForms(self.owner)
        self.built = model.built

    @property
    def owner(self) -> str:
        """The name that error messages begin with."""
        return type(self).__name__

    @property
    def mix_points(self) -> list[Any]:
        """The mix points, as `mix_at` names them."""
        return self._choices.mix_points

    @property
    def choices(self) -> list[Any]:
        """What each batch draws from: (mix point, mixer) pairs, with None for the blend."""
        return self._choices.pairs

    @property
    def variables(self) -> list[Any]:
        """All state of the model. Some are no `weights`, and are not saved.

        These are tables that follow from α, and the previous batch of `RecursiveMix`.
        """
        return [*super().variables, *self.dials.derived, *self._choices.variables]

    @property
    def output_names(self) -> list[str]:
        """The base model's output names, which can be the keys of losses."""
        return self.base.output_names

    def default_entries(self):
        """The default of `mix_at` for a model without mixers and mix points."""
        return [INPUT]

    def mixers_at(self, layers):
        """The mixers for a mix point that has none of its own; without any it is blended.

        Args:
            layers: The layers of the mix point, or paths of inputs.
        """
        return self.mixers

    def blend_at(self, layers, blend):
        """What is done at a mix point without a mixer.

        Args:
            layers: As in `mixers_at`.
            blend: Mixup's `Blend`, with the options of this model.
        """
        return blend

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The base model's outputs; in training, those of a mixed batch."""
        self._step.mixture = None
        # On JAX there is no call context to inherit `training` from.
        mode = {} if training is None else {"training": training}
        if keras_compat.in_symbolic_scope():
            self._choices.prepare(inputs)
        if not training or keras_compat.in_symbolic_scope():
            return self.base(inputs, **mode)
        outermost = keras_compat.entry_layer()
        if outermost not in (None, self):
            arguments.refuse_inside(self.owner, outermost)
        probabilities, rate = map(keras.ops.convert_to_tensor, self.dials.weights)
        seed = random.begin(self._seeds)
        drawing = probabilities, rate, seed
        forward_pass = self.forward_pass(self.base, self._choices, *drawing, self._label_map)
        with self._hooks, forward_pass:
            outputs = self.base(forward_pass.begin(inputs), **mode)
        self._step.mixture = mixture = forward_pass.mixture(self.kinds)
        mixture.objective = self.objective
        return self.completed(outputs, forward_pass, mixture)

    def completed(self, outputs, forward_pass, mixture):
        """The outputs of a training step, before its loss.

        Args:
            outputs: The base model's, of a mixed batch.
            forward_pass: The `ForwardPass` that has computed them.
            mixture: Its `Mixture`.
        """
        return outputs

    def objective(self, loss, y_pred):
        """The loss of one output in a training step.

        Args:
            loss: The `OutputLoss`.
            y_pred: The prediction.
        """
        return loss.of_mixed(y_pred)

    def measure(self, mixture, x, y, y_pred, sample_weight):
        """Updates the metrics with the predictions of a training step."""
        # Not in `compute_metrics`: on JAX nothing of the forward pass reaches it but the metrics.
        super().compute_metrics(x, *mixture.measured(y, y_pred, sample_weight))
        self._step.measured = True

    def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs):
        """Configures the model for training, as Keras does; a loss is required."""
        arguments.check_losses(self.owner, loss)
        loss = keras.tree.map_structure(self._of_sources, loss)
        self._label_forms.forget()
        super().compile(optimizer, loss, *args, **kwargs)

    def export(self, *args, **kwargs):
        """Exports the base model, since predictions need no mixing."""
        return self.base.export(*args, **kwargs)

    def get_compile_config(self):
        # Keras requires this of a model that overrides `compile`.
        return super().get_compile_config()

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of the batch, mixed if `call` has mixed it; also updates the metrics."""
        mixture = self._step.mixture if training else None
        self._step.mixture, self._step.measured = None, False
        self._label_forms.check(y, y_pred)
        if keras_compat.in_symbolic_scope():
            self._choices.prepare_labels(y, y_pred)
        if mixture is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        if self.kinds:
            arguments.check_names(self.owner, self.kinds, x, y)
        mixture.y = y
        with mixture:
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        mixture.check_by_map()
        self.measure(mixture, x, y, y_pred, sample_weight)
        mixture.finish()
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The metrics; those of a mixed batch compare with the labels of the dominant sources."""
        if self._step.measured:
            self._step.measured = False
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def __repr__(self):
        values = {"mixer": self.mixers or None, "mix_at": self.mix_points, **self._options()}
        defaults = call_repr.defaults_of(arguments_of(type(self)).values())
        return call_repr.call(self, {"model": self.base, **values}, defaults)

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "model": saved(self.base),
            "mixer": saved(self.mixers) or None,
            "mix_at": None if self._finds_layers else self._choices.positions,
            **saved(self._options()),
            "weigh_labels": self._label_map and self._label_map.saved(),
        }

    def _options(self):
        """Dict of the other arguments, without what a schedule has changed."""
        alpha, rate, _ = self.dials.resting
        return {
            "alpha": alpha,
            "keep_major": self.keep_major,
            "pairing": self.pairing,
            "per": self.per,
            "rate": rate,
            "loss_mode": self.loss_mode,
            "weigh_labels": self.weigh_labels,
            "kinds": dict(self.kinds),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        load = keras.saving.deserialize_keras_object
        config = dict(config)
        config["model"] = load(config["model"], custom_objects=custom_objects)
        config["mixer"] = config["mixer"] and [load(mixer) for mixer in config["mixer"]]
        if config["mix_at"] is not None:
            config["mix_at"] = at_positions(config["model"], config["mix_at"])
        config["weigh_labels"] = label_map.loaded(config["model"], config.get("weigh_labels"))
        return cls(**config)

    def _of_sources(self, loss):
        known = loss is None or isinstance(loss, LossOfSources)
        return loss if known else LossOfSources(loss, self.loss_mode)


class _Step(threading.local):
    """What `call` passes to `compute_loss`, and that to `compute_metrics`, in one replica."""

    mixture = None
    measured = False
