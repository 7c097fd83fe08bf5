"""What is done at a place: a blend on any backend, or the plan of a mixer on TensorFlow.

Both draw, `plan(value, seed, rate)`, for the value that stands at the place, and apply the plan to
it, `apply(plan, value)`, where the plan None gives the value the dtype that mixed ones have. Of a
target the plan makes `portions(plan, target, fit)`, where the target fits the `grid(plan, value)`.
"""

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import draws, portable, portions
from keras_mix._core.ops.dtypes import is_float
from keras_mix.layers.mix_point import MixPoint
from keras_mix.models._forward.inputs import is_input, kind_of, paths


class Blend:
    """Mixup's blend. All places of a batch share its plan.

    Args:
        alpha: A `Concentration` of `draws`.
        pairing: As in `keras_mix.layers.Mixer`.
        per: "sample" or "batch".
    """

    def __init__(self, alpha, pairing, per):
        self.alpha = alpha
        self.cuts = False
        self.kinds = {}
        self.pairing = pairing
        self.per = per

    def plan(self, value, seed, rate):
        """The `portable.Shares` of a batch as large as the value's."""
        size = ops.shape(keras.tree.flatten(value)[0])[0]
        order, share, chance = draws.split(seed, 3)
        count = 1 if self.per == "batch" else size
        ratio = draws.beta(share, self.alpha, count)
        ratio = ops.where(draws.coin(chance, rate, count), ratio, 1.0)
        ratio = ops.broadcast_to(ratio, [size])
        partners = draws.partners(order, self.pairing, size, size, has_second_batch=False)
        return portable.shares(partners, ratio)

    def grid(self, plan, value):
        """None, since a blend has no region."""
        return None

    def portions(self, plan, target, fit):
        """The portions of a target, a list of `portions.Portion`."""
        return portions.of_samples(target, plan.sources, plan.weights)

    def apply(self, plan, value):
        """The value's tensors, each blended in its own dtype (integers as floats)."""
        return keras.tree.map_structure(lambda tensor: _blended(tensor, plan), value)


class ByMixer:
    """The plan of a mixer; TensorFlow only.

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
            mixer.alpha = alpha
        self.cuts = mixer.pastes
        self.mixer = mixer
        self.per = mixer.per

    def plan(self, value, seed, rate):
        """The `keras_mix.plans.Plan` that the mixer draws for the value."""
        return self.mixer.plan(value, seed, rate * self.mixer.rate)

    def grid(self, plan, value):
        """The `portions.Grid` of the plan's region on the value, or None."""
        return self.mixer.grid(plan, value)

    def portions(self, plan, target, fit):
        """As `Blend.portions`; `fit` tells how the target lies on the grid."""
        return self.mixer.portions(plan, target, fit)

    def apply(self, plan, value):
        """The value as the mixer mixes it; floats keep their dtype."""
        if plan is not None:
            # As in `portable.blend`.
            plan = plan.map(_fixed)
        return keras.tree.map_structure(_as_given, self.mixer.apply(plan, value), value)


def is_mixer(layer):
    """Whether a layer is one of TensorFlow's mixers."""
    return getattr(layer, "mixes_by_plan", False)


def changes_labels(layer):
    """Whether a layer in a model is a mixer that does not leave the labels as they are."""
    return is_mixer(layer) and not getattr(layer, "erases", False)


def is_own_place(layer):
    """Whether a layer says by itself that a model may be mixed there."""
    return changes_labels(layer) or isinstance(layer, MixPoint)


def check(owner, place, layer, value):
    """Refuses what cannot be mixed at a place.

    Args:
        owner: The wrapper's name, for messages.
        place: A `mix_points.Place`.
        layer: The layer of the place that has computed the value, or a path of inputs.
        value: What stands there.
    """
    name, inputs = place.name_of(layer), is_input(layer)
    leaves = [(path, leaf) for path, leaf in paths("x", value) if leaf is not None]
    tensors = [leaf for _, leaf in leaves]
    for path, tensor in leaves:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        as_image = inputs and len(tensor.shape) >= 3
        named = inputs and kind_of(place.kinds, path)
        if is_float(tensor) or named or (as_image and dtype == "uint8"):
            continue
        key = name.split("/")[-1] if "/" in name else path.split("/")[-1]
        way_out = f' For images of integers say kinds={{"{key}": "images"}}.' if as_image else ""
        checks.reject(
            owner,
            name,
            "holds integers or booleans, which cannot be averaged meaningfully",
            checks.described(tensor),
            f"For token ids or categories name the embedding in `mix_at`.{way_out}",
        )
    reader = place.readers.get(layer) if inputs else None
    if reader is not None and not place.blend.cuts:
        checks.reject(
            owner,
            name,
            f"holds ids for `{reader}`, which cannot be averaged meaningfully",
            ", ".join(map(checks.described, tensors)),
            "Name the embedding in `mix_at`.",
        )
    for tensor in tensors:
        if len(tensor.shape) == 0 or tensor.shape[0] != tensors[0].shape[0]:
            checks.reject(
                owner,
                name,
                "must hold the samples of the batch along its first axis",
                checks.described(tensor),
            )


def _blended(tensor, plan):
    if tensor is None:
        return None
    if not is_float(tensor):
        tensor = ops.cast(tensor, keras.config.floatx())
    return tensor if plan is None else portable.blend(tensor, plan)


def _fixed(plan):
    """The plan, with weights that no gradient passes through."""
    return plan._replace(weights=ops.stop_gradient(plan.weights))


def _as_given(mixed, tensor):
    return ops.cast(mixed, tensor.dtype) if is_float(tensor) else mixed
