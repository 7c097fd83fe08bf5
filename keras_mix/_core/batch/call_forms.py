"""The forms in which a mixer is called."""

import functools
import numbers
from collections.abc import Mapping

import keras
import numpy as np

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import namespaces, xp
from keras_mix._core.backend.axes import compatible
from keras_mix._core.batch.reader import tensor_of
from keras_mix._core.batch.structure import ROLES


def arranged(owner, x, y, sample_weight):
    """The structure to read, and how its mixed copy is returned as it was given."""
    if y is not None:
        return (x, y) if sample_weight is None else (x, y, sample_weight), _same
    if sample_weight is not None:
        checks.refuse(owner, "`sample_weight` needs labels", "y=None", "Pass `y` as well.")
    if isinstance(x, dict):
        return x, _same
    if not isinstance(x, tuple):
        return (x,), _only
    if not 1 <= len(x) <= 3:
        checks.refuse(
            owner,
            "a tuple must be (x,), (x, y) or (x, y, sample_weight)",
            f"{len(x)} entries",
            "Put several inputs into a list or a dict.",
        )
    if len(x) == 3 and x[2] is None:
        return x[:2], functools.partial(_beside_none, x)
    return x, _same


def arranged_partners(owner, partners):
    """The structure of a second batch to read."""
    if not isinstance(partners, dict | list | tuple) and not getattr(partners, "shape", None):
        checks.refuse(
            owner,
            "`partners` must be a second batch, in any form that the layer takes",
            f"a value of the type {type(partners).__name__}",
            "Partners from a dataset are for keras_mix.data.mix(dataset, layer, partners=…).",
        )
    return arranged(owner, partners, None, None)[0]


def as_tensors(owner, args, kwargs):
    """The arguments of a call, with arrays beside tensors as tensors, which Keras would refuse."""
    if len(args) > len(ROLES):
        checks.refuse(
            owner,
            "a batch must be x, (x, y) or (x, y, sample_weight)",
            f"{len(args)} arguments",
            "Put several inputs or targets into a list or a dict; pass options by name.",
        )
    batches = {name: kwargs[name] for name in (*ROLES, "partners") if name in kwargs}
    given = {**batches, **dict(zip(ROLES, args, strict=False))}
    try:
        flat = keras.tree.flatten(given)
    except TypeError:  # for keys that cannot be sorted, which are refused by name
        flat = [given]
    if all(value is None or _is_tensor(value) for value in flat):
        return args, kwargs
    found = {name: _as_tensors(owner, name, value) for name, value in given.items()}
    return [found[name] for name in ROLES[: len(args)]], {
        name: found[name] if name in batches else value for name, value in kwargs.items()
    }


def _as_tensors(owner, name, arg):
    arg = _with_arrays(arg)
    try:
        paths = list(_paths(arg))
    except TypeError:
        checks.reject(
            owner, name, "must have keys of one type", "a dict whose keys cannot be sorted"
        )
    given = keras.tree.flatten(arg)
    if not any(_is_tensor(value) for value in given):
        return arg
    whole = isinstance(arg, tuple) and name == "x"
    tensors = []
    for path, value in zip(paths, given, strict=True):
        full = (*path,) if isinstance(arg, dict) else (name, *path)
        if whole and int(path[0]) < len(ROLES):
            full = (ROLES[int(path[0])], *path[1:])
        kept = value is None or _is_tensor(value)
        tensors.append(value if kept else tensor_of(owner, "/".join(full), value))
    return keras.tree.pack_sequence_as(arg, tensors)


def _paths(structure, path=()):
    """The path of every leaf, in the order of keras.tree (which sorts the keys of a dict)."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _paths(structure[key], (*path, str(key)))
    elif isinstance(structure, list | tuple):
        for index, value in enumerate(structure):
            yield from _paths(value, (*path, str(index)))
    else:
        yield path


def _with_arrays(value):
    """The structure, with every list of numbers in it, nested or not, as one tensor."""
    if isinstance(value, list) and value and _is_array(value):
        try:
            return xp.convert_to_tensor(value)
        except (TypeError, ValueError):
            return value
    if isinstance(value, dict):
        found = {name: _with_arrays(part) for name, part in value.items()}
        return found if any(found[name] is not value[name] for name in found) else value
    if isinstance(value, list | tuple):
        parts = [_with_arrays(part) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _is_array(value):
    if isinstance(value, list):
        return bool(value) and all(_is_array(part) for part in value)
    return isinstance(value, numbers.Number | np.generic | str)


def _same(structure):
    return structure


def _beside_none(given, structure):
    return given._make((*structure, None)) if hasattr(given, "_fields") else (*structure, None)


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
    return _is_tensor(value)


def _is_tensor(value):
    return isinstance(value, keras.KerasTensor) or namespaces.is_tensor(value)


def seed(owner, value):
    """int32[2] of the seed of a call: two integers, or one as elsewhere in Keras."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        low, high = value & 0xFFFFFFFF, (value >> 32) & 0xFFFFFFFF
        return xp.constant(np.array([low, high], np.uint32).view(np.int32))
    try:
        tensor = xp.convert_to_tensor(value)
    except (TypeError, ValueError):
        _refuse_seed(owner, f"seed={value!r}")
    if not dtypes.is_integer(tensor) or not compatible(tensor.shape, [2]):
        _refuse_seed(owner, f"seed={value!r}" if np.isscalar(value) else checks.described(tensor))
    return xp.cast(xp.ensure_shape(tensor, [2]), "int32")


def _refuse_seed(owner, received):
    checks.refuse(
        owner,
        "`seed` must be an integer, or two of them",
        received,
        "Pass seed=1, or int32[2], such as tf.random.Generator's make_seeds(1)[:, 0], or on JAX "
        "jax.random.PRNGKey(1).",
    )


def refuse_lost_labels(mixer, structure):
    """Refuses inputs without their labels in a model that trains, unless these stay as they are."""
    if len(structure.folded) > 1 or mixer.inputs_only or mixer.erases:
        return
    checks.refuse(
        mixer.owner,
        "a model that mixes its inputs must mix its labels with them",
        "inputs alone, in training",
        "Wrap the model, `keras_mix.models.MixingModel(model)`; or call the layer on inputs and "
        "labels, `x, y = layer(x, y)`; or map it over the dataset; or pass inputs_only=True.",
    )


def refuse_unused_partners(mixer):
    """Refuses a second batch where nothing of it would be used."""
    if mixer.erases:
        checks.refuse(
            mixer.owner,
            "`partners` has no effect, because the layer only fills pixels of each sample",
            "a second batch as `partners`",
            "Leave it out.",
        )


def refuse_unused_label_rule(mixer, leaves):
    """Refuses a label rule where all targets keep to the law of the plan."""
    targets = [leaf for leaf in leaves if leaf.target]
    if targets and all(
        leaf.kind not in ("labels", "class_ids", "frame_labels") for leaf in targets
    ):
        checks.refuse(
            mixer.owner,
            "`label_rule` sets the weights of labels, so a target must be a label",
            ", ".join(f"{leaf.name}: {leaf.kind}" for leaf in targets),
            "Pass class ids with `num_classes`, or labels (B, K); or leave the rule out.",
        )
