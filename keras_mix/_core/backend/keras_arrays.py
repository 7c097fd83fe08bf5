"""The array operations of mixers on the tensors of Keras's backend, JAX or PyTorch."""

import contextlib
import contextvars
import importlib
import numbers

import keras
import numpy as np
from keras import ops

from keras_mix._core import dtypes, keras_compat
from keras_mix._core.backend.portable_arrays import PortableArrays

# Sizes that stand for unknown ones: large enough for any mixer.
_PROBED_SIZES = (64, 128)

# Whether JAX is set to 64 bits outside of `KerasArrays.scope`; None outside of it.
_WIDE = contextvars.ContextVar("wide", default=None)


class KerasArrays(PortableArrays):
    """The functions of `keras.ops`, by TensorFlow's names."""

    def __init__(self):
        super().__init__(ops)
        self._jax = keras.backend.backend() == "jax"
        self._native = importlib.import_module("jax.numpy" if self._jax else "torch")
        # `keras.ops` takes complex numbers apart.
        fft = self._native.fft
        self.fft2d, self.ifft2d, self.rfft = fft.fft2, fft.ifft2, fft.rfft

    @contextlib.contextmanager
    def scope(self):
        """On JAX, with numbers of 64 bits, by which draws and weights are TensorFlow's."""
        if not self._jax:
            yield
            return
        import jax

        token = _WIDE.set(jax.config.jax_enable_x64) if _WIDE.get() is None else None
        try:
            with _enabled_x64():
                yield
        finally:
            if token is not None:
                _WIDE.reset(token)

    def is_tensor(self, value):
        return ops.is_tensor(value)

    def executing_eagerly(self):
        return not self._jax or not _tracing()

    def convert_to_tensor(self, value, dtype=None):
        if dtype is None and not ops.is_tensor(value):
            dtype = self.dtype_of(value)
        return ops.convert_to_tensor(value, dtype and dtypes.name(dtype))

    def given(self, value):
        tensor = self.convert_to_tensor(value)
        dtype = dtypes.of(tensor)
        if self._jax and not _WIDE.get() and not ops.is_tensor(value) and dtype.endswith("64"):
            # As JAX itself takes arrays, unless it is set to 64 bits.
            return ops.cast(tensor, dtype.replace("64", "32"))
        return tensor

    def cast(self, tensor, dtype):
        if isinstance(tensor, numbers.Number | np.generic):
            # A size, of which more sizes are made.
            return np.dtype(dtypes.name(dtype)).type(tensor)
        return ops.cast(tensor, dtypes.name(dtype))

    # Keras gives float32 for some pairs in float64.

    def maximum(self, x, y):
        return max(x, y) if _are_sizes(x, y) else self._native.maximum(*_of_one_dtype(x, y))

    def minimum(self, x, y):
        return min(x, y) if _are_sizes(x, y) else self._native.minimum(*_of_one_dtype(x, y))

    def where(self, condition, x, y):
        return ops.where(condition, *_of_one_dtype(x, y))

    def bits(self, seed, shape):
        with self.scope():
            return super().bits(seed, shape)

    def variable(self, values):
        """A variable with values of NumPy that change between the steps of a compiled function."""
        return keras.Variable(
            values, dtype="float32", trainable=False, autocast=False, name="quantiles"
        )

    def tracked(self, variables):
        """Those of `variables` that a model must track: JAX compiles others as constants.

        None on PyTorch, where tracked variables enter the model's `state_dict`.
        """
        return variables if self._jax else []

    def next_seed(self, seeds, fresh):
        """int32 `(2,)`, the next of `LayerSeeds`."""
        if not (self.executing_eagerly() or keras_compat.in_stateless_scope()):
            raise ValueError(
                "A mixer that is compiled by itself must be given the seed of each call, since its "
                "own sequence of seeds is state. Received: a call without `seed` inside jax.jit. "
                "Pass `seed=`, int32[2], as an argument of the function that is compiled."
            )
        return self.cast(seeds.generator.next(), "int32")

    def argmax(self, tensor, axis=0, output_type="int64"):
        if not self._jax:
            return super().argmax(tensor, axis, output_type)
        import jax

        # That of `jax.numpy` is lowered outside of `scope`, as one of 32 bits, and then refused.
        found = jax.lax.argmax(tensor, axis % len(tensor.shape), np.dtype("int32"))
        return self.cast(found, output_type)

    def argmin(self, tensor, axis=0, output_type="int64"):
        is_integer = dtypes.is_integer(dtypes.of(tensor))
        return self.argmax(~tensor if is_integer else -tensor, axis, output_type)

    def bincount(self, values, minlength, maxlength=None):
        """int32, how many values equal each number from 0 to `minlength` - 1."""
        values = ops.reshape(values, [-1])
        return ops.segment_sum(ops.ones_like(values), values, num_segments=minlength)

    def frame(self, signals, frame_length, frame_step):
        """The windows `(..., n, frame_length)` of signals `(..., T)`."""
        return ops.extract_sequences(signals, frame_length, frame_step)

    def tensor_scatter_nd_update(self, tensor, indices, updates):
        """The tensor with other slices at indices `(n, 1)` of its first axis."""
        return ops.scatter_update(tensor, indices, updates)

    def cond(self, condition, true, false):
        if self.known(condition) is not None:
            return super().cond(condition, true, false)
        return ops.cond(condition, true, false)

    def switch_case(self, index, branches):
        if self.known(index) is not None:
            return super().switch_case(index, branches)
        return ops.switch(index, branches)

    def while_loop(self, condition, body, variables):
        return ops.while_loop(condition, body, tuple(variables))

    def traced(self, function, args, kwargs):
        """`function(*args, **kwargs)` for `KerasTensor`s, in place of tensors."""
        if not self._jax:
            return keras_compat.compute_output_spec(function, *args, **kwargs)
        # JAX's symbolic sizes are no ints; an unknown size is one that differs from trace to trace.
        traces = (_with_sizes((args, kwargs), size) for size in _PROBED_SIZES)
        specs = [keras_compat.compute_output_spec(function, *a, **k) for a, k in traces]
        return keras.tree.map_structure(_common_spec, *specs)

    def known(self, tensor):
        if not ops.is_tensor(tensor):
            return np.asarray(tensor)
        return None if self._jax and _is_traced(tensor) else ops.convert_to_numpy(tensor)

    def _running_sums(self, tensor, axis):
        # Keras's are of 32 bits on PyTorch.
        return self._native.cumsum(tensor, axis)

    def _stable_argsort(self, values, axis):
        if self._jax:
            return ops.argsort(values, axis=axis)
        import torch

        return torch.argsort(values, dim=axis, stable=True)


