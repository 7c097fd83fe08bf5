"""The base of models that are trained on a labeled and an unlabeled batch at each step."""

import inspect
import threading
from collections.abc import Mapping

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.draw import random
from keras_mix._core.ops.tensors import differ, is_float
from keras_mix._core.options import config, unknown_arguments
from keras_mix.models._forward import blends
from keras_mix.models._options import arguments, teacher_checks
from keras_mix.models._semi_supervised import class_scores, ramps
from keras_mix.models._targets.label_forms import LabelForms

# The keys of a batch to train on.
LABELED, UNLABELED = "labeled", "unlabeled"
# Options of a weight that counts steps.
COUNT = {
    "shape": (),
    "dtype": "int32",
    "initializer": "zeros",
    "trainable": False,
    "autocast": False,
}


class SemiSupervisedModel(keras.Model):
    """Trains a model on a labeled and an unlabeled batch at each step.

    `call` makes the forward passes of a step and leaves what the loss needs of them to
    `compute_loss`, so that Keras's own train step serves every backend.

    A subclass defines `training_pass(labeled, unlabeled, seed)`, which returns the outputs
    for the labeled samples and an object for `measured(labels, passed)`; that returns the labels of
    these outputs and the loss of the unlabeled samples.

    Args:
        model: The model to train.
        augmentation: Layer or None.
        unlabeled_weight: Float ≥ 0.
        ramp_up: As `ramps.check` takes it.
        seed: Integer or None.
        name: String or None.
        dtype: Dtype or None.
    """

    # The shape of the ramp, a function of the progress in [0, 1].
    ramp = staticmethod(ramps.linear)
    # Whether the labels of `measured` are distributions.
    mixes_labels = True

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        unknown_arguments.check(cls)

    def __init__(self, model, augmentation, unlabeled_weight, ramp_up, seed, name, dtype):
        arguments.check_base(self.owner, model)
        # Keras scales losses by the policy; the model inside casts its inputs itself.
        super().__init__(name=name, dtype=dtype or model.dtype_policy, autocast=False)
        self.base = model
        self.augmentation = _augmentation(self.owner, augmentation)
        self.unlabeled_weight = checks.number("unlabeled_weight", unlabeled_weight)
        self.ramp_up = ramps.check(ramp_up)
        self.seed = checks.integer("seed", seed, optional=True)
        self._seeds = keras.random.SeedGenerator(self.seed)
        self._logits = None
        self._steps = self.add_weight(name="steps", **COUNT)
        self._ramp_steps = self.add_weight(name="ramp_steps", **{**COUNT, "dtype": "float32"})
        if isinstance(self.ramp_up, int):
            self._ramp_steps.assign(self.ramp_up)
        self._step = _Step()
        self._label_forms = LabelForms(self.owner)
        self.built = model.built

    @property
    def owner(self) -> str:
        """The name that error messages begin with."""
        return type(self).__name__

    @property
    def predictor(self) -> keras.Model:
        """The model that `predict`, `evaluate` and `export` use."""
        return self.base

    def call(self, inputs, training=None):
        """The outputs for labeled samples: in training, those of one step; else the predictor's."""
        self._step.passed = None
        pair = _pair(inputs)
        if not training or keras_compat.in_symbolic_scope():
            # On JAX there is no call context to inherit `training` from.
            mode = {} if training is None else {"training": training}
            return self.predictor(inputs if pair is None else pair[0], **mode)
        outermost = keras_compat.entry_layer()
        if outermost not in (None, self):
            arguments.refuse_inside(self.owner, outermost)
        self._check(pair, inputs)
        weight = self.unlabeled_weight * self._ramped(ops.cast(self._steps, "float32"))
        outputs, passed = self.training_pass(*pair, random.begin(self._seeds))
        class_scores.check_outputs(self.owner, outputs)
        self._steps.assign(self._steps + 1)
        self._step.passed = passed, weight
        return outputs

    def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs):
        """Configures the model for training, as Keras does; a categorical loss is required."""
        if loss is None or isinstance(loss, Mapping | list | tuple):
            checks.refuse(
                self.owner,
                "`compile` needs one loss, of the labels",
                f"loss={loss!r}",
                'Compile with "sparse_categorical_crossentropy" or another of Keras.',
            )
        if self.mixes_labels:
            loss = class_scores.of_distributions(self.owner, loss)
        self._logits = class_scores.are_logits(self.owner, loss)
        graph = keras_compat.graph_of(self.base)
        if graph is not None:
            class_scores.check_outputs(self.owner, graph.output)
            [head] = teacher_checks.heads_of(self.base)
            teacher_checks.check_logits(self.owner, head, self._logits, "from_logits")
        self._label_forms.forget()
        super().compile(optimizer, loss, *args, **kwargs)
        strategy = getattr(self, "distribute_strategy", None)
        if strategy is not None and strategy.num_replicas_in_sync > 1:
            checks.refuse(
                self.owner,
                "it trains on one device",
                f"a strategy of {strategy.num_replicas_in_sync} replicas",
                "Create and compile the model outside of the strategy's scope.",
            )

    def fit(self, *args, **kwargs):
        """Trains the model, as Keras does, on batches of `data.pair_with_unlabeled`."""
        given = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        if isinstance(self.ramp_up, float):
            ramp = ramps.RampOfFit(self.owner, self.ramp_up, self._ramp_steps)
            given["callbacks"] = [ramp, *_listed(given.get("callbacks"))]
        return super().fit(**given)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of the labeled batch, in training plus the weighted one of the unlabeled."""
        taken, self._step.passed = self._step.passed, None
        self._label_forms.check(y, y_pred)
        labels = y
        if self.mixes_labels:
            labels = class_scores.distributions(self.owner, y, y_pred)
        if taken is None or not training:
            return super().compute_loss(x, labels, y_pred, sample_weight, training)
        passed, weight = taken
        labels, unlabeled = self.measured(labels, passed)
        loss = super().compute_loss(x, labels, y_pred, sample_weight, training)
        return loss + ops.cast(weight * unlabeled, loss.dtype)

    def export(self, *args, **kwargs):
        """Exports the model that predicts."""
        return self.predictor.export(*args, **kwargs)

    def get_compile_config(self):
        # Keras requires this of a model that overrides `compile`.
        return super().get_compile_config()

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def get_config(self):
        return {
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "model": config.saved(self.base),
            **config.config_of(self),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        load = keras.saving.deserialize_keras_object
        config = dict(config)
        for name in ("model", "augmentation"):
            config[name] = load(config[name], custom_objects=custom_objects)
        return cls(**config)

    def augmented(self, inputs):
        """The inputs, augmented if they are to be, as floats that can be averaged."""
        if self.augmentation is not None:
            inputs = self.augmentation(inputs, training=True)
        return keras.tree.map_structure(self._as_floats, inputs)

    def probabilities(self, outputs):
        """float32 class probabilities of the model's outputs."""
        class_scores.check_outputs(self.owner, outputs)
        return class_scores.probabilities(outputs, self._logits)

    def _as_floats(self, tensor):
        if is_float(tensor):
            return tensor
        if keras.backend.standardize_dtype(tensor.dtype) != "uint8":
            checks.refuse(
                self.owner,
                "inputs must be floats or uint8 images, since they are mixed",
                checks.described(tensor),
                "Cast them to float32, if they are no ids.",
            )
        return ops.cast(tensor, keras.config.floatx())

    def _ramped(self, steps):
        """How much of its weight the unlabeled loss has: 1 from the end of the ramp on."""
        length = ops.convert_to_tensor(self._ramp_steps)
        progress = ops.where(length > 0, steps / ops.maximum(length, 1.0), 1.0)
        return self.ramp(ops.minimum(progress, 1.0))

    def _check(self, pair, inputs):
        """Refuses what cannot be trained on."""
        if self._logits is None:
            checks.refuse(
                self.owner,
                "it must be compiled before it is trained",
                "no loss",
                'Call `model.compile(optimizer, "sparse_categorical_crossentropy")`.',
            )
        if pair is None:
            received = f"a {type(inputs).__name__}"
            checks.refuse(
                self.owner,
                f'training needs batches ({{"{LABELED}": x, "{UNLABELED}": u}}, y)',
                checks.described(inputs) if ops.is_tensor(inputs) else received,
                "Make them: keras_mix.data.pair_with_unlabeled(labeled, unlabeled).",
            )
        shapes = [
            [tuple(leaf.shape)[1:] for leaf in keras.tree.flatten(structure)] for structure in pair
        ]
        alike = len(shapes[0]) == len(shapes[1]) and all(
            len(one) == len(other) and not any(map(differ, one, other))
            for one, other in zip(*shapes, strict=True)
        )
        if not alike:
            checks.refuse(
                self.owner,
                "labeled and unlabeled inputs must have the same shape",
                f"samples of shape {shapes[0]} and {shapes[1]}",
            )


class _Step(threading.local):
    """What `call` leaves to `compute_loss`: what a subclass passes, and the weight."""

    passed = None


def _pair(inputs):
    """The labeled and the unlabeled inputs of a batch to train on, else None."""
    if isinstance(inputs, Mapping) and set(inputs) == {LABELED, UNLABELED}:
        return inputs[LABELED], inputs[UNLABELED]
    return None


def _listed(callbacks):
    return [] if callbacks is None else keras.tree.flatten(callbacks)


def _augmentation(owner, layer):
    """None, or a layer that changes inputs and not labels."""
    if layer is None:
        return None
    checks.instance(owner, "augmentation", layer)
    if not isinstance(layer, keras.Layer) or blends.changes_labels(layer):
        checks.refuse(
            owner,
            "`augmentation` must be a Keras layer that keeps labels",
            repr(layer),
            "Pass one that flips, shifts or adds noise, or a keras.Sequential of several.",
        )
    return layer
