"""The modalities of a paired sample, a dict or a list of tensors; and which of them fall."""

from collections.abc import Mapping

from keras import ops

from keras_mix._core import checks


def split(owner, structure):
    """The modalities' keys (sorted, or counted in a list), and what stands there.

    Args:
        owner: Who reads them, for the message.
        structure: A dict or a list of two or more.
    """
    named = isinstance(structure, Mapping)
    if not named and not isinstance(structure, list | tuple):
        received = f"a {type(structure).__name__}"
    elif len(structure) < 2:
        received = f"{len(structure)}"
    else:
        keys = sorted(structure) if named else list(range(len(structure)))
        return keys, [structure[key] for key in keys]
    return checks.refuse(owner, "modalities must be a dict or a list of two or more", received)


def pack(structure, keys, values):
    """The values in the structure that the keys were split from."""
    if isinstance(structure, Mapping):
        found = dict(zip(keys, values, strict=True))
        return {key: found[key] for key in structure}
    return list(values) if isinstance(structure, list) else tuple(values)


def check_tensors(owner, keys, tensors):
    """Refuses what is no tensor of samples, and modalities whose batches differ."""
    for key, tensor in zip(keys, tensors, strict=True):
        if isinstance(tensor, Mapping | list | tuple) or not hasattr(tensor, "shape"):
            checks.reject(
                owner, key, "must be one tensor", f"a {type(tensor).__name__}", "Give its own key."
            )
        if len(tensor.shape) == 0:
            checks.reject(owner, key, "must hold a batch of samples", checks.described(tensor))
        sizes = tensors[0].shape[0], tensor.shape[0]
        if None not in sizes and sizes[0] != sizes[1]:
            checks.reject(
                owner,
                key,
                f"must have as many samples as `{keys[0]}`",
                f"{sizes[1]} beside {sizes[0]} samples",
            )


def with_missing(rates, there):
    """The rates [B, M], 1 for what is missing; 0 where the sample would have nothing else."""
    rates = ops.where(there, rates, 1.0)
    stuck = ops.prod(rates, axis=1, keepdims=True) >= 1
    return ops.where(ops.logical_and(there, stuck), 0.0, rates)


def dropped(rates, chances):
    """bool [B, M], independent drops, given that not all of a row fall together.

    As long as all before it have fallen, a modality falls by what Bayes' rule leaves of its rate,
    if one behind it has to stay.
    """
    behind = ops.flip(ops.cumprod(ops.flip(rates, 1), 1), 1)
    after = ops.concatenate([behind[:, 1:], ops.ones_like(behind[:, :1])], axis=1)
    some = behind < 1
    careful = ops.where(some, rates * (1.0 - after) / ops.where(some, 1.0 - behind, 1.0), 0.0)
    columns = []
    all_fell = ops.ones_like(rates[:, 0], dtype="bool")
    for m in range(rates.shape[1]):
        columns.append(chances[:, m] < ops.where(all_fell, careful[:, m], rates[:, m]))
        all_fell = ops.logical_and(all_fell, columns[-1])
    return ops.stack(columns, axis=1)