def _with_sizes(structure, size):
    """The structure with `KerasTensor`s of known shapes: an unknown size is `size`."""

    def known(value):
        if not isinstance(value, keras.KerasTensor):
            return value
        shape = [size if each is None else each for each in value.shape]
        return keras.KerasTensor(shape, value.dtype, name=value.name)

    return keras.tree.map_structure(known, structure)


def _common_spec(first, second):
    """The first `KerasTensor`, with None for each size in which the second differs."""
    pairs = zip(first.shape, second.shape, strict=True)
    return keras.KerasTensor([a if a == b else None for a, b in pairs], first.dtype)


def _are_sizes(x, y):
    """Whether both values are ints, of which more sizes are made."""
    return isinstance(x, int) and isinstance(y, int)


def _of_one_dtype(x, y):
    """Both values as tensors; a number takes the dtype of the tensor beside it."""
    if not ops.is_tensor(x):
        x = ops.convert_to_tensor(x, y.dtype if ops.is_tensor(y) else None)
    return x, y if ops.is_tensor(y) else ops.convert_to_tensor(y, x.dtype)


def _enabled_x64():
    try:
        from jax import enable_x64
    except ImportError:  # before JAX 0.8
        from jax.experimental import enable_x64

    return enable_x64(True)


def _tracing():
    import jax

    # What is made inside of a transformation belongs to it.
    return isinstance(jax.numpy.zeros(()), jax.core.Tracer)


def _is_traced(tensor):
    import jax

    return isinstance(tensor, jax.core.Tracer)
