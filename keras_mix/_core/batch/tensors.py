"""Leaves as dense tensors: arrays and lists of numbers become such, the rest is refused."""

import numbers

import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.leaf_names import key


def tensor_of(owner, name, value):
    """The value as a tensor of known rank; refuses what is none."""
    if value is None:
        checks.reject(owner, name, "must be a tensor", "None")
    if isinstance(value, tf.RaggedTensor | tf.SparseTensor):
        kind = "ragged" if isinstance(value, tf.RaggedTensor) else "sparse"
        checks.reject(owner, name, "must be a dense tensor", f"a {kind} tensor", "Pad it first.")
    try:
        tensor = tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        dataset = isinstance(value, tf.data.Dataset)
        checks.reject(
            owner,
            name,
            "must be a tensor, or an array of one dtype",
            f"a value of the type {type(value).__name__}",
            "Mix a dataset by dataset.map(layer) or keras_mix.data.mix(dataset, layer)."
            if dataset
            else "",
        )
    if tensor.shape.rank is None:
        checks.reject(owner, name, "must have a known rank", "unknown", "Call `set_shape` on it.")
    return tensor


def refuse_unmixable(owner, name, tensor, texts):
    """Refuses dtypes that no rule mixes; strings where the mixer takes no texts."""
    dtype = tensor.dtype
    known = dtype.is_floating or dtype.is_integer or dtype.is_bool
    if known or (texts and dtype == tf.string):
        return
    checks.reject(
        owner,
        name,
        f"has dtype {dtype.name}, which cannot be mixed",
        checks.described(tensor),
        f"Leave it as it is with passthrough=['{key(name)}'], or mix text by TabularMix.",
    )


def with_arrays(value):
    """The structure, with every list of numbers in it, nested or not, as one tensor."""
    if isinstance(value, list) and value and _is_array(value):
        try:
            return tf.convert_to_tensor(value)
        except (TypeError, ValueError):
            return value
    if isinstance(value, dict):
        found = {name: with_arrays(part) for name, part in value.items()}
        return found if any(found[name] is not value[name] for name in found) else value
    if isinstance(value, list | tuple):
        parts = [with_arrays(part) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _is_array(value):
    if isinstance(value, list):
        return bool(value) and all(_is_array(part) for part in value)
    return isinstance(value, numbers.Number | np.generic | str)
