"""The base of mixers that apply the plans of other mixers."""

from collections.abc import Sequence

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer

# The options that a mixer follows by itself, even if another layer applies its plans.
DRAWN = ("pairing", "per", "rate")


class Composed(Mixer):
    """Applies the plans that other mixers draw.

    Args:
        mixers: List of mixers.
        **kwargs: Options shared by all mixers, except `pairing`.
    """

    def __init__(self, mixers: Sequence[Mixer], **kwargs: Unpack[SharedOptions]) -> None:
        super().__init__(**kwargs)
        self.mixers = _checked(self, mixers)
        self.pastes = all(mixer.pastes for mixer in self.mixers)
        self.erases = all(mixer.erases for mixer in self.mixers)
        self.moves = any(mixer.moves for mixer in self.mixers)
        self.grid_rank = _grid_rank(self.owner, self.mixers)
        self.smallest_grid = max(mixer.smallest_grid for mixer in self.mixers)
        self.num_sources = max(mixer.num_sources for mixer in self.mixers)
        self.reads = frozenset().union(*(mixer.reads for mixer in self.mixers))

    def check(self, leaves):
        for mixer in self.mixers:
            mixer.check(leaves)

    @property
    def draws_regions(self):
        return any(mixer.draws_regions for mixer in self.mixers)

    @property
    def weighs_by_region(self):
        return any(mixer.weighs_by_region for mixer in self.mixers)

    @property
    def hides(self):
        return any(mixer.hides for mixer in self.mixers)

    def without_effect(self):
        own = "each inner mixer draws partners by its own `pairing`"
        return {**super().without_effect(), "pairing": own}


def saved(mixer, kept=DRAWN):
    """An inner mixer as Keras saves it, without the options of the outer layer."""
    found = keras.saving.serialize_keras_object(mixer)
    shared = set(mixer.shared_options()) - set(kept)
    config = {name: value for name, value in found["config"].items() if name not in shared}
    return {**found, "config": config}


def refuse_outer_options(layer, mixer, kept=DRAWN):
    """Refuses options of an inner mixer that only the outer layer can follow.

    Args:
        layer: The outer layer.
        mixer: The inner mixer.
        kept: The shared options that the inner mixer follows.
    """
    outer = [name for name in mixer.shared_options() if name not in kept]
    for name, value in mixer.stated_options(outer).items():
        if not (name == "dtype" and value == layer.dtype_policy.name):
            raise ValueError(
                f"{layer.owner}: `{name}` belongs to the {layer.owner} and has no effect on an "
                f"inner mixer. Received: {mixer.owner}({name}={value!r}). Pass it to the "
                f"{layer.owner}."
            )


def refuse_no_list(owner, mixers):
    """Refuses what is given instead of a list of mixers."""
    raise ValueError(
        f"{owner}: `mixers` must be a list of at least one mixer. Received: mixers={mixers!r}. "
        f"Put them into a list: {owner}([MixUp(), CutMix()])."
    )


def _checked(layer, mixers):
    owner = layer.owner
    if not isinstance(mixers, list | tuple) or not mixers:
        refuse_no_list(owner, mixers)
    for mixer in mixers:
        checks.instance(owner, "mixers", mixer)
        if not isinstance(mixer, Mixer):
            raise ValueError(
                f"{owner}: `mixers` must hold mixers of keras_mix.layers. Received: {mixer!r}. "
                "Keras's augmentations come before the mixer, in a keras.layers.Pipeline."
            )
        if mixer.stands_alone:
            raise ValueError(
                f"{owner}: {mixer.stands_alone}, so it cannot be an inner mixer. Received: "
                f"{mixer!r}. Use its own `rate`."
            )
        refuse_outer_options(layer, mixer)
    return list(mixers)


def _grid_rank(owner, mixers):
    ranks = {mixer.grid_rank for mixer in mixers} - {None}
    if len(ranks) > 1:
        raise ValueError(
            f"{owner}: all mixers must cut the same axes. Received: spatial_dims="
            f"{[mixer.grid_rank for mixer in mixers]}"
        )
    return next(iter(ranks), None)
