"""The map of a forward pass by which a model weighs labels."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.options import config, idle_options
from keras_mix.models._options.label_weights import PROGRESSIVE, LabelWeights
from keras_mix.models._points import mix_points


class Read(NamedTuple):
    """What the layer of the map gave in a forward pass.

    Attributes:
        tensor: The tensor that the map is made of.
        mixed_at: The indices of the mix points at which it was mixed.
    """

    tensor: object
    mixed_at: frozenset


class LabelMap:
    """A `weigh_labels` and its layer in a base model.

    Not an attribute of the model itself: Keras would count the layer twice.

    Args:
        owner: The wrapper's name, for messages.
        base: The model.
        weights: A `LabelWeights`.
        choices: The `Choices` of the model.
    """

    def __init__(self, owner, base, weights, choices):
        checks.instance(owner, "weigh_labels", weights)
        if not isinstance(weights, LabelWeights):
            checks.refuse(
                owner,
                "`weigh_labels` must be AttentionWeights or FeatureWeights of keras_mix.models",
                repr(weights),
            )
        self.owner = owner
        self.weights = weights
        self.trust = weights.trust
        self.path, self.layer = mix_points.layer_named(owner, base, weights.layer, "weigh_labels")
        weights.check(owner, self.path, self.layer)
        if not weights.of_outputs and self.layer in choices.indices:
            checks.refuse(
                owner,
                f"scores of `{self.path}` are made before the mix point that it is",
                f"weigh_labels={weights!r}",
                "Mix before the layer.",
            )
        recurring = [p.blend for p in choices.points if getattr(p.blend, "previous", None)]
        if recurring and weights.trust == PROGRESSIVE:
            checks.refuse(
                owner,
                f'trust="{PROGRESSIVE}" needs labels of this batch alone',
                f"{recurring[0].given!r}",
                "Give `trust` as a number.",
            )
        if not any(point.blend.weighs_by_region for point in choices.points):
            reason = "no mixer of the model takes regions of an input from several samples"
            idle_options.refuse(
                owner,
                {"weigh_labels": weights},
                {"weigh_labels": reason},
                "Use a mixer such as CutMix or GridMix, or leave it out.",
            )
        self._position = list(mix_points.tree(base)).index(self.path)

    def saved(self):
        """The weights and the position of their layer, as `loaded` takes them.

        Names of layers differ from one process to the next.
        """
        return [config.saved(self.weights), self._position]

    def weights_of(self, index, point, drawn, read, part):
        """The weights of sources by the map, or without a region those of the plan.

        Args:
            index: The index of the mix point.
            point: The `mix_points.Point`.
            drawn: What was `Drawn` there.
            read: The `Read` of the forward pass, or None.
            part: Function of a tensor: the samples of it that are mixed.

        Returns:
            float32 `(B, S)`.
        """
        if not point.blend.weighs_by_region:
            return drawn.plan.weights
        if read is None or index not in read.mixed_at:
            rule = f"`{self.path}` must be called, after the mix point, for its map to weigh labels"
            order = "was not called" if read is None else f"comes before `{point.name}`"
            checks.refuse(self.owner, rule, f"weigh_labels={self.weights!r}, whose layer {order}")
        tensor = ops.stop_gradient(part(read.tensor))
        values = self.weights.map_of(self.owner, self.path, tensor, drawn.grid)
        return point.blend.weights_by_map(drawn.plan, values)


def found(owner, base, weights, choices):
    """The `LabelMap`, or None without weights."""
    return None if weights is None else LabelMap(owner, base, weights, choices)


def loaded(base, saved):
    """The `LabelWeights` of a base model that was loaded, from what `LabelMap.saved` gave."""
    if saved is None:
        return None
    weights, position = saved
    weights = keras.saving.deserialize_keras_object(weights)
    return weights.at(list(mix_points.tree(base))[position])
