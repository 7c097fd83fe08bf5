"""Functions of NumPy arrays, run and differentiated on Keras's backend: one function a backend."""

from typing import NamedTuple

import keras

from keras_mix._core import checks


class Compiled(NamedTuple):
    """A function, compiled once for each shape of its arguments.

    Attributes:
        values: Callable of arrays (x, …). Returns the function's outputs, as NumPy arrays.
        gradient: Callable of arrays (x, …). Returns the outputs, and the gradient of the sum of the
            first one to x, or None where the output does not depend on x in a differentiable way.
    """

    values: object
    gradient: object


def compiled(function, model):
    """Compiles a function of tensors (x, …) that calls a model and returns a tuple of tensors."""
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        checks.refuse(
            "robustness",
            "gradients need the backend TensorFlow, JAX or PyTorch",
            f"backend={backend!r}",
            "Set KERAS_BACKEND before Keras is imported.",
        )
    return _BACKENDS[backend](function, model)


def _tensorflow(function, model):
    import tensorflow as tf

    values = tf.function(function, autograph=False)

    @tf.function(autograph=False)
    def gradient(x, *rest):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            outputs = function(x, *rest)
        return outputs, tape.gradient(outputs[0], x)

    def numpy_of(outputs):
        return tuple(output.numpy() for output in outputs)

    def gradient_of(*arrays):
        outputs, found = gradient(*map(tf.convert_to_tensor, arrays))
        return numpy_of(outputs), None if found is None else found.numpy()

    def values_of(*arrays):
        return numpy_of(values(*map(tf.convert_to_tensor, arrays)))

    return Compiled(values_of, gradient_of)


def _jax(function, model):
    import jax
    import numpy as np

    variables = model.variables

    def stateless(x, state, *rest):
        # Weights are arguments: as constants, XLA would fold them.
        scope = keras.StatelessScope(state_mapping=list(zip(variables, state, strict=True)))
        with scope:
            outputs = function(x, *rest)
        return outputs[0].sum(), outputs

    values = jax.jit(stateless)
    gradient = jax.jit(jax.value_and_grad(stateless, has_aux=True))

    def state():
        return [variable.value for variable in variables]

    def values_of(x, *rest):
        _, outputs = values(x, state(), *rest)
        return tuple(map(np.asarray, outputs))

    def gradient_of(x, *rest):
        (_, outputs), found = gradient(x, state(), *rest)
        return tuple(map(np.asarray, outputs)), np.asarray(found)

    return Compiled(values_of, gradient_of)


def _torch(function, model):
    import torch

    def numpy_of(outputs):
        return tuple(keras.ops.convert_to_numpy(output) for output in outputs)

    def values_of(*arrays):
        with torch.no_grad():
            return numpy_of(function(*map(keras.ops.convert_to_tensor, arrays)))

    def gradient_of(x, *rest):
        with torch.enable_grad():
            x = keras.ops.convert_to_tensor(x).requires_grad_(True)
            outputs = function(x, *map(keras.ops.convert_to_tensor, rest))
            found = None
            if outputs[0].requires_grad:
                (found,) = torch.autograd.grad(outputs[0].sum(), x, allow_unused=True)
        return numpy_of(outputs), None if found is None else keras.ops.convert_to_numpy(found)

    return Compiled(values_of, gradient_of)


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
