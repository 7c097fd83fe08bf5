"""Dtypes of tensors of any namespace, as strings."""

import functools

import numpy as np

_FLOATS = {"bfloat16": 2, "float16": 2, "float32": 4, "float64": 8}


def of(tensor):
    """The dtype of a tensor, such as "float32" or "string"."""
    return name(tensor.dtype)


@functools.lru_cache(maxsize=256)
def name(dtype):
    """The name of a dtype of TensorFlow, PyTorch or NumPy, or of a string, which it may be."""
    if isinstance(dtype, str):
        return dtype
    found = getattr(dtype, "name", None) or str(dtype)
    kind = getattr(dtype, "kind", "")
    if isinstance(kind, str) and kind in ("U", "S", "O") and kind:
        return "string"
    return found.rpartition(".")[2]


def is_floating(value):
    """Whether a dtype, or that of a tensor, is one of real floating-point numbers."""
    return (value if isinstance(value, str) else of(value)) in _FLOATS


def is_integer(value):
    """Whether a dtype, or that of a tensor, is one of integers, signed or not."""
    return (value if isinstance(value, str) else of(value)).startswith(("int", "uint"))


def size(dtype):
    """The number of bytes of a number of a dtype."""
    return _FLOATS[dtype] if is_floating(dtype) else np.dtype(dtype).itemsize


def limits(dtype):
    """The smallest and the largest finite number of a dtype."""
    if is_integer(dtype):
        info = np.iinfo(dtype)
        return info.min, info.max
    if dtype == "bfloat16":
        largest = float.fromhex("0x1.fep127")
        return -largest, largest
    return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
