"""Checks of the samples and labels on which a model is evaluated."""

import keras
import numpy as np

from keras_mix._core import checks

# Lets the softmax of float16 and bfloat16 pass, and no logits.
TOLERANCE = 1e-2

# Of color and gray images; no image has so few rows.
_CHANNELS = (1, 3)


def value_range(value):
    """None, or a pair of floats, the smaller first."""
    return None if value is None else checks.interval("value_range", value, low=-np.inf)


def samples(owner, x, limits, name="x"):
    """Returns the samples as an array of Keras's float dtype; refuses values outside of `limits`.

    Args:
        owner: String. The function that was called.
        x: Array or tensor `(N, …)`.
        limits: Pair of floats, or None.
        name: String. The argument.
    """
    if isinstance(x, dict | list | tuple) or not hasattr(x, "shape"):
        checks.refuse(
            owner,
            f"`{name}` must be one array of samples",
            f"a {type(x).__name__}",
            "Wrap a model with several inputs in one that takes a single one.",
        )
    x = _array(x)
    if not x.ndim or not len(x):
        checks.refuse(
            owner, f"`{name}` must hold at least one sample", f"shape {x.shape}", "Pass samples."
        )
    if x.dtype.kind != "f" and x.dtype.name != "bfloat16":
        checks.refuse(
            owner,
            f"`{name}` must hold floats, on the scale on which the model was trained",
            f"{name} of dtype {x.dtype}",
            "Scale images to floats, such as x.astype('float32') / 255; ids have no gradient.",
        )
    x = x.astype(keras.config.floatx(), copy=False)
    wrong = int(np.count_nonzero(~np.isfinite(x)))
    if wrong:
        checks.refuse(
            owner,
            f"`{name}` must be finite",
            f"{wrong} of {x.size} values that are NaN or infinite",
            "Remove or fill them.",
        )
    if limits is not None:
        low, high = limits
        outside = int(np.count_nonzero((x < low) | (x > high)))
        if outside:
            checks.refuse(
                owner,
                f"`{name}` must lie in value_range=({low:g}, {high:g})",
                f"{outside} of {x.size} values outside, from {x.min():.6g} to {x.max():.6g}",
                "Pass the range of the model's inputs as value_range.",
            )
    return x


def images(owner, x, limits, name="x"):
    """As `samples`, for images `(N, H, W, C)`."""
    x = samples(owner, x, limits, name)
    if x.ndim != 4:
        checks.refuse(
            owner, f"`{name}` must be images (N, H, W, C)", f"shape {x.shape}", "Add an axis."
        )
    if x.shape[1] in _CHANNELS and not {x.shape[2], x.shape[3]} & {*_CHANNELS}:
        checks.refuse(
            owner,
            f"`{name}` must be images (N, H, W, C), with channels last",
            f"shape {x.shape}",
            "Put channels last by np.moveaxis(x, 1, -1), and in front of the model a "
            "keras.layers.Permute((3, 1, 2)).",
        )
    return x


def class_ids(owner, y, count, classes):
    """Returns the class of each sample, an int32 array `(N,)`.

    Args:
        owner: String. The function that was called.
        y: Class ids `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`.
        count: Integer N.
        classes: Integer K, the number of classes that the model predicts.
    """
    y = _array(y)
    if y.shape[:1] != (count,) or y.ndim > 2 or y.shape[1:] not in ((), (1,), (classes,)):
        checks.refuse(
            owner,
            f"`y` must be class ids ({count},) or one-hot labels ({count}, {classes}), as `x` "
            "and the model's outputs have it",
            f"y of shape {y.shape}",
        )
    values = y.astype(np.float64)
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        checks.refuse(owner, "`y` must be finite", f"{wrong} values that are NaN or infinite")
    if y.shape[1:] == (classes,):
        one_hot = (np.sort(values, axis=1) == np.eye(classes)[-1]).all(axis=1)
        if not one_hot.all():
            checks.refuse(
                owner,
                "rows of `y` must be one-hot, since a mixed label has no true class",
                f"{np.count_nonzero(~one_hot)} of {count} rows that are not",
                "Pass the labels of the unmixed samples.",
            )
        return values.argmax(axis=1).astype(np.int32)
    values = values.reshape(-1)
    outside = int(np.count_nonzero((values < 0) | (values >= classes) | (values % 1 != 0)))
    if outside:
        checks.refuse(
            owner,
            f"`y` must be class ids from 0 to {classes - 1}, the classes that the model predicts",
            f"{outside} of {count} others, from {values.min():g} to {values.max():g}",
        )
    return values.astype(np.int32)


def _array(values):
    plain = isinstance(values, np.ndarray | list | tuple)
    return np.asarray(values) if plain else keras.ops.convert_to_numpy(values)
