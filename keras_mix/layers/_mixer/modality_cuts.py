"""How `CrossModalMix` cuts modalities: its options, the rules of its leaves, and its plans."""

import dataclasses
import fractions
import functools
from typing import Protocol, runtime_checkable

from keras_mix._core import checks, kinds, leaf_names
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.batch.batch import behind
from keras_mix._core.batch.region_grid import Grid, followed, grid_on, sizes_of
from keras_mix._core.draw import random, shapes
from keras_mix._core.leaf_names import key, position
from keras_mix._core.leaves import rules
from keras_mix._core.leaves.dense import Dense
from keras_mix._core.leaves.instance_masks import InstanceMasks
from keras_mix._core.leaves.sample_weights import SampleWeights
from keras_mix._core.plan import plan
from keras_mix._core.plan.regions import Box
from keras_mix.layers._mixer.mixer_of_mixers import Composed, refuse_outer_options, saved
from keras_mix.layers._mixer.reading import batch_of, validity_of
from keras_mix.layers.mixer import Mixer

# The kinds of leaves that say which time steps of a modality are valid.
VALIDITY = ("lengths", "masks")
# The shared options that a mixer in `cuts` follows; all others belong to `CrossModalMix`.
OF_A_CUT = ("data_format",)


def checked_cuts(layer, cuts):
    """The checked `cuts`: a dict from modality names to mixers, or to names of earlier ones."""
    owner = layer.owner
    for name, cut in cuts.items():
        checks.instance(owner, f"cuts[{name!r}]", cut)
        if not isinstance(cut, str):
            _check_mixer(layer, name, cut)
        elif leaf_names.entry(layer.kinds, name) in VALIDITY:
            continue
        elif not isinstance(cuts.get(cut), Mixer) or list(cuts).index(cut) > list(cuts).index(name):
            raise ValueError(
                f"{owner}: a modality can only follow an earlier one in `cuts` that has a mixer, "
                "except lengths and masks, which `kinds` must name. "
                f"Received: cuts={{{name!r}: {cut!r}}}"
            )
    return dict(cuts)


@runtime_checkable
class PastesGivenPartners(Protocol):
    """A mixer that can cut one of several modalities: it pastes one partner without moving it."""

    def sample_given(self, batch, lam, partners, seed):
        """The plan of one batch, given the λ and partners of all modalities.

        Args:
            batch: A `keras_mix.plans.Batch`.
            lam: float32 `(draws,)`, λ; ignored by mixers that draw no λ.
            partners: int32 `(B,)`.
            seed: int32[2], to be split, one seed for each other draw.
        """


def _check_mixer(layer, name, mixer):
    owner = layer.owner
    cuts_in_place = isinstance(mixer, Mixer) and mixer.pastes and not (mixer.erases or mixer.moves)
    if not cuts_in_place or isinstance(mixer, Composed) or mixer.num_sources != 2 or mixer.reads:
        raise ValueError(
            f"{owner}: `cuts` must hold names, or mixers that paste one partner without moving it "
            f"and read no targets, such as CutMix. Received: cuts={{{name!r}: {mixer!r}}}. "
            "Modalities left out are blended."
        )
    if not isinstance(mixer, PastesGivenPartners):
        raise ValueError(
            f"{owner}: a mixer in `cuts` must define `sample_given(batch, lam, partners, seed)`, "
            f"its plan for the λ and partners of all modalities. Received: "
            f"cuts={{{name!r}: {mixer!r}}}. Move there what `sample` does once it has drawn these."
        )
    refuse_outer_options(layer, mixer, OF_A_CUT)
    for option, value in mixer.stated_options(["alpha", "keep_major"]).items():
        raise ValueError(
            f"{owner}: `{option}` belongs to the {owner}, which draws one λ for all modalities. "
            f"Received: {mixer.owner}({option}={value!r}) for {name!r}. Pass it to the {owner}."
        )


