"""Which namespace of array operations is in use."""

import contextlib
import contextvars
import functools
import importlib
import sys

import keras
import numpy as np

_CURRENT = contextvars.ContextVar("namespace", default=None)


class Namespaces:
    """`xp`: has the functions of the namespace in use."""

    def __getattr__(self, name):
        return getattr(current(), name)


def current():
    """The namespace in use: that of `using`, else the one of Keras's backend."""
    return _CURRENT.get() or default()


@functools.cache
def default():
    """The namespace of the tensors of Keras's backend."""
    return tensorflow() if keras.backend.backend() == "tensorflow" else of_keras()


@functools.cache
def tensorflow():
    """The namespace of TensorFlow, which this imports."""
    return importlib.import_module("keras_mix._core.backend.tensorflow_arrays")


@functools.cache
def of_keras():
    """The namespace of tensors of JAX or PyTorch, by `keras.ops`."""
    return importlib.import_module("keras_mix._core.backend.keras_arrays").KerasArrays()


@functools.cache
def numpy():
    """The namespace of NumPy arrays."""
    return importlib.import_module("keras_mix._core.backend.numpy_arrays").NumPyArrays()


@contextlib.contextmanager
def using(namespace):
    """Uses a namespace inside a `with` block."""
    token = _CURRENT.set(namespace)
    try:
        with namespace.scope():
            yield
    finally:
        _CURRENT.reset(token)


def of_arguments(method):
    """Decorates a method to run in the namespace of the tensors among its arguments."""

    @functools.wraps(method)
    def entered(self, *args, **kwargs):
        with using(of(args, kwargs)):
            return method(self, *args, **kwargs)

    return entered


def of(*structures):
    """The namespace of the tensors in nested structures.

    That of TensorFlow if one is TensorFlow's; else the one in use, or that of Keras's backend,
    which also takes arrays of NumPy.
    """
    if keras.backend.backend() == "tensorflow":
        return current()
    tf = sys.modules.get("tensorflow")
    if tf is not None and any(_holds(structure, tf.is_tensor) for structure in structures):
        return tensorflow()
    return current()


def is_tensor(value):
    """Whether a value is a tensor of Keras's backend, or of TensorFlow: dense, ragged or sparse."""
    tf = sys.modules.get("tensorflow")
    return keras.ops.is_tensor(value) or (tf is not None and tf.is_tensor(value))


def _holds(value, test):
    if isinstance(value, dict):
        return any(_holds(part, test) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_holds(part, test) for part in value)
    return not isinstance(value, np.ndarray) and test(value)
