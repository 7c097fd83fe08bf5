"""The array operations of mixers on the tensors of Keras's backend, JAX or PyTorch."""

import numbers

import keras
import numpy as np
from keras import ops

from keras_mix._core import dtypes, keras_compat
from keras_mix._core.backend.portable_arrays import PortableArrays


class KerasArrays(PortableArrays):
    """The functions of `keras.ops`, by TensorFlow's names."""

    def __init__(self):
        super().__init__(ops)
        self._jax = keras.backend.backend() == "jax"

    def scope(self):
        """On JAX, with numbers of 64 bits, by which draws and weights are TensorFlow's."""
        if not self._jax:
            return super().scope()
        import jax

        return jax.enable_x64(True)

    def is_tensor(self, value):
        return ops.is_tensor(value)

    def executing_eagerly(self):
        return not self._jax or not _tracing()

    def convert_to_tensor(self, value, dtype=None):
        if dtype is None and not ops.is_tensor(value):
            dtype = self.dtype_of(value)
        return ops.convert_to_tensor(value, dtype and dtypes.name(dtype))

    def cast(self, tensor, dtype):
        if isinstance(tensor, numbers.Number | np.generic):
            # A size, of which more sizes are made.
            return np.dtype(dtypes.name(dtype)).type(tensor)
        return ops.cast(tensor, dtypes.name(dtype))

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
        return self.cast(seeds.generator.next(), "int32")

    def fft2d(self, tensor):
        real, imag = ops.fft2((ops.real(tensor), ops.imag(tensor)))
        return _complex(real, imag)

    def ifft2d(self, tensor):
        real, imag = ops.ifft2((ops.real(tensor), ops.imag(tensor)))
        return _complex(real, imag)

    def bincount(self, values, minlength, maxlength=None):
        """int32, how many values equal each number from 0 to `minlength` - 1."""
        values = ops.reshape(values, [-1])
        return ops.segment_sum(ops.ones_like(values), values, num_segments=minlength)

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
        return keras_compat.compute_output_spec(function, *args, **kwargs)

    def known(self, tensor):
        if not ops.is_tensor(tensor):
            return np.asarray(tensor)
        return None if self._jax and _is_traced(tensor) else ops.convert_to_numpy(tensor)

    def _stable_argsort(self, values, axis):
        if self._jax:
            return ops.argsort(values, axis=axis)
        import torch

        return torch.argsort(values, dim=axis, stable=True)


def _tracing():
    import jax

    # What is made inside of a transformation belongs to it.
    return isinstance(jax.numpy.zeros(()), jax.core.Tracer)


def _is_traced(tensor):
    import jax

    return isinstance(tensor, jax.core.Tracer)


def _complex(real, imag):
    return real + 1j * imag
