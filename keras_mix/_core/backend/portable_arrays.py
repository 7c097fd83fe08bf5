"""What the namespaces of `keras.ops` and of NumPy share: TensorFlow's names over their functions.

Shapes are known: `shape` returns a list of ints, and arithmetic with sizes happens in Python.
"""

import contextlib
import numbers

import keras
import numpy as np

from keras_mix._core import dtypes, incomplete_beta
from keras_mix._core.backend import philox

# Functions of the same name and meaning in TensorFlow, Keras and NumPy.
_ALIKE = (
    *("abs", "ceil", "cos", "einsum", "equal", "exp", "expand_dims", "floor", "imag", "log"),
    *("maximum", "minimum", "not_equal", "ones_like", "real", "repeat", "roll", "round"),
    *("searchsorted", "sign", "sin", "sqrt", "square", "squeeze", "tensordot", "tile"),
    *("transpose", "zeros_like"),
)
_RENAMED = {
    "clip_by_value": "clip",
    "is_finite": "isfinite",
    "is_nan": "isnan",
    "reduce_all": "all",
    "reduce_any": "any",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_min": "min",
}


class PortableArrays:
    """The array operations of mixers.

    Args:
        ops: The module `keras.ops` or `numpy`, whose functions of the same names are used.
    """

    def __init__(self, ops):
        self.ops = ops
        for name in _ALIKE:
            if not hasattr(type(self), name):
                setattr(self, name, getattr(ops, name))
        for name, theirs in _RENAMED.items():
            if not hasattr(type(self), name):
                setattr(self, name, getattr(ops, theirs))

    # Where TensorFlow's functions run, nothing is compiled apart and no graph is traced.

    def scope(self):
        """The context in which the functions run."""
        return contextlib.nullcontext()

    def mutable(self):
        """Whether arrays can be written to, and a loop over samples costs little."""
        return False

    def executing_eagerly(self):
        """Whether values are known while the code runs."""
        return True

    def inside_function(self):
        """Whether a graph of TensorFlow is being traced."""
        return False

    def call_compiled(self, function, arguments, compiles):
        """`function(*arguments)`; only in graphs of TensorFlow something is compiled by itself."""
        return function(*arguments)

    def compiling(self):
        """Whether XLA compiles the operations of a graph of TensorFlow."""
        return False

    def compiles_once(self, tensors):
        """Whether tensors vary only in the number of samples."""
        return True

    def apart(self, needed, function, *arguments):
        """`function(*arguments)`."""
        return function(*arguments)

    # Draws.

    incomplete_beta_inverse = staticmethod(incomplete_beta.inverse)

    def bits(self, seed, shape):
        """int32 of a shape: the same numbers as those of TensorFlow's namespace."""
        return philox.bits(self, seed, _sizes(shape))

    def seed_of_replica(self, seed):
        """The seed: other backends compile one program for all devices."""
        return seed

    # Creation and conversion.

    def dtype_of(self, values):
        """The dtype that TensorFlow gives values without one: float32 for Python's floats."""
        if hasattr(values, "dtype"):
            return dtypes.of(values)
        found = np.asarray(values).dtype
        return {"float64": "float32", "int64": "int32"}.get(found.name, dtypes.name(found))

    def convert_to_tensor(self, value, dtype=None):
        """A value as a tensor."""
        raise NotImplementedError

    def given(self, value):
        """What a user gives, as a tensor."""
        return self.convert_to_tensor(value)

    def constant(self, value, dtype=None):
        """A value as a tensor."""
        return self.convert_to_tensor(np.asarray(value, dtype or self.dtype_of(value)))

    def identity(self, tensor):
        return tensor

    def ensure_shape(self, tensor, shape):
        return tensor

    def cast(self, tensor, dtype):
        """A tensor, or a number, in another dtype; floats are truncated to integers."""
        raise NotImplementedError

    def saturate_cast(self, tensor, dtype):
        """As `cast`, but values beyond the range of the dtype become its limits."""
        low, high = dtypes.limits(dtypes.name(dtype))
        return self.cast(self.ops.clip(tensor, low, high), dtype)

    def zeros(self, shape, dtype="float32"):
        return self.ops.zeros(_sizes(shape), dtype)

    def ones(self, shape, dtype="float32"):
        return self.ops.ones(_sizes(shape), dtype)

    def fill(self, dims, value):
        return self.broadcast_to(self.convert_to_tensor(value), dims)

    def range(self, start, limit=None, delta=1):
        """int32, or the dtype of a limit that is a tensor of another one."""
        if limit is None:
            start, limit = 0, start
        dtype = "int64" if any(_is_long(each) for each in (start, limit)) else "int32"
        return self.ops.arange(int(start), int(limit), int(delta), dtype=dtype)

    def one_hot(self, indices, depth, on_value=1, off_value=0, axis=-1, dtype=None):
        """Rows of zeros where an index is outside of the range."""
        dtype = dtype or ("bool" if isinstance(on_value, bool) else "float32")
        indices = self.convert_to_tensor(indices)
        shape = [1] * (len(indices.shape) + 1)
        axis = axis % len(shape)
        shape[axis] = depth
        numbers_ = self.reshape(self.range(depth), shape)
        found = self.expand_dims(self.cast(indices, "int32"), axis) == numbers_
        return self.cast(found, dtype)

    # Shapes.

    def shape(self, tensor, out_type="int32"):
        """A list of the sizes, ints."""
        return list(tensor.shape)

    def reshape(self, tensor, shape):
        return self.ops.reshape(tensor, _sizes(shape))

    def broadcast_to(self, tensor, shape):
        return self.ops.broadcast_to(tensor, _sizes(shape))

    def size(self, tensor):
        return int(np.prod(tensor.shape))

    def unstack(self, tensor, num=None, axis=0):
        """A list of the slices along an axis."""
        if isinstance(tensor, list | tuple):
            return list(tensor)
        return [
            self.squeeze(each, axis=axis) for each in self.split(tensor, tensor.shape[axis], axis)
        ]

    def stack(self, values, axis=0):
        if _are_sizes(values):
            return self.constant([int(value) for value in values], "int32")
        return self.ops.stack([self.convert_to_tensor(value) for value in values], axis)

    def concat(self, values, axis=0):
        if all(_are_sizes(value) for value in values):
            return [int(size) for value in values for size in value]
        return self.ops.concatenate(values, axis)

    def split(self, tensor, sizes, axis=0):
        """A list of parts: a number of equal ones, or parts of given sizes."""
        if not isinstance(sizes, int | np.integer):
            sizes = [int(each) for each in np.cumsum(sizes)[:-1]]
        return list(self.ops.split(tensor, sizes, axis))

    def reverse(self, tensor, axis):
        return self.ops.flip(tensor, axis)

    def pad(self, tensor, paddings, constant_values=0):
        paddings = [[int(low), int(high)] for low, high in paddings]
        return self.ops.pad(tensor, paddings, constant_values=constant_values)

    # Selection and sums.

    def gather(self, params, indices, axis=0, batch_dims=0):
        """The slices at indices; with `batch_dims=1`, those of a sample from the same sample."""
        if not batch_dims:
            return self.ops.take(params, indices, axis=axis)
        axis, ops = axis or 1, self.ops
        params = ops.moveaxis(params, axis, 1)
        rank = len(params.shape)
        flat = ops.reshape(indices, (indices.shape[0], -1, *[1] * (rank - 2)))
        flat = ops.broadcast_to(flat, (*flat.shape[:2], *params.shape[2:]))
        taken = ops.take_along_axis(params, flat, axis=1)
        taken = ops.reshape(taken, (*indices.shape, *params.shape[2:]))
        number = len(indices.shape) - 1
        moved = [tuple(range(first, first + number)) for first in (1, axis)]
        return ops.moveaxis(taken, *moved)

    def where(self, condition, x, y):
        return self.ops.where(condition, x, y)

    def select(self, condition, value, other):
        """`where`, by the fastest way of the namespace."""
        return self.where(condition, value, other)

    def choose(self, condition, value, other):
        """`where` for tensors of one shape."""
        return self.where(condition, value, other)

    def add_n(self, tensors):
        return sum(tensors[1:], tensors[0])

    def reduce_sum(self, tensor, axis=None, keepdims=False):
        dtype = self.dtype_of(tensor)
        return self.cast(self.ops.sum(tensor, axis=_axes(axis), keepdims=keepdims), dtype)

    def reduce_prod(self, tensor, axis=None, keepdims=False):
        if _are_sizes(tensor):
            return int(np.prod([int(each) for each in tensor]))
        dtype = self.dtype_of(tensor)
        return self.cast(self.ops.prod(tensor, axis=_axes(axis), keepdims=keepdims), dtype)

    def count_nonzero(self, tensor, axis=None, keepdims=False, dtype="int64"):
        nonzero = tensor if dtypes.of(tensor) == "bool" else tensor != 0
        return self.reduce_sum(self.cast(nonzero, dtype), axis, keepdims)

    def cumsum(self, tensor, axis=0, exclusive=False):
        dtype = dtypes.of(tensor)
        sums = self.cast(self._running_sums(tensor, axis), dtype)
        return sums - tensor if exclusive else sums

    def _running_sums(self, tensor, axis):
        return self.ops.cumsum(tensor, axis=axis)

    def matmul(self, a, b, transpose_a=False, transpose_b=False):
        a = self.ops.swapaxes(a, -1, -2) if transpose_a else a
        b = self.ops.swapaxes(b, -1, -2) if transpose_b else b
        return self.ops.matmul(a, b)

    def matvec(self, matrix, vector):
        return self.ops.matmul(matrix, vector)

    def norm(self, tensor, axis=None, keepdims=False):
        return self.sqrt(self.reduce_sum(tensor * tensor, axis, keepdims))

    def divide_no_nan(self, x, y):
        """x / y, and 0 where y is 0."""
        none = y == 0
        return self.where(none, self.zeros_like(x / y), x / self.where(none, self.ones_like(y), y))

    # Order.

    def argsort(self, values, axis=-1, direction="ASCENDING", stable=False):
        """int32; of equal values the first comes first."""
        if direction == "DESCENDING":
            is_integer = dtypes.is_integer(values)
            values = ~values if is_integer else -values
        return self.cast(self._stable_argsort(values, axis), "int32")

    def argmax(self, tensor, axis=0, output_type="int64"):
        return self.cast(self.ops.argmax(tensor, axis=axis), output_type)

    def argmin(self, tensor, axis=0, output_type="int64"):
        return self.cast(self.ops.argmin(tensor, axis=axis), output_type)

    def sort(self, values, axis=-1):
        return self.ops.sort(values, axis=axis)

    def order_of(self, values):
        """int32 `(n,)`, the descending order of integers; of equal ones the first comes first."""
        return self.argsort(values, direction="DESCENDING", stable=True)

    # Bits.

    def bitwise_and(self, x, y):
        return x & y

    def invert(self, tensor):
        return ~tensor

    def left_shift(self, x, y):
        return x << y

    def right_shift(self, x, y):
        return x >> y

    # Sounds.

    def hann_window(self, window_length, dtype="float32"):
        """The periodic window of Hann, `(window_length,)`."""
        turns = 2.0 * np.pi * np.arange(window_length) / window_length
        return self.constant(0.5 - 0.5 * np.cos(turns), dtype)

    # Boxes.

    def convert_boxes(self, boxes, frame, source, target):
        """Boxes `(B, N, 4)` of a format as those of another; see `box_formats`."""
        convert = keras.utils.bounding_boxes.convert_format
        found = convert(boxes, source, target, height=frame[0], width=frame[1])
        return self.convert_to_tensor(found)

    def boolean_mask(self, tensor, mask):
        """The slices `(n, ...)` where a mask is True, of tensors whose values are known."""
        return self.known(tensor)[self.known(mask)]

    # Control flow.

    def cond(self, condition, true, false):
        return true() if condition else false()

    def switch_case(self, index, branches):
        return branches[int(index)]()

    def while_loop(self, condition, body, variables):
        variables = tuple(variables)
        while condition(*variables):
            variables = tuple(body(*variables))
        return variables

    def no_op(self):
        """Nothing."""

    # Checks.

    def known(self, tensor):
        """The values of a tensor as an array of NumPy; None where only a graph will know them."""
        return np.asarray(tensor)

    def checked(self, legal, sentence):
        """Raises a `ValueError` with a sentence unless all of `legal` is True.

        Nothing is checked where values are unknown until compiled code runs.
        """
        found = True if isinstance(legal, bool) else self.known(self.reduce_all(legal))
        if found is not None and not (legal if isinstance(legal, bool) else found):
            raise ValueError(sentence)

    def behind(self, checks, tensors):
        """The tensors; checks have run already."""
        return tensors


def _sizes(shape):
    """A shape as a tuple of ints."""
    return tuple(int(each) for each in np.asarray(shape).reshape(-1))


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _are_sizes(values):
    """Whether values are sizes: numbers of Python or NumPy, not of a tensor."""
    if isinstance(values, np.ndarray):
        return values.ndim == 1 and values.dtype.kind == "i"
    return isinstance(values, list | tuple) and all(
        isinstance(value, numbers.Integral | np.integer) for value in values
    )


def _is_long(value):
    return hasattr(value, "dtype") and dtypes.of(value) == "int64"
