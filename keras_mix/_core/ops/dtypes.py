"""What a tensor holds, on any backend."""

import keras


def is_float(tensor):
    """Whether it holds floats."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
