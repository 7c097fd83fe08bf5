"""The array operations of mixers: one source runs on TensorFlow, JAX, PyTorch and NumPy.

`xp` has the functions of the namespace in use, by TensorFlow's names and with its meaning:

- `tensorflow_arrays`: TensorFlow's own functions, eagerly, in graphs, under XLA and in tf.data,
  whatever backend Keras uses.
- `keras_arrays`: `keras.ops`, on JAX and PyTorch.
- `numpy_arrays`: NumPy, in pipelines that hold NumPy arrays.

A mixer selects the namespace of the tensors that it is given, see `namespaces`. The dtype of a
tensor is a string, `dtypes.of(tensor)`.
"""

from typing import Any

from keras_mix._core.backend.namespaces import Namespaces

Tensor = Any
"""A tensor of any namespace, in annotations."""

xp = Namespaces()
