"""Static dtypes and shapes of tensors, on any backend, and reshaping that follows from them."""

import keras
from keras import ops

# The largest magnitude up to which a float dtype represents every integer.
EXACT = {"bfloat16": 2**8, "float16": 2**11, "float32": 2**24, "float64": 2**53}


def is_float(tensor):
    """Whether a tensor has a float dtype."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))


def rounds(dtype, classes):
    """Whether a float dtype cannot represent all class ids; False if `classes` is None."""
    largest = EXACT[keras.backend.standardize_dtype(dtype)]
    return classes is not None and classes - 1 > largest


def differ(one, other):
    """Whether two sizes are known to differ."""
    return None not in (one, other) and one != other


def is_column(shape):
    """Whether a shape is `(B,)` or `(B, 1)`."""
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def is_of_samples(shape):
    """Whether a shape has one number for each sample: `(B,)`, `(B, 1)` and so on."""
    return all(size == 1 for size in shape[1:])


def columns(table, tensor):
    """The columns of a table `(B, S)`, each reshaped as by `over`."""
    shape = [-1] + [1] * (len(tensor.shape) - 1)
    return [ops.reshape(column, shape) for column in ops.unstack(table, axis=1)]


def over(vector, tensor):
    """Reshapes a vector `(B,)` to broadcast along the batch axis of a tensor `(B, ...)`."""
    return ops.reshape(vector, [-1] + [1] * (len(tensor.shape) - 1))
