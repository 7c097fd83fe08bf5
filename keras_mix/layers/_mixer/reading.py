"""What comes in: a batch as named leaves, each bound to its rule, with the way back."""

import operator
from typing import NamedTuple

import tensorflow as tf

from keras_mix._core.batch.batch import Leaf
from keras_mix._core.batch.call_forms import (
    arranged,
    refuse_unused_label_rule,
    refuse_unused_partners,
)
from keras_mix._core.batch.grid import leaf_of_the_grid
from keras_mix._core.batch.named_leaves import refuse_unknown, refuse_unknown_heads
from keras_mix._core.batch.structure import fold, restored
from keras_mix._core.batch.unbatched import refuse_single, refuse_zipped
from keras_mix._core.leaves.padding import Validity
from keras_mix._core.leaves.rule import Passthrough, Pool
from keras_mix._core.leaves.sequence_checks import check_sequences
from keras_mix.layers._mixer.batches import framed, refuse_idle_options


class Reading(NamedTuple):
    """The leaves of a batch, each with its rule.

    Attributes:
        leaves: A list of `batch.Leaf`.
        second: The leaves of the second batch that partners come from, None for one that it does
            not have; None if partners come from the batch itself.
        rules: The rule of each leaf.
        main: The leaf that the mixer's regions lie on, or None.
        structure: The structure that the leaves are packed into.
        pack: What makes of that the structure that was given.
    """

    leaves: list
    second: list | None
    rules: list
    main: Leaf | None
    structure: object
    pack: object

    @property
    def pools(self):
        """The `Pool` of each leaf."""
        if self.second is None:
            return [Pool(leaf.tensor) for leaf in self.leaves]
        return [
            Pool(leaf.tensor, other and other.tensor)
            for leaf, other in zip(self.leaves, self.second, strict=True)
        ]

    @property
    def mixed(self):
        """The numbers of the leaves that a plan applies to."""
        return [
            number
            for number, rule in enumerate(self.rules)
            if not isinstance(rule, Passthrough)
            if self.second is None or self.second[number] is not None
        ]

    @property
    def telling(self):
        """The numbers of the leaves that tell which time steps are valid, or which tokens stay."""
        return [number for number, rule in enumerate(self.rules) if rule.tells_validity]

    def batch(self, mixer):
        """The `Batch` that the mixer's `sample` is given."""
        found = mixer.batch(self)
        if mixer.mixes_tables:
            # Columns of a table have no padding.
            return found
        telling, pools = self.telling, self.pools
        if not telling:
            return found
        rules = tuple(self.rules[number] for number in telling)
        return found._replace(validity=Validity(rules, tuple(pools[number] for number in telling)))

    def packed(self, results):
        """The structure that was given, with results in the place of its leaves."""
        given = tf.nest.flatten(self.structure)
        found = [restored(*pair) for pair in zip(given, results, strict=True)]
        return self.pack(tf.nest.pack_sequence_as(self.structure, found))


def read(mixer, x, y, sample_weight, partners, alone, symbolic):
    """The `Reading` of a call's arguments; refuses what the mixer cannot mix.

    Args:
        mixer: The mixer.
        x: As in `Mixer.call`.
        y: As in `Mixer.call`.
        sample_weight: As in `Mixer.call`.
        partners: As in `Mixer.call`.
        alone: Whether the mixer is called by itself, and not inside a model.
        symbolic: Whether only shapes are asked for.
    """
    structure, pack = arranged(x, y, sample_weight)
    structure = fold(structure)
    refuse_zipped(mixer.owner, structure)
    refuse_unknown(mixer, structure, mixer.reader.names(structure), alone)
    leaves = mixer.reader.read(structure)
    refuse_unknown_heads(mixer, leaves)
    mixer.check(leaves)
    # The first axis of what Keras asks the output's shape of is that of the batch.
    if alone and not symbolic:
        refuse_single(mixer, leaves)
    leaves = framed(mixer, leaves)
    refuse_idle_options(mixer, leaves)
    refuse_unused_label_rule(mixer, leaves)
    bound = bind(mixer, leaves, structure, pack)
    if partners is not None:
        refuse_unused_partners(mixer)
        second = framed(mixer, mixer.reader.read_partners(fold(partners), bound.leaves))
        # Their values are checked as those of the first batch are.
        pairs = zip(second, bound.leaves, strict=True)
        whole = [other or leaf for other, leaf in pairs]
        mixer.bind(whole, leaf_of_the_grid(mixer, whole))
        bound = bound._replace(second=second)
    check_sequences(mixer, bound.leaves, bound.second or ())
    return bound


def read_inputs(mixer, x):
    """The `Reading` of inputs alone, as models have them at a hidden layer."""
    return bind(mixer, mixer.reader.read((x,)), (x,), operator.itemgetter(0))


def bind(mixer, leaves, structure, pack):
    """The `Reading` of leaves, each bound to its rule, behind checks of unknown sizes."""
    main = leaf_of_the_grid(mixer, leaves)
    rules = mixer.bind(leaves, main)
    # Checks hold tensors of their own: the main leaf is one of the leaves behind them.
    number = next((n for n, leaf in enumerate(leaves) if leaf is main), None)
    leaves = mixer.sized(leaves, rules, main)
    main = main if number is None else leaves[number]
    return Reading(leaves, None, rules, main, structure, pack)
