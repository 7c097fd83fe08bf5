"""A batch as named leaves bound to rules, and how to rebuild its structure."""

import operator
from typing import NamedTuple

from keras_mix._core import checks, kinds
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.batch.annotations import refuse_missing
from keras_mix._core.batch.batch import Batch, Head, InputsAlone, behind, inputs_of
from keras_mix._core.batch.call_forms import (
    arranged,
    arranged_partners,
    refuse_unused_label_rule,
    refuse_unused_partners,
)
from keras_mix._core.batch.region_grid import Grid, grid_of
from keras_mix._core.batch.structure import Structure
from keras_mix._core.batch.unbatched import refuse_single, refuse_zipped
from keras_mix._core.batch.unknown_names import refuse_unknown, refuse_unknown_heads
from keras_mix._core.leaves.missing_values import missing_of
from keras_mix._core.leaves.padding import Validity
from keras_mix._core.leaves.rule import Passthrough, Pool
from keras_mix._core.leaves.sequence_checks import check_sequences
from keras_mix._core.leaves.tables import table_of
from keras_mix.layers._mixer.annotated import annotations
from keras_mix.layers._mixer.image_frames import framed


class Reading(NamedTuple):
    """The leaves of a batch, each with its rule.

    Attributes:
        leaves: A list of `batch.Leaf`.
        second: The leaves of the second batch that partners come from, None for one that it does
            not have; None if partners come from the batch itself.
        rules: The rule of each leaf.
        grid: The `Grid` of the mixer's regions, or None.
        structure: The `Structure` that the leaves are of.
        pack: Function that restores the structure given, from that of `structure`.
    """

    leaves: list
    second: list | None
    rules: list
    grid: Grid | None
    structure: Structure
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
    def of_validity(self):
        """The numbers of the leaves that say which time steps are valid, or which tokens stay."""
        return [number for number, rule in enumerate(self.rules) if rule.tells_validity]

    def packed(self, results):
        """The structure that was given, with results instead of its leaves."""
        return self.pack(self.structure.packed(results))


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
    given, pack = arranged(mixer.owner, x, y, sample_weight)
    structure = Structure(given)
    refuse_zipped(mixer.owner, structure.folded)
    if mixer.kinds or mixer.passthrough or mixer.sequence_options.padding_id:
        refuse_unknown(mixer, structure, alone)
    leaves = mixer.reader.read(structure)
    if isinstance(mixer.num_classes, dict):
        refuse_unknown_heads(mixer, leaves)
    refuse_missing(mixer, leaves)
    mixer.check(leaves)
    # Under symbolic calls the first axis is always the batch's.
    if alone and not symbolic:
        refuse_single(mixer, leaves)
    if any(leaf.kind == "bounding_boxes" for leaf in leaves):
        leaves = framed(mixer, leaves)
    else:
        _refuse_idle_options(mixer, leaves)
    if mixer.label_rule is not None:
        refuse_unused_label_rule(mixer, leaves)
    found = _bound(mixer, leaves, structure, pack)
    if partners is not None:
        refuse_unused_partners(mixer)
        partners = arranged_partners(mixer.owner, partners)
        second = mixer.reader.read_partners(partners, found.leaves)
        second = _with_objects(mixer, second, found)
        if any(leaf and leaf.kind == "bounding_boxes" for leaf in second):
            second = framed(mixer, second)
        # Bound only to refuse what a first batch would be refused for: the rules are the same.
        whole = [other or leaf for other, leaf in zip(second, found.leaves, strict=True)]
        mixer.bind(whole, grid_of(mixer, whole))
        found = found._replace(second=second)
    if any(rule.tells_validity for rule in found.rules):
        check_sequences(mixer, found)
    return found


def _with_objects(mixer, second, found):
    """The second batch, with no object in those leaves of objects that it does not have.

    Refuses one without a sample.
    """
    number = next(n for n, leaf in enumerate(second) if leaf and leaf.kind != "passthrough")
    size = axis_size(second[number].tensor, 0)
    rule = "`partners` must hold at least one sample"
    if not isinstance(size, int):
        # The leaf that the number of donors is read from.
        check = xp.checked(size > 0, f"{mixer.owner}: {rule}.")
        second[number : number + 1] = behind([check], [second[number]])
    elif not size:
        checks.refuse(mixer.owner, rule, "none", "Leave it out to draw partners from the batch.")
    completed = []
    for leaf, rule, other in zip(found.leaves, found.rules, second, strict=True):
        absent = rule.absent(leaf.tensor, size) if other is None else None
        completed.append(other if absent is None else leaf._replace(tensor=absent))
    return completed


