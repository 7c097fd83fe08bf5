"""What is done at a place: a blend on any backend, or the plan of a mixer on TensorFlow.

Both have two halves: `plan(value, seed, rate)` draws for the value that stands at the place, and
`apply(plan, value)` mixes it; the plan None gives the value the dtype that mixed ones have.
"""

import keras
from keras import ops

from keras_mix import checks
from keras_mix.dtypes import is_float
from keras_mix.layers.mix_point import MixPoint
from keras_mix.models import draws, portable


class Blend:
    """Mixup's blend. All places of a batch share its plan.

    Args:
        alpha: A `Concentration` of `keras_mix.models.draws`.
        pairing: As in `keras_mix.layers.Mixer`.
        per: "sample" or "batch".
    """

    def __init__(self, alpha, pairing, per):
        self.alpha = alpha
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
        partners = draws.partners(order, self.pairing, size, size, crossed=False)
        return portable.shares(partners, ratio)

    def apply(self, plan, value):
        """The value's tensors, each blended in its own dtype (integers as floats)."""
        return keras.tree.map_structure(lambda tensor: _blended(tensor, plan), value)


class ByMixer:
    """The plan of a mixer; TensorFlow only.

    Args:
        mixer: A layer of `keras_mix.layers`.
        alpha: A `Concentration` in the place of its own α, or None.
    """

    def __init__(self, mixer, alpha=None):
        self.given = mixer
        if alpha is not None:
            mixer = type(mixer).from_config(mixer.get_config())
            mixer.alpha = alpha
        self.mixer = mixer
        self.per = mixer.per

    def plan(self, value, seed, rate):
        """The `keras_mix.plan.Plan` that the mixer draws for the value."""
        return self.mixer.plan(value, seed, rate * self.mixer.rate)

    def apply(self, plan, value):
        """The value as the mixer mixes it; floats keep their dtype."""
        if plan is not None:
            # As in `portable.blend`.
            plan = plan.fixed(ops.stop_gradient)
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


def check(owner, name, value, inputs):
    """Refuses what cannot be mixed at a place."""
    tensors = [tensor for tensor in keras.tree.flatten(value) if tensor is not None]
    for tensor in tensors:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        image = inputs and dtype == "uint8" and len(tensor.shape) >= 3
        if not image and not is_float(tensor):
            checks.reject(
                owner,
                name,
                "holds integers or booleans, which mean nothing when averaged",
                checks.described(tensor),
                "For token ids or categories name the embedding in `layers`.",
            )
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


def _as_given(mixed, tensor):
    return ops.cast(mixed, tensor.dtype) if is_float(tensor) else mixed
