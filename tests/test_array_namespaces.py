"""Every namespace of arrays has the functions that the package calls, and draws the same bits."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

import keras_mix
from keras_mix._core.backend import numpy_arrays, tensorflow_arrays

PACKAGE = pathlib.Path(keras_mix.__file__).parent
# Called only where `compiling()` is true, or on strings, which JAX and PyTorch do not know.
OF_TENSORFLOW = {"GradientTape", "TensorArray", "custom_gradient", "join"}
# What a model or a layer keeps, of which pipelines of NumPy arrays have none.
OF_MODELS = {"next_seed", "traced", "tracked", "variable"}


def called():
    """The names that the package calls as `xp.name`."""
    sources = (path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    return set().union(*(re.findall(r"\bxp\.(\w+)\(", source) for source in sources))


@pytest.mark.parametrize(
    ("namespace", "without"),
    [
        (tensorflow_arrays, set()),
        (numpy_arrays.NumPyArrays(), (OF_TENSORFLOW | OF_MODELS) - {"join"}),
    ],
)
def test_a_namespace_has_what_is_called(namespace, without):
    assert {name for name in called() if not hasattr(namespace, name)} <= without


@pytest.mark.parametrize("seed", [(1, 2), (-5, 7), (2**31 - 1, -(2**31))])
def test_bits_are_those_of_tensorflow(seed):
    seed = np.array(seed, "int32")
    for shape in ([1], [7], [3, 5]):
        drawn = numpy_arrays.NumPyArrays().bits(seed, shape)
        np.testing.assert_array_equal(drawn, tensorflow_arrays.bits(tf.constant(seed), shape))
