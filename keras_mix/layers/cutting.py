"""The modalities of a sample that are cut: what is asked for, the leaves, and the plans."""

import fractions
import functools

import tensorflow as tf

from keras_mix import checks, masks, plan, sampling
from keras_mix.batch import axis_size, behind
from keras_mix.layers.alignment import followed
from keras_mix.layers.base import Mixer
from keras_mix.layers.composed import Composed, refuse_outer_options, saved
from keras_mix.layers.grids import batch_of, grid_of
from keras_mix.layers.sequence_specs import with_ends
from keras_mix.layers.smoothing_specs import with_smoothing
from keras_mix.layers.specs import spec_of
from keras_mix.layers.weights import placed, with_weights
from keras_mix.leaves import Spec
from keras_mix.naming import key, position

# The shared options that a mixer in `cuts` follows: the draws are those of the layer around it.
OF_A_CUT = ("data_format",)


def checked_cuts(layer, cuts):
    """The mixers, or the names of others before it, by the names of what they cut."""
    owner = layer.owner
    for name, cut in cuts.items():
        checks.instance(owner, f"cuts[{name!r}]", cut)
        if not isinstance(cut, str):
            _check_mixer(layer, name, cut)
        elif not isinstance(cuts.get(cut), Mixer) or list(cuts).index(cut) > list(cuts).index(name):
            raise ValueError(
                f"{owner}: a modality can follow one that stands before it in `cuts` and has a "
                f"mixer. Received: cuts={{{name!r}: {cut!r}}}"
            )
    return dict(cuts)


def _check_mixer(layer, name, mixer):
    owner = layer.owner
    cuts_in_place = isinstance(mixer, Mixer) and mixer.pastes and not (mixer.erases or mixer.moves)
    if not cuts_in_place or isinstance(mixer, Composed) or mixer.num_sources != 2:
        raise ValueError(
            f"{owner}: `cuts` must hold mixers that paste one partner in place, such as CutMix, or "
            f"names. Received: cuts={{{name!r}: {mixer!r}}}. What is not cut is blended."
        )
    refuse_outer_options(layer, mixer, OF_A_CUT)
    if mixer.stated_options(["alpha"]):
        raise ValueError(
            f"{owner}: `alpha` belongs to the {owner}, whose λ all modalities share. "
            f"Received: {mixer.owner}(alpha={mixer.alpha!r}) for {name!r}. Give it to the {owner}."
        )


def data_format_of(owner, data_format, cuts):
    """The given format, or that of the mixer that cuts the most axes; None where no mixer cuts.

    Each mixer cuts its modality by its own format, so one that none of them has is refused.
    """
    mixers = {name: cut for name, cut in cuts.items() if isinstance(cut, Mixer)}
    if data_format is None and mixers:
        return max(mixers.values(), key=lambda mixer: mixer.grid_rank or 0).data_format
    formats = {name: mixer.data_format for name, mixer in mixers.items()}
    if formats and data_format not in formats.values():
        raise ValueError(
            f"{owner}: each mixer in `cuts` must be given the `data_format` of its modality. "
            f"Received: data_format={data_format!r} beside {formats} in `cuts`. Write "
            f"CutMix(data_format={data_format!r}), say."
        )
    return data_format


def checked_rates(owner, rates, cuts):
    """Places a second by the names of what is cut along the same seconds."""
    for name, rate in rates.items():
        checks.integer(f"rates[{name!r}]", rate, low=1)
        if name in cuts:
            raise ValueError(
                f"{owner}: a modality is cut by a mixer or along its seconds. Received: {name!r} "
                "in both `cuts` and `rates`"
            )
        if rate % min(rates.values()):
            raise ValueError(
                f"{owner}: the lowest of `rates` must divide the others, so that the same seconds "
                f"are whole places in all. Received: rates={rates!r}"
            )
    return dict(rates)


def index_of(owner, leaves, name):
    """Where the leaf stands that has this name, or whose path alone ends with it."""
    names = [leaf and leaf.name for leaf in leaves]
    if not any(name in (each, key(each)) for each in names if each):
        checks.refuse(
            owner,
            f"a sample must have the modality `{name}`",
            ", ".join(each for each in names if each),
            "Name modalities as the batch does; fill a missing one, or leave it out of `cuts` and "
            "`rates`.",
        )
    return position(owner, "cuts` or `rates", name, names)


def _batch_of(mixer, name, own, donors, crossed):
    """The `keras_mix.batch.Batch` of one of `cuts`; for boxes that of the image they follow."""
    by, leaf, main = mixer_of(mixer.cuts, name), *_with_followed(mixer, own, name)
    if leaf.kind == "bounding_boxes":
        return batch_of(by, own, donors, crossed, main)
    part = batch_of(by, own, donors, crossed, leaf)
    if leaf is main:
        return part
    axes = _axes(by, leaf, main)
    return part._replace(axes=axes, grid=tuple(axis_size(leaf.tensor, axis) for axis in axes))


def _with_followed(mixer, leaves, name):
    """The leaf of a modality, and the one that it follows, or itself."""
    cut = mixer.cuts[name]
    names = name, cut if isinstance(cut, str) else name
    return [leaves[index_of(mixer.owner, leaves, each)] for each in names]


def _axes(by, leaf, main):
    """The axes of a leaf that the region of a mixer covers, which was drawn on another."""
    grid_of(by, leaf)
    return followed(leaf.tensor.shape, main.tensor.shape, by.grid_rank, by.data_format)