def data_format_of(owner, data_format, cuts):
    """The given format, or that of the mixer that cuts the most axes; None if no mixer cuts.

    Each mixer cuts its modality by its own format, so a format that no mixer has is refused.
    """
    mixers = {name: cut for name, cut in cuts.items() if isinstance(cut, Mixer)}
    if data_format is None and mixers:
        return max(mixers.values(), key=lambda mixer: mixer.grid_rank or 0).data_format
    formats = {name: mixer.data_format for name, mixer in mixers.items()}
    if formats and data_format not in formats.values():
        raise ValueError(
            f"{owner}: each mixer in `cuts` must be given the `data_format` of its modality. "
            f"Received: data_format={data_format!r} beside {formats} in `cuts`. Pass it to them, "
            f"for example CutMix(data_format={data_format!r})."
        )
    return data_format


def checked_rates(owner, rates, cuts):
    """The checked `sampling_rates`: a dict from modality names to time steps per second."""
    for name, rate in rates.items():
        checks.integer(f"sampling_rates[{name!r}]", rate, low=1)
        if name in cuts:
            raise ValueError(
                f"{owner}: a modality must be cut either by a mixer or along its seconds. "
                f"Received: {name!r} in both `cuts` and `sampling_rates`"
            )
        if rate % min(rates.values()):
            raise ValueError(
                f"{owner}: the lowest of `sampling_rates` must divide the others, so that the same "
                f"seconds are whole time steps in all. Received: sampling_rates={rates!r}"
            )
    return dict(rates)


def index_of(owner, leaves, name):
    """The position of the leaf with this name, or of the only leaf with a path ending in it."""
    names = [leaf and leaf.name for leaf in leaves]
    if not any(name in (each, key(each)) for each in names if each):
        checks.refuse(
            owner,
            f"a sample must have the modality `{name}`",
            ", ".join(each for each in names if each),
            "Use the names of the batch; fill a missing modality, or leave it out of `cuts` and "
            "`sampling_rates`.",
        )
    return position(owner, "cuts` or `rates", name, names)


def drawn_cuts(mixer):
    """The `cuts` without the lengths and masks, which have the plan of their modality."""
    return {
        name: cut
        for name, cut in mixer.cuts.items()
        if leaf_names.entry(mixer.kinds, name) not in VALIDITY
    }


def cuts_time(mixer):
    """Whether a modality is cut along its time alone, so that lengths could be those of several."""
    along = [cut for cut in mixer.cuts.values() if isinstance(cut, Mixer) and cut.grid_rank == 1]
    return bool(along or mixer.sampling_rates)


def _cut(mixer, leaves, name):
    """The mixer that cuts a modality, its leaf, and the leaf that the region is drawn on."""
    by = mixer.cuts[name]
    drawn_on = by if isinstance(by, str) else name
    found = [leaves[index_of(mixer.owner, leaves, each)] for each in (name, drawn_on)]
    return mixer.cuts[drawn_on], *found


def _batch_of(mixer, name, found):
    """The `Batch` of a modality in `cuts`; for boxes and keypoints that of their image."""
    by, leaf, main = _cut(mixer, found.leaves, name)
    part = batch_of(by, found, grid_on(by, main))
    if leaf is main or leaf.kind in ("bounding_boxes", "keypoints"):
        return part
    axes = _axes(by, leaf, main)
    return part._replace(axes=axes, grid=tuple(axis_size(leaf.tensor, axis) for axis in axes))


def _axes(by, leaf, main):
    """The axes of a leaf that a mixer's region covers, which was drawn on the leaf `main`."""
    if leaf.kind == "instance_masks":
        return InstanceMasks.axes
    grid_on(by, leaf)
    return followed(leaf.tensor.shape, main.tensor.shape, by.grid_rank, by.data_format)


def batch(mixer, found):
    """The `Batch` of a `CrossModalMix`, which holds those of the modalities that are cut."""
    whole = batch_of(mixer, found)
    parts = {name: _batch_of(mixer, name, found) for name in drawn_cuts(mixer)}
    for name in mixer.sampling_rates:
        leaf = found.leaves[index_of(mixer.owner, found.leaves, name)]
        parts[name] = whole._replace(grid=(axis_size(leaf.tensor, 1),), axes=(1,))
    own = {"jit_compile": mixer.jit_compile}
    return whole._replace(
        validity=None,
        parts={
            name: part._replace(validity=validity_of(found, group=name), **own)
            for name, part in parts.items()
        },
    )


