"""The namespace of Keras's arrays has the functions that mixers call."""

import pathlib
import re

import keras_mix
from keras_mix._core.backend import namespaces

# Called only where `compiling()` is true, or on strings, which JAX and PyTorch do not know.
OF_TENSORFLOW = {"GradientTape", "TensorArray", "custom_gradient", "join"}


def test_it_has_what_is_called():
    sources = pathlib.Path(keras_mix.__file__).parent.rglob("*.py")
    found = (re.findall(r"\bxp\.(\w+)\(", path.read_text("utf-8")) for path in sources)
    namespace = namespaces.default()
    assert {name for name in set().union(*found) if not hasattr(namespace, name)} <= OF_TENSORFLOW
