"""Compilation by XLA of parts of TensorFlow graphs."""

import contextvars
import functools

import tensorflow as tf

_COMPILING = contextvars.ContextVar("compiling", default=False)


@functools.cache
def available():
    """Whether XLA is available for the default device; some CPU builds lack it."""
    with tf.init_scope():
        try:
            tf.function(lambda: tf.constant(0) + 1, jit_compile=True, autograph=False)()
        except (tf.errors.OpError, ValueError, RuntimeError):
            return False
    return True


def compiles_once(tensors):
    """Whether tensors vary only in the number of samples, so that few shapes are compiled.

    False for strings, which XLA does not support.
    """
    tensors = [tensor for tensor in tensors if tensor is not None]
    strings = any(getattr(tensor, "dtype", None) == tf.string for tensor in tensors)
    return not strings and all(None not in tensor.shape[1:] for tensor in tensors)


def call_compiled(function, arguments, compiles):
    """`function(*arguments)`; inside a graph compiled, if it `compiles` and XLA is available."""
    if compiles and tf.inside_function() and available():
        function = tf.function(_marked(function), jit_compile=True, autograph=False)
    return function(*arguments)


def compiling():
    """Whether `call_compiled` is tracing a function for XLA."""
    return _COMPILING.get()


def _marked(function):
    """The function, in which `compiling` is True."""

    def traced(*arguments):
        token = _COMPILING.set(True)
        try:
            return function(*arguments)
        finally:
            _COMPILING.reset(token)

    return traced


def apart(needed, function, *arguments):
    """`function(*arguments)` without fusion into its consumers; zeros if `needed` is False.

    On a CPU, XLA fuses an operation into its consumers and computes it again for each of their
    values, such as a table at each lookup. It does not fuse across conditional branches.
    """
    flat = tf.nest.flatten(arguments)
    places = [n for n, each in enumerate(flat) if tf.is_tensor(each) and each.dtype.is_floating]

    def found(*tensors):
        given = list(flat)
        for place, tensor in zip(places, tensors, strict=True):
            given[place] = tensor
        return function(*tf.nest.pack_sequence_as(arguments, given))

    def branches(*tensors):
        whole = functools.partial(found, *tensors)
        return tf.cond(needed, whole, lambda: tf.nest.map_structure(tf.zeros_like, whole()))

    @tf.custom_gradient
    def differentiable(*tensors):
        # XLA cannot compile the gradient of a branch, so the function is computed again.
        def gradient(*results):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                again = found(*tensors)
            return tape.gradient(again, tensors, list(results))

        return branches(*tensors), gradient

    return differentiable(*(flat[place] for place in places)) if places else branches()
