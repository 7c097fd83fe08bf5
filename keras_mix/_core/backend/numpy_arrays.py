"""The array operations of mixers on NumPy, for pipelines that hold NumPy arrays."""

import numpy as np

from keras_mix._core import dtypes
from keras_mix._core.backend.portable_arrays import PortableArrays


class NumPyArrays(PortableArrays):
    """NumPy's functions, by TensorFlow's names."""

    def __init__(self):
        super().__init__(np)

    def scope(self):
        """Without NumPy's warnings, such as that of 0 / 0: no other namespace warns."""
        return np.errstate(all="ignore")

    def mutable(self):
        return True

    def is_tensor(self, value):
        return isinstance(value, np.ndarray | np.generic)

    def convert_to_tensor(self, value, dtype=None):
        dtype = dtype or self.dtype_of(value)
        return np.asarray(value, None if dtype == "string" else dtype)

    def cast(self, tensor, dtype):
        return np.asarray(tensor).astype(dtypes.name(dtype), copy=False)

    def reduce_mean(self, tensor, axis=None, keepdims=False):
        return np.mean(tensor, axis=_axes(axis), keepdims=keepdims, dtype=tensor.dtype)

    def reduce_all(self, tensor, axis=None, keepdims=False):
        return np.all(tensor, axis=_axes(axis), keepdims=keepdims)

    def reduce_any(self, tensor, axis=None, keepdims=False):
        return np.any(tensor, axis=_axes(axis), keepdims=keepdims)

    def reduce_max(self, tensor, axis=None, keepdims=False):
        return np.max(tensor, axis=_axes(axis), keepdims=keepdims)

    def reduce_min(self, tensor, axis=None, keepdims=False):
        return np.min(tensor, axis=_axes(axis), keepdims=keepdims)

    def bincount(self, values, minlength, maxlength=None):
        """int32, how many values equal each number from 0 to `minlength` - 1."""
        return np.bincount(values.reshape(-1), minlength=minlength).astype("int32")

    fft2d, ifft2d, rfft = map(staticmethod, (np.fft.fft2, np.fft.ifft2, np.fft.rfft))

    def frame(self, signals, frame_length, frame_step):
        """The windows `(..., n, frame_length)` of signals `(..., T)`."""
        windows = np.lib.stride_tricks.sliding_window_view(signals, frame_length, axis=-1)
        return windows[..., ::frame_step, :]

    def tensor_scatter_nd_update(self, tensor, indices, updates):
        """The tensor with other slices at indices `(n, 1)` of its first axis."""
        found = tensor.copy()
        found[indices[:, 0]] = updates
        return found

    def join(self, inputs, separator):
        """Strings, joined with a separator: text of any length, bytes, or Python's objects."""
        kind = inputs[0].dtype.kind
        first, *others = (each.astype(object) for each in inputs)
        separator = separator.encode() if kind == "S" else separator
        return sum((separator + each for each in others), first).astype(kind)

    def _stable_argsort(self, values, axis):
        return np.argsort(values, axis=axis, kind="stable")


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis
