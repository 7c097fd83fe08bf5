"""The modalities of paired samples, in a dict or a list; and random drops of modalities."""

from collections.abc import Mapping

from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops.tensors import differ


def split(owner, structure):
    """The keys of the modalities (sorted, or the indices of a list), and their values.

    Args:
        owner: The name that error messages begin with.
        structure: A dict, list or tuple of two or more modalities.
    """
    named = isinstance(structure, Mapping)
    if not named and not isinstance(structure, list | tuple):
        received = f"a {type(structure).__name__}"
    elif len(structure) < 2:
        received = f"{len(structure)} of them"
    else:
        keys = sorted(structure) if named else list(range(len(structure)))
        return keys, [structure[key] for key in keys]
    return checks.refuse(owner, "modalities must be a dict or a list of two or more", received)


def pack(structure, keys, values):
    """Puts values back into a structure like the one that `split` took."""
    if isinstance(structure, Mapping):
        found = dict(zip(keys, values, strict=True))
        return {key: found[key] for key in structure}
    return list(values) if isinstance(structure, list) else tuple(values)


def check_tensors(owner, keys, tensors):
    """Refuses modalities that are not batched tensors, or differ in their number of samples."""
    for key, tensor in zip(keys, tensors, strict=True):
        if isinstance(tensor, Mapping | list | tuple) or not hasattr(tensor, "shape"):
            checks.reject(
                owner,
                key,
                "must be one tensor",
                f"a {type(tensor).__name__}",
                "Give each its own key.",
            )
        if len(tensor.shape) == 0:
            checks.reject(owner, key, "must hold a batch of samples", checks.described(tensor))
        size, first = tensor.shape[0], tensors[0].shape[0]
        if differ(size, first):
            checks.reject(
                owner,
                key,
                f"must have the same number of samples as `{keys[0]}`",
                f"{size} beside {first} samples",
            )


def with_missing(rates, there):
    """Drop rates `(B, M)`: 1 for missing modalities, 0 for the last modality of a sample."""
    rates = ops.where(there, rates, 1.0)
    stuck = ops.prod(rates, axis=1, keepdims=True) >= 1
    return ops.where(ops.logical_and(there, stuck), 0.0, rates)


def dropped(rates, chances):
    """Independent drops of modalities, conditioned on keeping at least one per sample.

    While all modalities before it are dropped, a modality is dropped with its probability given
    that not all of the remaining ones are (Bayes' rule).

    Args:
        rates: float32 `(B, M)`, the drop rates.
        chances: float32 `(B, M)`, uniform draws in [0, 1).

    Returns:
        bool `(B, M)`.
    """
    remaining = ops.flip(ops.cumprod(ops.flip(rates, 1), 1), 1)
    after = ops.concatenate([remaining[:, 1:], ops.ones_like(remaining[:, :1])], axis=1)
    possible = remaining < 1
    kept = ops.where(possible, 1.0 - remaining, 1.0)
    conditional = ops.where(possible, rates * (1.0 - after) / kept, 0.0)
    columns = []
    all_dropped = ops.ones_like(rates[:, 0], dtype="bool")
    for m in range(rates.shape[1]):
        columns.append(chances[:, m] < ops.where(all_dropped, conditional[:, m], rates[:, m]))
        all_dropped = ops.logical_and(all_dropped, columns[-1])
    return ops.stack(columns, axis=1)
