"""What is done at a mix point: a blend, or the plan of a mixer.

Both refuse what they cannot mix, `check(owner, name, tensors)` and `check_mask(owner, name, mask)`,
draw a plan for the value at the mix point, `plan(value, seed, rate)`, and apply it,
`apply(plan, value)`; with `plan=None` values are only cast to the dtype of mixed ones. A target on
the `grid(plan, value)` of the plan's region is mixed as `portions(plan, target, fit)`.
"""

import keras
from keras import ops

from keras_mix._core import checks, leaf_names
from keras_mix._core.ops import mixup, target_portions
from keras_mix._core.ops.tensors import is_float
from keras_mix.layers.mix_point import MixPoint
from keras_mix.models._points.inputs import is_input, paths
from keras_mix.models._targets.mixture import Mixture


class _AnyBlend:
    """What a blend does unless it says otherwise: it keeps nothing from step to step."""

    variables = ()

    def prepare(self, inputs):
        """Makes, before the first step, what steps keep of such inputs."""

    def prepare_labels(self, y, y_pred):
        """Makes, before the first step, what steps keep of such labels.

        Args:
            y: The labels, a structure.
            y_pred: The predictions, a structure.
        """

    def check(self, owner, name, tensors):
        """Takes all that a mix point may hold."""

    def check_mask(self, owner, name, mask):
        """Takes all masks."""

    def mixture_of(self, inputs):
        """The class of the labels' mixture, or a function with the arguments of `Mixture`.

        Args:
            inputs: What the base model was given.
        """
        return Mixture


class Blend(_AnyBlend):
    """Mixup's blend. All mix points of a batch have the same plan.

    Args:
        per: "sample" or "batch".
        **options: The other options of `mixup.draw`.
    """

    def __init__(self, per, **options):
        self.per = per
        self.options = options
        self.cuts = False
        self.weighs_by_region = False
        self.kinds = {}

    def plan(self, value, seed, rate):
        """The `mixup.BlendPlan` of a batch as large as the value's."""
        size = ops.shape(keras.tree.flatten(value)[0])[0]
        return mixup.draw(seed, size, rate, per=self.per, **self.options)

    def grid(self, plan, value):
        """None, since a blend has no region."""
        return None

    def portions(self, plan, target, fit):
        """The portions of a target, a list of `target_portions.Portion`."""
        return target_portions.of_samples(target, plan.sources, plan.weights)

    def taken(self, value):
        """A value that holds integers as it is blended: all of it in floats."""
        return keras.tree.map_structure(_as_float, value)

    def apply(self, plan, value):
        """The value's tensors, each blended in its own dtype."""
        if plan is None:
            return value
        return keras.tree.map_structure(
            lambda tensor: None if tensor is None else mixup.blend(tensor, plan), value
        )


class ByMixer(_AnyBlend):
    """The plan of a mixer.

    Args:
        mixer: A layer of `keras_mix.layers`.
        alpha: A `Concentration` that replaces its own α, or None.
        kinds: The kinds of inputs, beside the mixer's own.
    """

    def __init__(self, mixer, alpha, kinds):
        self.given = mixer
        self.kinds = {**getattr(mixer, "kinds", {}), **kinds}
        if alpha is not None or kinds:
            mixer = type(mixer).from_config({**mixer.get_config(), "kinds": self.kinds})
        if alpha is not None:
            alpha.prepare(mixer.num_sources)
            mixer.alpha = alpha
        self.cuts = mixer.pastes
        self.weighs_by_region = mixer.weighs_by_region
        self.mixer = mixer
        self.per = mixer.per

    def plan(self, value, seed, rate):
        """The `keras_mix.plans.Plan` that the mixer draws for the value."""
        return self.mixer.plan(value, seed, rate * self.mixer.rate)

    def grid(self, plan, value):
        """The `target_portions.Grid` of the plan's region on the value, or None."""
        return self.mixer.grid(plan, value)

    def portions(self, plan, target, fit):
        """As `Blend.portions`; `fit` says how the target lies on the grid."""
        return self.mixer.portions(plan, target, fit)

    def weights_by_map(self, plan, values):
        """The weights of sources by a map `(B, *spatial)`, as a float32 tensor `(B, S)`."""
        return self.mixer.weights_by_map(plan, values)

    def taken(self, value):
        """The value, since a mixer takes integers as they are."""
        return value

    def apply(self, plan, value):
        """The value as the mixer mixes it; floats keep their dtype."""
        if plan is not None:
            # As in `mixup.blend`.
            plan = plan.map(_fixed)
            return keras.tree.map_structure(_as_given, self.apply_to(plan, value), value)
        return keras.tree.map_structure(_as_given, self.mixer.apply_plan(None, value), value)

    def apply_to(self, plan, value):
        """The value as a plan mixes it, in the dtype of the mixer."""
        return self.mixer.apply_plan(plan, value)


