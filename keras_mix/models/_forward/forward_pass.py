"""One forward pass of a base model in training, mixed at the mix point drawn for it."""

import functools

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.draw import random
from keras_mix._core.ops.mixup import BlendPlan
from keras_mix.models._forward import blends, masks
from keras_mix.models._forward.label_map import Read
from keras_mix.models._forward.tracking import CLEAN, Frame, Tracking
from keras_mix.models._points.inputs import INPUT, as_taken, named, rounded
from keras_mix.models._targets.map_weights import ByMap
from keras_mix.models._targets.mixture import Drawn


class ForwardPass(Tracking):
    """Draws a mix point for the batch, and mixes there.

    A layer that is called several times is mixed once on each path, and the masks that later
    layers receive are mixed exactly where their data were.

    Args:
        base: The model that is called.
        choices: A `Choices`.
        probabilities: float32 `(P,)`, how likely each mix point is drawn.
        rate: Scalar, the probability that a sample (or the batch) is mixed.
        seed: As `random.begin` gives it.
        label_map: The `LabelMap` by which labels are weighed, or None.

    Attributes:
        inputs: What the base model is given, mixed if its inputs are a mix point.
    """

    def __init__(self, base, choices, probabilities, rate, seed, label_map=None):
        super().__init__(base, choices.indices)
        self.choices = choices
        self.points = choices.points
        self.rate = rate
        self.label_map, self._read = label_map, None
        choice, self.seed = random.split(seed, 2)
        self.choice = None
        if len(self.points) > 1:
            bounds = ops.cumsum(probabilities)[:-1]
            self.choice = ops.sum(ops.cast(random.uniform(choice, [1]) >= bounds, "int32"))
        self.drawn = {}
        self.passed = set()
        self.unmixed_masks = {}
        self._unions = {}

    def begin(self, inputs):
        """The inputs, mixed if they are a mix point."""
        passed = CLEAN
        if INPUT in self.mixes_at:
            inputs, passed = self.mix(INPUT, inputs, CLEAN, unknown=False)
        self.learn(inputs, passed)
        self.frames = [Frame(passed, passed)]
        self.inputs = inputs
        return inputs

    def call(self, hook, args, kwargs):
        if self.label_map is None or hook.operation is not self.label_map.layer:
            return super().call(hook, args, kwargs)
        call = functools.partial(super().call, hook)
        outputs, read = self.label_map.weights.called(call, hook.parameters, args, kwargs)
        if not ops.is_tensor(read):
            rule = f"`{self.label_map.path}` must return one tensor for its map to weigh labels"
            checks.refuse(self.choices.owner, rule, checks.described(read))
        self._read = Read(read, self.of_mask(read))
        return outputs

    def mix(self, layer, outputs, before, unknown):
        """A layer's outputs, mixed at each mix point that it is, and these mix points.

        Args:
            layer: The layer, or a path of inputs.
            outputs: What it has computed.
            before: The mix points at which its arguments were mixed.
            unknown: Whether its arguments may have been mixed at others, too.
        """
        passed = CLEAN
        for index in self.mixes_at[layer]:
            point = self.points[index]
            if unknown and index in self.frames[-1].now:
                checks.refuse(
                    self.choices.owner,
                    f"`{point.name_of(layer)}` is called twice, and it must be known whether its "
                    "second input has been mixed already",
                    "an input that is computed outside of Keras's layers",
                    "Put a keras_mix.layers.MixPoint where the model is to be mixed, and name it.",
                )
            self.passed.add((index, layer))
            if index not in before:
                outputs = self._mixed(index, point, outputs, layer)
                passed |= {index}
        return outputs, passed

    def mix_inputs(self, layer, values, before, unknown):
        """The arguments of the base model, single inputs mixed; those of an embedding, checked.

        Not before the base model is called: what it casts would be tensors of unknown origin.
        """
        if layer is not self.base:
            if not unknown:
                self._refuse_blended_ids(layer, before)
        elif self.choices.inputs:
            values[0] = self.inputs = self._with_mixed_inputs(values[0], before)
        return values

    def mix_mask(self, layer, name, value, before):
        """An argument that is a mask, mixed where the data were, but the mask not yet."""
        if not masks.is_of_batch(layer, name, value):
            return value
        return keras.tree.map_structure(lambda mask: self._mask(mask, before), value)

    def part(self, value):
        """The samples, of all tensors of a value, that a plan is drawn for: all of them."""
        return value

    def applied(self, blend, plan, value):
        """A value, mixed by a plan."""
        return blend.apply(plan, value)

    def size_of(self, plan):
        """The number of samples that a value has for a plan, None if it is unknown."""
        return plan.sources.shape[0]

    def union(self, mask, plan, active):
        """The mask of a value that a plan has mixed: see `masks.union`."""
        return masks.union(mask, plan, active)

    def mixture(self, kinds):
        """The `Mixture` of the labels.

        Args:
            kinds: As in `Mixture`.
        """
        for index, point in enumerate(self.points):
            for layer in point.layers:
                if (index, layer) not in self.passed:
                    checks.refuse(
                        self.choices.owner,
                        "every mix point must be called with the model",
                        f"`{point.name_of(layer)}`, which was not called",
                        "Leave it out of `mix_at`; or, if the model calls it inside a tf.function "
                        "of its own, remove that decorator.",
                    )
        drawn = [self.drawn[point.blend] for point in self.points]
        mixture = self.points[0].blend.mixture_of(self.inputs)
        plan = self._plan([each.plan.weights for each in drawn])
        by_map = None
        if self.label_map is not None:
            weights = [
                self.label_map.weights_of(index, point, each, self._read, self.part)
                for index, (point, each) in enumerate(zip(self.points, drawn, strict=True))
            ]
            by_map = ByMap(self._plan(weights).weights, self.label_map.trust)
        return mixture(self.choices, drawn, self.choice, plan, kinds, self.unmixed_masks, by_map)

    def _plan(self, weights):
        """The sources and weights of the mix point that was drawn.

        Args:
            weights: A list of float32 `(B, S)`, the weights at each mix point.
        """
        plans = [
            BlendPlan(self.drawn[point.blend].plan.sources, own)
            for point, own in zip(self.points, weights, strict=True)
        ]
        if len(self.drawn) == 1:
            return plans[0]
        count = max(plan.sources.shape[1] for plan in plans)
        drawn = None
        for index, plan in enumerate(plans):
            # Sources of weight 0 fill up to the largest number of them.
            missing = [[0, 0], [0, count - plan.sources.shape[1]]]
            padded = [ops.pad(tensor, missing) for tensor in (plan.sources, plan.weights)]
            if drawn is not None:
                pairs = zip(padded, drawn, strict=True)
                padded = [ops.where(self.choice == index, new, old) for new, old in pairs]
            drawn = padded
        return BlendPlan(*drawn)

    def _mixed(self, index, point, given, layer):
        holds_integers = blends.check(self.choices.owner, point, layer, given)
        blend = point.blend
        taken = blend.taken(given) if holds_integers else given
        if blend not in self.drawn:
            part = self.part(given)
            plan = blend.plan(part, self.seed, self.rate)
            self.drawn[blend] = Drawn(blend, plan, blend.grid(plan, part))
        plan = self.drawn[blend].plan
        if self.choice is None:
            mixed = self.applied(blend, plan, taken)
        else:
            mixed = ops.cond(
                self.choice == index,
                lambda: self.applied(blend, plan, taken),
                lambda: blend.apply(None, taken),
            )
        if holds_integers:
            mixed = rounded(self.base, given, mixed)
        for old, new in zip(keras.tree.flatten(given), keras.tree.flatten(mixed), strict=True):
            # Keras restores a lost mask only where a layer computes it from its inputs' alone.
            mask = keras_compat.mask_of(old)
            if old is not new and mask is not None:
                keras_compat.set_mask(new, self._mask(mask, frozenset({index})))
        return mixed

    def _with_mixed_inputs(self, inputs, before):
        """The inputs as the base model takes them, some of them mixed by themselves."""
        inputs = as_taken(self.base, inputs)
        parts = named(inputs)
        for path in self.choices.inputs - set(parts):
            rule = f"`{path}` must be one of several inputs"
            checks.refuse(self.choices.owner, rule, f"inputs {list(parts)}")
        leaves = []
        for path, leaf in parts.items():
            passed = CLEAN
            if path in self.mixes_at:
                leaf, passed = self.mix(path, leaf, before, unknown=False)
            self.learn(leaf, before | passed)
            leaves.append(leaf)
        return keras.tree.pack_sequence_as(inputs, leaves)

    def _refuse_blended_ids(self, embedding, before):
        for point in (self.points[index] for index in sorted(before)):
            if not point.blend.cuts:
                checks.refuse(
                    self.choices.owner,
                    "ids cannot be averaged meaningfully",
                    f"ids for the embedding `{embedding.name}`, blended at `{point.name}`",
                    "Name the embedding in `mix_at` instead.",
                )

    def _mask(self, mask, mixed_at):
        """A mask, mixed at the mix points at which it was not mixed before."""
        before = self.of_mask(mask)
        missing = mixed_at - before
        if not missing or not ops.is_tensor(mask):
            return mask
        plans = {index: self.drawn[self.points[index].blend].plan for index in sorted(missing)}
        if len(mask.shape) < 2 or mask.shape[0] != self.size_of(plans[min(plans)]):
            # One for all samples, such as a causal one.
            return mask
        key = id(mask), missing
        if key not in self._unions:
            mixed = mask
            for index, plan in plans.items():
                point = self.points[index]
                point.blend.check_mask(self.choices.owner, point.name, mask)
                active = True if self.choice is None else self.choice == index
                mixed = self.union(mixed, plan, active)
            self._unions[key] = mixed
            self.learn(mask, before)
            self.learn(mixed, before | missing)
            self.unmixed_masks[id(mixed)] = mask
        return self._unions[key]