def batches(mixer, own, donors, crossed):
    """What a `CrossModalMix` and the mixers of its parts see of a batch."""
    whole = batch_of(mixer, own, donors, crossed)
    cut = [_batch_of(mixer, name, own, donors, crossed) for name in mixer.cuts]
    timed = [own[index_of(mixer.owner, own, name)] for name in mixer.rates]
    lines = [whole._replace(grid=(axis_size(leaf.tensor, 1),), axes=(1,)) for leaf in timed]
    parts = (part._replace(jit_compile=mixer.jit_compile) for part in (*cut, *lines))
    return whole._replace(parts=tuple(parts))


def specs(mixer, leaves, crossed):
    """How a `CrossModalMix` treats each leaf, by the part of its plan: a blend is the first."""
    names = (*mixer.cuts, *mixer.rates)
    named = {index_of(mixer.owner, leaves, name): name for name in names}
    parts = {None: 0} | {name: part for part, name in enumerate(names, start=1)}
    found = [
        _spec(mixer, leaves, leaf, named.get(index))._replace(
            part=parts[named.get(index)], crossed=crossed, target=leaf.target
        )
        for index, leaf in enumerate(leaves)
    ]
    return with_weights(mixer, leaves, with_smoothing(mixer, leaves, found), None)


def _spec(mixer, leaves, leaf, name):
    if name is None or leaf.kind == "bounding_boxes":
        return spec_of(mixer, leaf, None)
    if name in mixer.rates:
        spec = Spec(leaf.kind, (1,), leaf.tensor.dtype)
    else:
        by, main = mixer_of(mixer.cuts, name), _with_followed(mixer, leaves, name)[1]
        if leaf.kind == "sample_weights":
            spec = placed(leaf, ())
        elif leaf.kind == "segmentation_masks" and mixer.soft_masks:
            spec = spec_of(mixer, leaf, None)
        else:
            spec = spec_of(by, leaf, leaf)._replace(union=mixer.labels == "union")
        if spec.axes is not None:
            spec = spec._replace(axes=_axes(by, leaf, main))
    return with_ends(spec, mixer, leaf) if spec.kind == "token_ids" else spec


def sized(mixer, own):
    """The leaves, behind checks of durations that are unknown until a graph runs."""
    timed = [own[index_of(mixer.owner, own, name)] for name in mixer.rates]
    checked = check_seconds(mixer.owner, timed, list(mixer.rates.values()))
    return behind(checked, own) if checked else own


def check_seconds(owner, leaves, rates):
    """Refuses sequences of different durations; the checks that only a running graph can make."""
    seconds = [
        None if leaf.tensor.shape[1] is None else fractions.Fraction(leaf.tensor.shape[1], rate)
        for leaf, rate in zip(leaves, rates, strict=True)
    ]
    rule = "what is cut along the same seconds must last as long"
    way_out = "Crop or pad it, or mend `rates`."
    if len(set(seconds) - {None}) > 1:
        listed = zip(leaves, seconds, strict=True)
        received = ", ".join(f"{leaf.name}: {float(s):g} s" for leaf, s in listed if s is not None)
        checks.refuse(owner, rule, received, way_out)
    if None not in seconds:
        return []
    names = ", ".join(f"`{leaf.name}`" for leaf in leaves)
    sentence = f"{owner}: {rule}. Received: {names} of different durations. {way_out}"
    places = [
        axis_size(leaf.tensor, 1) * rates[0] - axis_size(leaves[0].tensor, 1) * rate
        for leaf, rate in zip(leaves, rates, strict=True)
    ]
    return [tf.debugging.assert_equal(tf.stack(places), 0, sentence)]


def mixer_of(cuts, name):
    """The mixer that cuts a modality, or that cuts the one which it follows."""
    return cuts[cuts[name]] if isinstance(cuts[name], str) else cuts[name]


def saved_cuts(cuts):
    """The cuts as Keras saves them, without the options of the layer around them."""
    return mapped(functools.partial(saved, kept=OF_A_CUT), cuts)


def mapped(function, cuts):
    """The same cuts, with a function of each mixer in its place."""
    return {name: cut if isinstance(cut, str) else function(cut) for name, cut in cuts.items()}


def cut(cuts, parts, seeds):
    """The plans of the modalities that mixers cut, and of those that follow them.

    Args:
        cuts: As `checked_cuts` returns them.
        parts: A `keras_mix.batch.Batch` for each, with the λ and the partners that all share.
        seeds: int32[2] for each.
    """
    drawn = {}
    for (name, by), part, seed in zip(cuts.items(), parts, seeds, strict=True):
        if isinstance(by, str):
            region = masks.stretched(drawn[by].region, part.grid)
            drawn[name] = plan.paste(part.partners, region)
        else:
            drawn[name] = by.sample(part, seed)
    return list(drawn.values())


def cut_in_time(rates, parts, seed):
    """The plans of the modalities that are cut along the same seconds, one `Batch` for each."""
    if not rates:
        return []
    slowest = min(rates.values())
    coarse = parts[list(rates.values()).index(slowest)]
    sides = masks.sides(1.0 - coarse.ratio, coarse.grid)
    centre = sampling.points(seed, coarse.draws, coarse.grid)
    (line,) = masks.rectangle(centre, sides, coarse.grid)
    # A place of the slowest is a whole number of places of each other.
    return [
        plan.paste(part.partners, (tf.repeat(line, rate // slowest, axis=1),))
        for part, rate in zip(parts, rates.values(), strict=True)
    ]


def mean_share(cuts, cut_plans, timed_plans):
    """float32 [B], the mean of what the modalities have counted of the partner.

    Those that follow another one are counted with it.
    """
    own = [
        drawn for by, drawn in zip(cuts.values(), cut_plans, strict=True) if isinstance(by, Mixer)
    ]
    shares = [tf.cast(each.weights[:, 1], tf.float64) for each in [*own, *timed_plans]]
    return tf.cast(tf.add_n(shares) / len(shares), tf.float32)
