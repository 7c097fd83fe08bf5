"""Dtypes of tensors, on any backend."""

import keras


def is_float(tensor):
    """Whether a tensor has a float dtype."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