def read_inputs(mixer, x):
    """The `Reading` of inputs alone, as models have them at a hidden layer."""
    structure = Structure((x,))
    return _bound(mixer, mixer.reader.read(structure), structure, operator.itemgetter(0))


def _bound(mixer, leaves, structure, pack):
    """The `Reading` of leaves, each bound to its rule and guarded by checks of unknown sizes."""
    grid = grid_of(mixer, leaves)
    rules = mixer.bind(leaves, grid)
    checked = mixer.sized(leaves, rules, grid)
    if grid and checked is not leaves:
        # Checked leaves are new tensors, so the grid's leaf is replaced by its copy.
        pairs = zip(leaves, checked, strict=True)
        grid = grid._replace(leaf=next(copy for leaf, copy in pairs if leaf is grid.leaf))
    return Reading(checked, None, rules, grid, structure, pack)


def batch_of(mixer, reading, grid=None):
    """The `Batch` that the mixer's `sample` is given.

    Args:
        mixer: The layer.
        reading: A `reading.Reading`.
        grid: The `Grid` of the mixer's regions, if it is not that of the reading.
    """
    own, second = reading.leaves, reading.second or reading.leaves
    tensors = [
        (leaf.tensor, other and other.tensor) for leaf, other in zip(own, second, strict=True)
    ]
    mixed = [leaf for leaf in own if leaf.kind != "passthrough"]
    targets = [n for n, leaf in enumerate(own) if leaf.target and kinds.ALL[leaf.kind].is_read]
    size = donors = axis_size(mixed[0].tensor, 0)
    if reading.second is not None:
        donor_leaf = next(leaf for leaf in second if leaf and leaf.kind != "passthrough")
        donors = axis_size(donor_leaf.tensor, 0)
    grid = grid or reading.grid
    main_input = grid.leaf if grid else next(iter(inputs_of(mixed)), None)
    inputs = [n for n, leaf in enumerate(own) if leaf is main_input]
    images, donor_images = tensors[inputs[0]] if inputs else (None, None)
    labels, donor_labels = tensors[targets[0]] if targets else (None, None)
    # Columns of a table have no padding.
    numbers = [] if mixer.mixes_tables else reading.of_validity
    kind = Batch if targets else InputsAlone
    return kind(
        size=size,
        donors=donors,
        has_second_batch=reading.second is not None,
        draws=size,
        grid=grid and grid.sizes,
        axes=grid and grid.axes,
        images=images,
        donor_images=donor_images,
        labels=labels,
        donor_labels=donor_labels,
        table=table_of(reading.rules) if mixer.mixes_tables else None,
        missing=missing_of(reading.rules, reading.pools) if mixer.mixes_tables else None,
        heads=tuple(
            Head(own[n].name, own[n].kind, *tensors[n])
            for n in targets
            if len(own[n].tensor.shape) <= 2
        ),
        unmixed=tuple(
            Head(leaf.name, leaf.kind, *tensors[n])
            for n, leaf in enumerate(own)
            if leaf.kind == "passthrough" and hasattr(leaf.tensor, "shape")
        ),
        num_classes=mixer.num_classes,
        jit_compile=mixer.jit_compile,
        validity=_validity(reading, numbers),
        annotations=annotations(mixer, own),
        donor_annotations=annotations(mixer, second),
    )


def validity_of(reading, group):
    """The `Validity` that the leaves of one group determine; None if they determine none."""
    return _validity(reading, [n for n in reading.of_validity if reading.rules[n].group == group])


def _validity(reading, numbers):
    rules, pools = reading.rules, reading.pools
    if not numbers:
        return None
    return Validity([rules[n] for n in numbers], [pools[n] for n in numbers])


def _refuse_idle_options(mixer, leaves):
    """Refuses options that have no effect on a batch without boxes, or without a region."""
    if mixer.box_options.format is not None:
        checks.refuse(
            mixer.owner,
            "`bounding_boxes` needs a batch with boxes",
            ", ".join(f"{leaf.name}: {leaf.kind}" for leaf in leaves),
            'Give boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N), -1 where there is '
            'none, under the key "bounding_boxes" or in y; or leave it out.',
        )
    if mixer.main_input is not None and mixer.grid_rank is None:
        checks.refuse(
            mixer.owner,
            "`main_input` is for a mixer that draws regions, or for a batch with boxes",
            f"main_input={mixer.main_input!r} beside "
            + ", ".join(f"{leaf.name}: {leaf.kind}" for leaf in leaves),
            "Leave it out.",
        )
