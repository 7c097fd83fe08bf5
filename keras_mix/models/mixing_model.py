"""MixingModel."""

import threading

import keras

from keras_mix import checks
from keras_mix.models import arguments, blends, defaults, draws, places
from keras_mix.models.dials import Dials
from keras_mix.models.hooks import Hooks, Running, only_building
from keras_mix.models.loss import LOSSES, LossOfSources, Mixture
from keras_mix.models.run import Run


@keras.saving.register_keras_serializable(package="keras_mix")
class MixingModel(keras.Model):
    """Trains a model on mixtures that are drawn and mixed inside the train step.

    `fit` on it trains the model inside, whatever its kind, on its own labels: integers, one-hot
    rows, several heads. For each batch one of the places is drawn and mixed; the loss is
    Σ_s weight_s · loss(label_s, prediction) over the sources of each sample, each with its own
    sample weight and class weight. All of it runs on the device and compiles with the step.
    `evaluate`, `predict` and `model.base` are the model inside, to the bit.

    In training, compiled metrics see the label of each sample's dominant source, so that an
    accuracy means something. Regularisers and `add_loss` count once. Masks of mixed sequences are
    the unions of their sources'. A layer that is called several times in a pass is mixed at each
    call whose input has not been mixed there yet.

    Args:
        model: The model to train: sequential, functional or subclassed.
        mixer: A mixer of `keras_mix.layers`, or a list of them of which each batch draws one;
            TensorFlow only. Defaults to None: Mixup's blend, on any backend.
        layers: Where to mix: a list of "input", names or paths of layers ("backbone/block3_out"),
            indices into `model.layers`, or layers. An entry that is a tuple is one place, all of
            it mixed by one plan. Defaults to None: the mixers and `keras_mix.layers.MixPoint`s
            that the model itself holds, and if it holds none, the input.
        alpha: The concentration α ≥ 0 of Beta(α, α), for the blend or one mixer. Defaults to the
            mixer's own, for the blend to 0.2, as in `keras_mix.layers.MixUp`.
        per: "sample" or "batch": one λ of the blend for each sample, or for all. Defaults to
            "sample".
        pairing: "shuffle", "derange", "reverse" or "roll", as in `keras_mix.layers.Mixer`.
            Defaults to "shuffle".
        rate: The probability in [0, 1] that a sample is mixed, or the batch where λ is the
            batch's; on top of a mixer's own. Defaults to 1.
        loss: "sources", as above, for any loss; or "mixed_targets", the loss of the mixed label,
            for labels of floats. They are equal where the loss is linear in the label, as
            cross-entropy is. Defaults to "sources".
        seed: An integer. Defaults to None, which `keras.utils.set_random_seed` fixes. A loaded
            model begins anew with it, as Keras's layers do.
        **kwargs: `name` and the other arguments of a Keras model.

    Attributes:
        base: The model inside.
        mix_points: The places, as `layers` names them.
        choices: What each batch draws from: (place, mixer) pairs, None for the blend.
        dials: `alpha`, `rate` and `probabilities` (one for each choice); they may be set between
            epochs, as `keras_mix.callbacks.MixSchedule` does, without a new trace.

    Raises:
        ValueError: For a layer that the model does not have or does not call, or whose output is
            no float tensor of the batch; for a stateful recurrent layer; for a mixer on another
            backend than TensorFlow; for `compile` without a loss.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...     keras.layers.Dense(10, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.MixingModel(base, keras_mix.layers.CutMix(alpha=1.0))
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> images, ids = np.random.rand(64, 8, 8, 1), np.arange(64) % 10
    >>> history = model.fit(images, ids, verbose=0)
    >>> base.predict(images, verbose=0).shape
    (64, 10)
    """

    default_alpha = 0.2

    def __init__(
        self,
        model,
        mixer=None,
        layers=None,
        alpha=None,
        *,
        per="sample",
        pairing="shuffle",
        rate=1.0,
        loss="sources",
        seed=None,
        **kwargs,
    ):
        # The model inside casts its inputs by its own policy.
        super().__init__(autocast=False, **kwargs)
        arguments.check_base(self.owner, model)
        self.base = model
        self.mixers = arguments.mixers(self.owner, mixer)
        self.per = checks.choice("per", per, checks.PER)
        self.pairing = checks.choice("pairing", pairing, checks.PAIRINGS)
        self.labels_mixed = checks.choice("loss", loss, LOSSES)
        self.seed = checks.integer("seed", seed, optional=True)
        self._layers_given = layers
        groups = [self._found(entry) for entry in self._entries(layers)]
        kinds = [self._kinds(group) for group in groups]
        count = sum(len(mixers) for mixers in kinds)
        self.dials = Dials(self, self._starting_alpha(alpha, kinds), rate, count)
        self._places = self._placed(groups, kinds)
        for place in self._places:
            defaults.warn_of_ways_around(self.owner, model, place)
        self._seeds = keras.random.SeedGenerator(self.seed)
        self._hooks = Hooks(model)
        self._step = _Step()
        self.built = model.built

    @property
    def owner(self):
        """The name that error messages begin with."""
        return type(self).__name__

    @property
    def mix_points(self):
        """The places, as `layers` names them."""
        return list(dict.fromkeys(place.name for place in self._places))

    @property
    def choices(self):
        """What each batch draws from: (place, mixer), None for the blend."""
        return [(place.name, getattr(place.blend, "given", None)) for place in self._places]

    @property
    def output_names(self):
        """The base model's, by which losses may be given."""
        return self.base.output_names

    def default_entries(self):
        """What `layers` is where the model holds no mixer and no mix point."""
        return [places.INPUT]

    def call(self, inputs, training=None):
        """The base model's outputs; in training, those of a mixed batch."""
        self._step.mixture = None
        # Said aloud: on JAX, Keras calls this method without a context to inherit it from.
        told = {} if training is None else {"training": training}
        if not training or only_building():
            return self.base(inputs, **told)
        probabilities, rate = self.dials.now()
        run = Run(self.owner, self._places, probabilities, rate, draws.begin(self._seeds))
        with self._hooks, Running(run):
            outputs = self.base(run.begin(inputs), **told)
        self._step.mixture = Mixture(self.owner, run.shares(), run.per, run.unmixed_masks)
        return outputs

    def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs):
        """As Keras's; a loss must be given."""
        if loss is None or all(part is None for part in keras.tree.flatten(loss)):
            raise ValueError(
                f"{self.owner}: the labels are mixed in the loss, which must be given. Received: "
                f"loss={loss!r}. Compile with any Keras loss."
            )
        loss = keras.tree.map_structure(self._of_sources, loss)
        super().compile(optimizer, loss, *args, **kwargs)

    def get_compile_config(self):
        # Keras saves it only where both methods are the class's own.
        return super().get_compile_config()

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of a mixed batch, if `call` has mixed one; metrics are updated here, too."""
        mixture = self._step.mixture if training else None
        self._step.mixture, self._step.measured = None, mixture is not None
        if mixture is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        with mixture:
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        # Not in `compute_metrics`: on JAX nothing of the forward pass reaches it but the metrics.
        y, sample_weight = mixture.dominant(y), mixture.dominant(sample_weight)
        super().compute_metrics(x, y, mixture.predictions(y_pred), sample_weight)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The metrics; of a mixed batch, under the labels of the dominant sources."""
        if self._step.measured:
            self._step.measured = False
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.dials.renew()

    def set_weights(self, weights):
        super().set_weights(weights)
        self.dials.renew()

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "trainable": self.trainable,
            "model": serialize(self.base),
            "mixer": [serialize(mixer) for mixer in self.mixers] or None,
            "layers": None if self._layers_given is None else self.mix_points,
            "alpha": self.dials.alpha,
            "per": self.per,
            "pairing": self.pairing,
            "rate": self.dials.rate,
            "loss": self.labels_mixed,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        load = keras.saving.deserialize_keras_object
        config = dict(config)
        config["model"] = load(config["model"], custom_objects=custom_objects)
        config["mixer"] = config["mixer"] and [load(mixer) for mixer in config["mixer"]]
        if config["layers"] is not None:
            config["layers"] = [x if isinstance(x, str) else tuple(x) for x in config["layers"]]
        return cls(**config)

    def _entries(self, layers):
        if layers is None:
            held = [path for path, x in places.tree(self.base).items() if blends.is_own_place(x)]
            layers = held or self.default_entries()
        if isinstance(layers, str) or not isinstance(layers, list | tuple) or not layers:
            raise ValueError(
                f"{self.owner}: `layers` must be a list that names one place at least. Received: "
                f"layers={layers!r}"
            )
        return list(layers)

    def _found(self, entry):
        """The (path, layer) of all that an entry of `layers` names."""
        names = entry if isinstance(entry, tuple) else (entry,)
        return [places.find(self.owner, self.base, name) for name in names]

    def _kinds(self, group):
        """The mixers of a place, of which each makes a choice of its own; None is the blend."""
        held = [layer for _, layer in group if blends.is_mixer(layer)]
        return held or self.mixers or [None]

    def _starting_alpha(self, alpha, kinds):
        """α where one value serves all places, else None."""
        mixers = {id(mixer): mixer for group in kinds for mixer in group}.values()
        own = self.default_alpha
        if None not in mixers:
            own = getattr(*mixers, "alpha", None) if len(mixers) == 1 else None
            if alpha is not None and own is None:
                raise ValueError(
                    f"{self.owner}: `alpha` is that of the blend or of one mixer that has it. "
                    f"Received: alpha={alpha!r} and mixers={list(mixers)}. Give each mixer its own."
                )
        return checks.number("alpha", alpha) if alpha is not None else own

    def _placed(self, groups, kinds):
        """The places: each entry, with each of its mixers."""
        blend = None
        if any(None in mixers for mixers in kinds):
            blend = blends.Blend(self.dials.concentration, self.pairing, self.per)
        found = []
        for group, mixers in zip(groups, kinds, strict=True):
            names, layers = zip(*group, strict=True)
            if len(group) > 1 and any(getattr(mixer, "grid_rank", None) for mixer in mixers):
                raise ValueError(
                    f"{self.owner}: a tuple in `layers` is mixed by one plan, and regions do not "
                    f"fit layers of different sizes. Received: {names} with {mixers}. Take a "
                    "mixer that blends."
                )
            for mixer in mixers:
                made = blend if mixer is None else blends.ByMixer(mixer, self.dials.concentration)
                found.append(places.Place(layers, names, made))
        return found

    def _of_sources(self, loss):
        if loss is None or isinstance(loss, LossOfSources):
            return loss
        return LossOfSources(loss, self.labels_mixed)


class _Step(threading.local):
    """What `call`, `compute_loss` and `compute_metrics` tell each other, in one replica."""

    mixture = None
    measured = False
