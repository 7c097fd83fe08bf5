"""The forms in which a mixer is called."""

import numbers

import keras
import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.structure import paths
from keras_mix._core.batch.tensors import tensor_of, with_arrays

_ARGUMENTS = ("x", "y", "sample_weight")


def arranged(x, y, sample_weight):
    """The structure to read, and how its mixed copy is returned as it was given."""
    if y is not None:
        return (x, y) if sample_weight is None else (x, y, sample_weight), tuple
    if sample_weight is not None:
        checks.refuse("Mixer", "`sample_weight` belongs to labels", "y=None")
    if isinstance(x, dict):
        return x, _same
    if not isinstance(x, tuple):
        return (x,), _only
    if not 1 <= len(x) <= 3:
        checks.refuse(
            "Mixer",
            "a tuple must be (x,), (x, y) or (x, y, sample_weight)",
            f"{len(x)} entries",
            "Put several inputs into a list or a dict.",
        )
    if len(x) == 3 and x[2] is None:
        return x[:2], _beside_none
    return x, tuple


def as_tensors(owner, args, kwargs):
    """The arguments of a call, with arrays beside tensors as tensors, which Keras would refuse."""
    if len(args) > len(_ARGUMENTS):
        checks.refuse(
            owner,
            "a batch must be x, (x, y) or (x, y, sample_weight)",
            f"{len(args)} arguments",
            "Put several inputs or targets into a list or a dict; pass options by name.",
        )
    args = [
        _as_tensors(owner, name, arg) for name, arg in zip(_ARGUMENTS, args, strict=False)
    ] + list(args[len(_ARGUMENTS) :])
    batches = (*_ARGUMENTS, "partners")
    kwargs = {
        name: _as_tensors(owner, name, arg) if name in batches else arg
        for name, arg in kwargs.items()
    }
    return args, kwargs


def _as_tensors(owner, name, arg):
    arg = with_arrays(arg)
    try:
        given = tf.nest.flatten(arg)
    except TypeError:
        checks.reject(owner, name, "must have keys that can be sorted", "a dict of several types")
    if not any(_is_tensor(value) for value in given):
        return arg
    whole = isinstance(arg, tuple) and name == "x"
    tensors = []
    for path, value in zip(paths(arg), given, strict=True):
        full = (*path,) if isinstance(arg, dict) else (name, *path)
        if whole and int(path[0]) < len(_ARGUMENTS):
            full = (_ARGUMENTS[int(path[0])], *path[1:])
        kept = value is None or _is_tensor(value)
        tensors.append(value if kept else tensor_of(owner, "/".join(full), value))
    return tf.nest.pack_sequence_as(arg, tensors)


def _is_tensor(value):
    return isinstance(value, keras.KerasTensor) or tf.is_tensor(value)


def _same(structure):
    return structure


def _beside_none(structure):
    return (*structure, None)


def _only(structure):
    return structure[0]


def refuse_class(cls, given):
    """Refuses a batch where a class is given its arguments, as by `dataset.map(CutMix)`."""
    batch = next(filter(_is_batch, _leaves(given)), None)
    if batch is not None:
        name = cls.__name__
        raise ValueError(
            f"{name}: call an instance of the layer, not the class. Received: the class {name}, "
            f"called with a tensor ({checks.described(batch)}). Create a layer first: "
            f"`dataset.map({name}(…))` or `{name}(…)(x, y)`."
        )


def _leaves(given):
    if isinstance(given, dict):
        given = tuple(given.values())
    if not isinstance(given, list | tuple):
        return [given]
    return [leaf for part in given for leaf in _leaves(part)]


def _is_batch(value):
    """Whether a value is no argument: a tensor, or an array that is more than a row of numbers."""
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    return tf.is_tensor(value) or keras.ops.is_tensor(value) or isinstance(value, keras.KerasTensor)


def seed(owner, value):
    """int32[2] of the seed of a call: two integers, or one as elsewhere in Keras."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        low, high = value & 0xFFFFFFFF, (value >> 32) & 0xFFFFFFFF
        return tf.constant(np.array([low, high], np.uint32).view(np.int32))
    try:
        tensor = tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        _refuse_seed(owner, f"seed={value!r}")
    if not tensor.dtype.is_integer or not tensor.shape.is_compatible_with([2]):
        _refuse_seed(owner, f"seed={value!r}" if np.isscalar(value) else checks.described(tensor))
    return tf.cast(tf.ensure_shape(tensor, [2]), tf.int32)


def _refuse_seed(owner, received):
    checks.refuse(
        owner,
        "`seed` must be an integer, or two of them",
        received,
        "Pass seed=1, or int32[2], such as tf.random.Generator's make_seeds(1)[:, 0].",
    )


def refuse_other_backends(mixer, args, kwargs):
    """Inside a model of another backend TensorFlow's operations cannot run."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        return
    given = tf.nest.flatten((args, kwargs))
    if any(isinstance(v, keras.KerasTensor) or keras.ops.is_tensor(v) for v in given):
        checks.refuse(
            mixer.owner,
            "a mixer works inside a model on the TensorFlow backend only",
            f"a tensor of the {backend} backend",
            "Map the mixer over a tf.data dataset, or wrap the model in "
            "keras_mix.models.ManifoldMixup; both work with any backend.",
        )


def refuse_lost_labels(mixer, structure):
    """Refuses inputs without their labels in a model that trains, unless these stay as they are."""
    if len(structure) > 1 or mixer.inputs_only or mixer.erases:
        return
    checks.refuse(
        mixer.owner,
        "a model that mixes its inputs must mix its labels with them",
        "inputs alone, in training",
        "Wrap the model, `keras_mix.models.MixingModel(model)`; or call the layer on inputs and "
        "labels, `x, y = layer(x, y)`; or map it over the dataset; or say inputs_only=True.",
    )


def refuse_unused_partners(mixer):
    """Refuses a second batch where nothing of it would be used."""
    if mixer.erases:
        checks.refuse(
            mixer.owner,
            "`partners` have no effect, because the layer fills places of single samples",
            "a second batch as `partners`",
            "Leave it out.",
        )


def refuse_unused_label_rule(mixer, leaves):
    """Refuses a label rule where all targets keep to the law of the plan."""
    targets = [leaf for leaf in leaves if leaf.target]
    if mixer.label_rule is None or not targets:
        return
    if all(leaf.kind not in ("labels", "class_ids", "frame_labels") for leaf in targets):
        checks.refuse(
            mixer.owner,
            "`label_rule` sets the weights of labels, and no target is one",
            ", ".join(f"{leaf.name}: {leaf.kind}" for leaf in targets),
            "Give class ids with `num_classes`, or labels (B, K); or leave the rule out.",
        )
