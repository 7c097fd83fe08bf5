"""What each batch draws from: every mix point of a model, with every mixer that may mix there."""

import keras

from keras_mix._core import concentration
from keras_mix._core.keras_compat import graph_of
from keras_mix._core.options import idle_options
from keras_mix.models._forward import blends
from keras_mix.models._forward.recursive_blend import RecursiveBlend
from keras_mix.models._options import arguments
from keras_mix.models._points import dataflow, default_points, inputs, mix_points


class Choices:
    """The choices of a model.

    Not a list of mix points: Keras would count the layers in it as the model's own.

    Args:
        owner: The wrapper's name, for messages.
        base: The model.
        mix_at: The argument of that name, or None.
        default_entries: Function of no arguments, what `mix_at` is where the model holds no mix
            point of its own.
        mixers: The mixers that are given.
        mixers_at: Function of the layers of a mix point, those of the mixers that mix there if it
            has none of its own.

    Attributes:
        points: A list of `mix_points.Point`, one for each choice.
        indices: {layer or path of inputs: its indices in `points`}.
        inputs: The paths of inputs that are mixed by themselves.
        per: "batch" if λ is the batch's at every mix point, else "sample".
        smoothing: The label smoothing.
    """

    def __init__(self, owner, base, mix_at, default_entries, mixers, mixers_at):
        self.owner = owner
        self.base = base
        self._groups = [
            [mix_points.find(owner, base, name) for name in _group(entry)]
            for entry in _entries(owner, base, mix_at, default_entries)
        ]
        self._mixers = [_mixers_of(owner, group, mixers_at) for group in self._groups]
        if mixers and all(_held(group) for group in self._groups):
            idle_options.refuse(
                owner,
                {"mixer": mixers},
                {"mixer": "every mix point of the model is a mixer already"},
                "Leave it out, name other mix points in `mix_at`, or remove the mixers from the "
                "model.",
            )
        self.smoothing = arguments.smoothing(
            owner, [mixer for chosen in self._mixers for mixer in chosen]
        )
        self.points = []

    def __len__(self):
        return sum(len(mixers) for mixers in self._mixers)

    def alpha(self, given, default):
        """The α that one value serves all choices as, else None.

        Args:
            given: The argument of that name, or None.
            default: That of the blend.
        """
        mixers = {id(mixer): mixer for group in self._mixers for mixer in group}.values()
        own = default
        if None not in mixers:
            own = getattr(*mixers, "alpha", None) if len(mixers) == 1 else None
            if given is not None and own is None:
                way_out = "Leave it out." if len(mixers) == 1 else "Pass it to each mixer."
                raise ValueError(
                    f"{self.owner}: `alpha` needs the blend, or a single mixer with an `alpha`. "
                    f"Received: alpha={given!r} and mixers={list(mixers)}. {way_out}"
                )
        return own if given is None else concentration.check(given)

    def check_blend(self, **options):
        """Refuses options of the blend, (value, default), where all mix points have mixers."""
        if any(mixer is None for group in self._mixers for mixer in group):
            return
        given = {name: value for name, (value, default) in options.items() if value != default}
        reasons = dict.fromkeys(given, "it belongs to the blend, and each mixer has its own")
        idle_options.refuse(self.owner, given, reasons, "Pass it to the mixer.")

    def make(self, kinds, alpha, blend_at, **options):
        """Makes the mix points, once it is known how they are mixed.

        Args:
            kinds: The argument of that name.
            alpha: A `Concentration` of `draws`, or None where several mixers have one each.
            blend_at: Function of the layers of a mix point and of Mixup's blend, what is done there
                without a mixer.
            **options: Those of the blend.
        """
        blend = blends.Blend(alpha=alpha, **options)
        for group, mixers in zip(self._groups, self._mixers, strict=True):
            names, layers = zip(*group, strict=True)
            own = inputs.kinds_at(kinds, layers)
            readers = self._readers_of_ids(layers)
            own_blend = blend_at(layers, blend)
            for mixer in mixers:
                made = own_blend if mixer is None else _by_mixer(self.owner, mixer, alpha, own)
                self.points.append(
                    mix_points.Point(layers, names, made, made.kinds or own, readers)
                )
        for point in self.points:
            default_points.warn_of_ways_around(self.owner, self.base, point)
        self.indices = {}
        for index, point in enumerate(self.points):
            for layer in point.layers:
                self.indices.setdefault(layer, []).append(index)
        self.inputs = set(filter(inputs.is_input, self.indices.keys() - {inputs.INPUT}))
        of_batch = all(point.blend.per == "batch" for point in self.points)
        self.per = "batch" if of_batch else "sample"

    def _readers_of_ids(self, layers):
        graph = graph_of(self.base)
        if graph is None:
            return {}
        named = {path: [tensor] for path, tensor in inputs.declared(self.base).items()}
        named[inputs.INPUT] = None
        paths = [path for path in layers if inputs.is_input(path)]
        return {path: dataflow.reader_of_ids(graph, named[path]) for path in paths}

    @property
    def variables(self):
        """The variables in which mix points keep something from step to step."""
        return [each for point in self.points for each in point.blend.variables]

    def prepare(self, inputs):
        """Makes, before the first step, what steps keep: JAX makes no variable in a step."""
        if all(None not in tensor.shape for tensor in keras.tree.flatten(inputs)):
            for point in self.points:
                point.blend.prepare(inputs)

    def prepare_labels(self, y, y_pred):
        """The same for labels."""
        given = [tensor for tensor in keras.tree.flatten([y, y_pred]) if tensor is not None]
        if all(None not in tensor.shape for tensor in given):
            for point in self.points:
                point.blend.prepare_labels(y, y_pred)

    @property
    def mix_points(self):
        """The mix points, as `mix_at` names them."""
        return list(dict.fromkeys(point.name for point in self.points))

    @property
    def pairs(self):
        """(mix point, mixer) of each choice; None for the blend."""
        return [(point.name, getattr(point.blend, "given", None)) for point in self.points]

    @property
    def positions(self):
        """The groups as data to save: names of layers differ from one process to the next."""
        known = list(mix_points.tree(self.base))
        return [
            [path if inputs.is_input(layer) else known.index(path) for path, layer in group]
            for group in self._groups
        ]