def is_mixer(layer):
    """Whether a layer is a mixer."""
    return getattr(layer, "mixes_by_plan", False)


def changes_labels(layer):
    """Whether a layer in a model is a mixer that does not leave the labels as they are."""
    return is_mixer(layer) and not getattr(layer, "erases", False)


def is_mix_point(layer):
    """Whether a layer marks, by itself, a mix point of its model."""
    return changes_labels(layer) or isinstance(layer, MixPoint)


def takes_inputs_alone(args, kwargs):
    """Whether a mixer is called without labels, which it would mix by itself."""
    return len(args) == 1 and not isinstance(args[0], tuple | dict) and kwargs.get("y") is None


def unmixed(mixer):
    """The call of a mixer in a model, which only gives its inputs the dtype of mixed ones."""
    return lambda x, **options: mixer.apply_plan(None, x)


def check(owner, point, layer, value):
    """Whether a value holds integers; refuses what cannot be mixed at a mix point.

    Args:
        owner: The wrapper's name, for messages.
        point: A `mix_points.Point`.
        layer: The layer of the mix point that has computed the value, or a path of inputs.
        value: The tensors there.
    """
    tensors = [leaf for leaf in keras.tree.flatten(value) if leaf is not None]
    holds_integers = not all(map(is_float, tensors))
    if holds_integers:
        _refuse_integers(owner, point, layer, value)
    reader = point.readers.get(layer)
    if reader is not None and not point.blend.cuts:
        checks.reject(
            owner,
            point.name_of(layer),
            f"holds ids for `{reader}`, which cannot be averaged meaningfully",
            ", ".join(map(checks.described, tensors)),
            "Name the embedding in `mix_at`.",
        )
    for tensor in tensors:
        if len(tensor.shape) == 0 or tensor.shape[0] != tensors[0].shape[0]:
            checks.reject(
                owner,
                point.name_of(layer),
                "must hold the samples of the batch along its first axis",
                checks.described(tensor),
            )
    point.blend.check(owner, point.name_of(layer), tensors)
    return holds_integers


def _refuse_integers(owner, point, layer, value):
    """Refuses integers, but inputs that are images, or that `kinds` names."""
    name, is_inputs = point.name_of(layer), is_input(layer)
    for path, tensor in paths("x", value):
        if tensor is None or is_float(tensor):
            continue
        as_image = is_inputs and len(tensor.shape) >= 3
        named = is_inputs and leaf_names.entry(point.kinds, path)
        if named or (as_image and keras.backend.standardize_dtype(tensor.dtype) == "uint8"):
            continue
        key = leaf_names.key(name if "/" in name else path)
        way_out = f' For images of integers pass kinds={{"{key}": "images"}}.' if as_image else ""
        checks.reject(
            owner,
            name,
            "holds integers or booleans, which cannot be averaged meaningfully",
            checks.described(tensor),
            f"For token ids or categories name the embedding in `mix_at`.{way_out}",
        )


def _as_float(tensor):
    if tensor is None or is_float(tensor):
        return tensor
    return ops.cast(tensor, keras.config.floatx())


def _fixed(plan):
    """The plan, with weights that no gradient passes through."""
    return plan._replace(weights=ops.stop_gradient(plan.weights))


def _as_given(mixed, tensor):
    return ops.cast(mixed, tensor.dtype) if is_float(tensor) else mixed