def bind(mixer, leaves, grid):
    """The rule of each leaf of a `CrossModalMix`; the default plan is a blend."""
    names = (*mixer.cuts, *mixer.sampling_rates)
    named = {index_of(mixer.owner, leaves, name): name for name in names}
    found = [_rule(mixer, leaves, leaf, named.get(number)) for number, leaf in enumerate(leaves)]
    return rules.with_context(mixer, leaves, found, None)


def _rule(mixer, leaves, leaf, name):
    of_objects = leaf.kind in kinds.OF_OBJECTS
    if of_objects:
        _refuse_unless_following(mixer, leaves, leaf, name)
    if leaf.kind in VALIDITY:
        return _rule_of_validity(mixer, leaves, leaf, name)
    if name is None:
        return rules.KINDS[leaf.kind](mixer, leaf, None)
    if of_objects:
        rule = rules.KINDS[leaf.kind](mixer, leaf, None)
    elif name in mixer.cuts:
        by, leaf, main = _cut(mixer, leaves, name)
        axes = _axes(by, leaf, main) if len(leaf.tensor.shape) > by.grid_rank else None
        rule = _rule_along(_Pasting(mixer, by.grid_rank, by.data_format), leaf, axes)
    elif len(leaf.tensor.shape) < 2:
        rule = "must be (B, T, …) to be cut along its seconds"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    elif leaf.kind == "labels":
        rule = Dense((1,), leaf.precise_dtype, target=True)
    else:
        rule = _rule_along(_Pasting(mixer, 1, "channels_last"), leaf, (1,))
    return dataclasses.replace(rule, group=name)


def _rule_of_validity(mixer, leaves, leaf, name):
    """The rule of lengths or a mask, which have the plan of the modality that they belong to."""
    modality = mixer.cuts.get(name)
    if not isinstance(modality, str) and cuts_time(mixer):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must name the modality whose valid time steps it tells",
            f"{leaf.kind} without an entry in `cuts`",
            f'Name it, cuts={{…, "{key(leaf.name)}": "text"}}.',
        )
    grid = None
    if isinstance(modality, str):
        main = leaves[index_of(mixer.owner, leaves, modality)]
        by = mixer.cuts.get(modality)
        if isinstance(by, Mixer):
            grid = grid_on(by, main)
        elif modality in mixer.sampling_rates:
            grid = Grid(main, (1,), sizes_of(main.tensor.shape, (1,)), "channels_last")
    rule = rules.KINDS[leaf.kind](mixer, leaf, grid)
    if leaf.kind == "masks" and grid is not None and rule.axes is None:
        way_out = "Give it one entry for each time step."
        received = f"{checks.described(leaf.tensor)} beside {checks.described(main.tensor)}"
        rule = f"must have as many time steps as `{main.name}` to mask them"
        checks.reject(mixer.owner, leaf.name, rule, received, way_out)
    return dataclasses.replace(rule, group=modality)


class _Pasting:
    """A `CrossModalMix` as the rules of one modality see it: a mixer that pastes along its axes."""

    pastes = True

    def __init__(self, layer, grid_rank, data_format):
        self._layer = layer
        self.grid_rank = grid_rank
        self.data_format = data_format

    def __getattr__(self, name):
        return getattr(self._layer, name)


def _rule_along(mixer, leaf, axes):
    """The rule of a leaf that is cut along the axes; None for one that lacks them."""
    if leaf.kind == "sample_weights":
        return SampleWeights(axes, leaf.precise_dtype)
    grid = axes and Grid(leaf, axes, sizes_of(leaf.tensor.shape, axes), mixer.data_format)
    return rules.KINDS[leaf.kind](mixer, leaf, grid)


def _refuse_unless_following(mixer, leaves, leaf, name):
    """Refuses boxes, keypoints and instance masks that do not follow their image."""
    images = [index_of(mixer.owner, leaves, each) for each in mixer.cuts]
    images = [n for n in images if leaves[n].kind == "images"]
    if name is None:
        # They may belong to an image that is not cut.
        every = [n for n, each in enumerate(leaves) if each.kind == "images"]
        legal = not images or len(images) < len(every)
    else:
        by = mixer.cuts.get(name)
        legal = isinstance(by, str) and mixer.cuts[by].grid_rank == 2
    if not legal:
        cut = f"{mixer.cuts[name]!r} for it" if name in mixer.cuts else "no image that it follows"
        image = key(leaves[images[0]].name) if images else "image"
        checks.reject(
            mixer.owner,
            leaf.name,
            "belongs to an image and must be cut together with it",
            cut,
            f'Name the image that it follows, cuts={{…, "{key(leaf.name)}": "{image}"}}.',
        )


