"""One forward pass of a base model in training, mixed at the place that was drawn for it."""

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import draws
from keras_mix._core.ops.portable import Shares
from keras_mix.models._forward import blends, masking
from keras_mix.models._forward.inputs import (
    INPUT,
    as_taken,
    is_input,
    is_one_of_several,
    named,
    rounded,
)
from keras_mix.models._forward.origins import CLEAN, Frame, Origins
from keras_mix.models._targets.mixture import Drawn, Mixture


class Run:
    """Draws a place for the batch, and mixes there.

    It follows, call by call, which tensors have been mixed. So a layer that is called several
    times is mixed once on each path, and the masks that later layers receive are mixed exactly
    where their data were.

    Args:
        owner: The wrapper's name, for messages.
        base: The model that is called.
        places: A list of `mix_points.Place`.
        probabilities: float32 [P], how likely each place is chosen.
        rate: Scalar, the probability that a sample (or the batch) is mixed.
        seed: As `draws.begin` gives it.
    """

    def __init__(self, owner, base, places, probabilities, rate, seed):
        self.owner = owner
        self.base = base
        self.places = places
        self.named = {
            layer for place in places for layer in place.layers if is_one_of_several(layer)
        }
        self.rate = rate
        choice, self.seed = draws.split(seed, 2)
        self.choice = _chosen(choice, probabilities) if len(places) > 1 else None
        self.origins = Origins()
        self.plans = {}
        self.grids = {}
        self.passed = set()
        self.per = "batch" if all(place.blend.per == "batch" for place in places) else "sample"
        self.unmixed_masks = {}
        self._unions = {}

    def begin(self, inputs):
        """The inputs, mixed if they are a place."""
        mixed, places = self._at_places(INPUT, inputs, CLEAN, unsure=False)
        self.origins.learn(mixed, places)
        self.origins.frames = [Frame(places)]
        return mixed

    def call(self, layer, function, parameters, args, kwargs):
        """The `call` of one layer, on masks that are mixed like its data.

        Args:
            layer: The layer, or operation of a functional model.
            function: Its own `call`.
            parameters: The names of the function's positional parameters.
            args: The positional arguments.
            kwargs: The others.
        """
        names = [*parameters[: len(args)], *[None] * (len(args) - len(parameters)), *kwargs]
        values = [*args, *kwargs.values()]
        data = [v for n, v in zip(names, values, strict=True) if not masking.is_mask(n)]
        origins = self.origins
        entry, unknown = origins.of_data(data)
        values = [
            self._masks(v, entry) if masking.is_mask_of_batch(layer, n, v) else v
            for n, v in zip(names, values, strict=True)
        ]
        if layer is self.base and self.named:
            values[0] = self._with_named_inputs(values[0], entry)
        if isinstance(layer, keras.layers.Embedding) and not unknown:
            self._refuse_blended_ids(layer, entry)
        origins.frames.append(Frame(entry))
        try:
            if blends.changes_labels(layer) and _inputs_alone(args, kwargs):
                function = _unmixed(layer)
            outputs = function(
                *values[: len(args)], **dict(zip(kwargs, values[len(args) :], strict=True))
            )
        finally:
            inner = origins.frames.pop()
        outputs, places = self._at_places(layer, outputs, entry, unknown)
        origins.learn(outputs, inner.now | places)
        origins.frame.now |= (inner.now - entry) | places
        return outputs

    def mixture(self, kinds, smoothing):
        """How the labels are mixed.

        Args:
            kinds: As in `Mixture`.
            smoothing: As in `Mixture`.
        """
        self._check_passed()
        drawn = [
            Drawn(place.blend, self.plans[place.blend], self.grids[place.blend])
            for place in self.places
        ]
        return Mixture(
            self.owner,
            drawn,
            self.choice,
            self._shares(),
            self.per,
            kinds,
            smoothing,
            self.unmixed_masks,
        )

    def _shares(self):
        """The `Shares` of the place that was chosen."""
        combined = None
        for index, place in enumerate(self.places):
            plan = self.plans[place.blend]
            shares = _padded(plan, max(p.sources.shape[1] for p in self.plans.values()))
            if combined is None or len(self.plans) == 1:
                combined = shares
            else:
                combined = Shares(
                    *(
                        ops.where(self.choice == index, new, old)
                        for new, old in zip(shares, combined, strict=True)
                    )
                )
        return combined

    def _at_places(self, layer, outputs, entry, unsure):
        """A layer's outputs, mixed at each place that it is, and these places."""
        places = CLEAN
        for index, place in enumerate(self.places):
            if not place.holds(layer):
                continue
            if unsure and index in self.origins.frame.now:
                checks.refuse(
                    self.owner,
                    f"cannot see whether what `{place.name_of(layer)}` is called with a second "
                    "time has been mixed already",
                    "an input that is computed outside of Keras's layers",
                    "Put a keras_mix.layers.MixPoint where it shall be mixed, and name that.",
                )
            self.passed.add((index, layer))
            if index not in entry:
                mixed = self._mixed(index, place, outputs, layer)
                if is_input(layer):
                    mixed = rounded(self.base, outputs, mixed)
                self._hand_on_masks(outputs, mixed, frozenset({index}))
                outputs = mixed
                places |= {index}
        return outputs, places

    def _with_named_inputs(self, inputs, entry):
        """The inputs as the base takes them, some of them mixed by themselves.

        Not before the base is called: what it casts would be tensors of unknown origin.
        """
        inputs = as_taken(self.base, inputs)
        parts = named(inputs)
        for path in self.named - set(parts):
            rule = f"`{path}` must be one of several inputs"
            checks.refuse(self.owner, rule, f"inputs {list(parts)}")
        leaves = []
        for path, leaf in parts.items():
            mixed, places = self._at_places(path, leaf, entry, unsure=False)
            self.origins.learn(mixed, entry | places)
            leaves.append(mixed)
        return keras.tree.pack_sequence_as(inputs, leaves)

    def _hand_on_masks(self, outputs, mixed, places):
        """Keras mends a lost mask only where a layer can compute it from its inputs' alone."""
        for own, new in zip(keras.tree.flatten(outputs), keras.tree.flatten(mixed), strict=True):
            mask = masking.mask_of(own)
            if own is not new and mask is not None:
                masking.set_mask(new, self._mask(mask, places, self.origins.of_mask(mask)))

    def _mixed(self, index, place, value, layer):
        blends.check(self.owner, place, layer, value)
        blend = place.blend
        if blend not in self.plans:
            self.plans[blend] = blend.plan(value, self.seed, self.rate)
            self.grids[blend] = blend.grid(self.plans[blend], value)
        plan = self.plans[blend]
        if self.choice is None:
            return blend.apply(plan, value)
        return ops.cond(
            self.choice == index,
            lambda: blend.apply(plan, value),
            lambda: blend.apply(None, value),
        )

    def _refuse_blended_ids(self, embedding, places):
        for place in (self.places[index] for index in sorted(places)):
            if not place.blend.cuts:
                checks.refuse(
                    self.owner,
                    "ids cannot be averaged meaningfully",
                    f"ids for the embedding `{embedding.name}`, blended at `{place.name}`",
                    "Name the embedding in `mix_at` instead.",
                )

    def _masks(self, structure, entry):
        """Masks, mixed at the places where they were not yet, but the data were."""
        return keras.tree.map_structure(
            lambda mask: self._mask(mask, entry, self.origins.of_mask(mask)), structure
        )

    def _mask(self, mask, entry, before):
        places = entry - before
        if not places or not ops.is_tensor(mask):
            return mask
        size = self.plans[self.places[min(places)].blend].sources.shape[0]
        if len(mask.shape) < 2 or mask.shape[0] != size:
            # One for all samples, such as a causal one.
            return mask
        key = id(mask), places
        if key not in self._unions:
            mixed = mask
            for index in sorted(places):
                active = True if self.choice is None else self.choice == index
                mixed = masking.union(mixed, self.plans[self.places[index].blend], active)
            self._unions[key] = mixed
            self.origins.learn(mask, before)
            self.origins.learn(mixed, before | places)
            self.unmixed_masks[id(mixed)] = mask
        return self._unions[key]

    def _check_passed(self):
        for index, place in enumerate(self.places):
            for layer in place.layers:
                if (index, layer) not in self.passed:
                    checks.refuse(
                        self.owner,
                        "every place must be passed when the model is called",
                        f"`{place.name_of(layer)}`, which was not called",
                        "Leave it out of `mix_at`; or, if it is called inside a tf.function of the "
                        "model's own, take that decorator off.",
                    )


def _chosen(seed, probabilities):
    """Scalar int32, an index drawn by its probability."""
    bounds = ops.cumsum(probabilities)[:-1]
    return ops.sum(ops.cast(draws.uniform(seed, [1]) >= bounds, "int32"))


def _padded(plan, count):
    """The shares of a plan, with sources of weight 0 up to `count`."""
    missing = [[0, 0], [0, count - plan.sources.shape[1]]]
    return Shares(ops.pad(plan.sources, missing), ops.pad(plan.weights, missing))


def _inputs_alone(args, kwargs):
    """Whether a mixer is called without labels, which it would mix by itself."""
    return len(args) == 1 and not isinstance(args[0], tuple | dict) and kwargs.get("y") is None


def _unmixed(mixer):
    """What a mixer in the model does by itself: nothing but to give the dtype of mixed inputs."""
    return lambda x, **options: mixer.apply(None, x)