def _by_mixer(owner, mixer, alpha, kinds):
    if mixer.recurs:
        return RecursiveBlend(owner, mixer, alpha, kinds)
    return blends.ByMixer(mixer, alpha, kinds)


def at_positions(base, positions):
    """What `mix_at` takes, from what `Choices.positions` gave."""
    known = list(mix_points.tree(base).values())
    groups = [tuple(x if inputs.is_input(x) else known[x] for x in group) for group in positions]
    return [group if len(group) > 1 else group[0] for group in groups]


def _entries(owner, base, mix_at, default_entries):
    if mix_at is None:
        held = [layer for layer in mix_points.tree(base).values() if blends.is_mix_point(layer)]
        mix_at = held or default_entries()
        if not mix_at:
            raise ValueError(
                f"{owner}: a default mix point is a layer that all data pass through, or the "
                f"inputs if they can be blended. Received: {base.name!r}, which has neither. Name "
                'mix points with mix_at=["…"]; several layers in a tuple are one mix point.'
            )
    if isinstance(mix_at, str) or not isinstance(mix_at, list | tuple) or not mix_at:
        raise ValueError(
            f"{owner}: `mix_at` must be a list that names at least one mix point. Received: "
            f"mix_at={mix_at!r}.{_meant(mix_at)}"
        )
    return list(mix_at)


def _meant(mix_at):
    """Names the argument that a value given as `mix_at` belongs to, or the list that it makes."""
    if blends.is_mixer(mix_at):
        return f" Did you mean mixer={mix_at!r}?"
    if isinstance(mix_at, float):
        return f" Did you mean alpha={mix_at!r}?"
    if isinstance(mix_at, int) and not isinstance(mix_at, bool):
        return f" Did you mean mix_at=[{mix_at!r}], or alpha={mix_at!r}?"
    return f" Did you mean mix_at=[{mix_at!r}]?" if isinstance(mix_at, str) else ""


def _group(entry):
    return entry if isinstance(entry, tuple) else (entry,)


def _held(group):
    """The mixers that the layers of a mix point are themselves."""
    return [layer for _, layer in group if blends.changes_labels(layer)]


def _mixers_of(owner, group, mixers_at):
    """The mixers of a mix point, of which each makes a choice of its own; None is the blend."""
    chosen = _held(group) or mixers_at([layer for _, layer in group]) or [None]
    for mixer in chosen:
        arguments.check_mixer(owner, mixer)
        if len(group) > 1 and getattr(mixer, "grid_rank", None):
            raise ValueError(
                f"{owner}: a tuple in `mix_at` is mixed by one plan, whose region cannot cover "
                f"layers of different sizes. Received: {[path for path, _ in group]} with "
                f"{mixer!r}. Use a mixer that blends."
            )
    return chosen