def sized(mixer, leaves, rules_of_leaves, grid):
    """The leaves, with checks of durations that are unknown until a graph runs."""
    timed = [leaves[index_of(mixer.owner, leaves, name)] for name in mixer.sampling_rates]
    checked = _check_seconds(mixer.owner, timed, list(mixer.sampling_rates.values()))
    return behind(checked, leaves) if checked else leaves


def _check_seconds(owner, leaves, rates):
    """Refuses sequences of different durations; returns the checks left to the running graph."""
    seconds = [
        None if leaf.tensor.shape[1] is None else fractions.Fraction(leaf.tensor.shape[1], rate)
        for leaf, rate in zip(leaves, rates, strict=True)
    ]
    rule = "modalities that are cut along the same seconds must have the same duration"
    way_out = "Crop or pad them, or correct `sampling_rates`."
    if len(set(seconds) - {None}) > 1:
        listed = zip(leaves, seconds, strict=True)
        received = ", ".join(f"{leaf.name}: {float(s):g} s" for leaf, s in listed if s is not None)
        checks.refuse(owner, rule, received, way_out)
    if None not in seconds:
        return []
    names = ", ".join(f"`{leaf.name}`" for leaf in leaves)
    sentence = f"{owner}: {rule}. Received: {names} of different durations. {way_out}"
    products = [
        axis_size(leaf.tensor, 1) * rates[0] - axis_size(leaves[0].tensor, 1) * rate
        for leaf, rate in zip(leaves, rates, strict=True)
    ]
    return [xp.checked(xp.equal(xp.stack(products), 0), sentence)]


def saved_cuts(cuts):
    """The cuts as Keras saves them, without the options of the outer layer."""
    return mapped(functools.partial(saved, kept=OF_A_CUT), cuts)


def mapped(function, cuts):
    """The cuts, with a function applied to each mixer."""
    return {name: cut if isinstance(cut, str) else function(cut) for name, cut in cuts.items()}


def cut(cuts, batch, lam, partners, seeds, discounted):
    """A dict from the names of the modalities in `cuts` to their plans.

    Args:
        cuts: As `drawn_cuts` returns them.
        batch: The `Batch`, with those of the modalities.
        lam: float32 `(draws,)`, the λ of all modalities.
        partners: int32 `(B,)`, the partners of all modalities.
        seeds: int32[2] for each modality.
        discounted: Function of a plan and the `Batch` of its modality, which excludes padding.
    """
    drawn = {}
    for (name, by), seed in zip(cuts.items(), seeds, strict=True):
        part = batch.parts[name]._replace(draws=batch.draws)
        if isinstance(by, str):
            drawn[name] = plan.paste(partners, drawn[by].region.stretch(part.grid))
        else:
            drawn[name] = discounted(by.sample_given(part, lam, partners, seed), part)
    return drawn


def cut_in_time(rates, batch, lam, partners, seed, discounted):
    """A dict from the names of the modalities in `sampling_rates` to their plans; see `cut`."""
    if not rates:
        return {}
    slowest = min(rates, key=rates.get)
    grid = batch.parts[slowest].grid
    sides = shapes.sides(1.0 - lam, grid)
    (line,) = shapes.rectangle(random.points(seed, batch.draws, grid), sides, grid).lines
    # A time step of the slowest is a whole number of time steps of each other.
    return {
        name: discounted(
            plan.paste(partners, Box((xp.repeat(line, rate // rates[slowest], axis=1),))),
            batch.parts[name],
        )
        for name, rate in rates.items()
    }


def mean_share(cuts, drawn):
    """float32 `(B,)`, the partner's mixing weight: the mean over the modalities that are cut.

    A modality that follows another one is counted with it.
    """
    counted = [each for name, each in drawn.items() if not isinstance(cuts.get(name), str)]
    weights = [xp.cast(each.weights[:, 1], "float64") for each in counted]
    return xp.cast(xp.add_n(weights) / len(weights), "float32")
