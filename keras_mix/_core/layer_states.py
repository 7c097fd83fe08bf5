"""The state of a model's layers, copied to another model of the same layers."""

import tempfile

import keras
import numpy as np

from keras_mix._core import checks, keras_compat


def copy(owner, source, target):
    """Gives each layer of a model the state of another's, as if it were saved and loaded.

    Weights alone do not tell all of it: an adapted `Normalization` derives tensors from them, and
    lookup layers keep tables.

    Args:
        owner: The name that error messages begin with.
        source: A Keras model that is built.
        target: Another of the same layers.
    """
    pairs = [keras_compat.all_layers(model) for model in (source, target)]
    kinds = [[type(layer) for layer in layers] for layers in pairs]
    if kinds[0] != kinds[1]:
        checks.refuse(
            owner,
            "a copy of the model must have the same layers, so that it can be given their state",
            f"{source.name!r} of {len(kinds[0])} layers, whose copy has {len(kinds[1])}",
            "Share no layer between a model and a model inside it, and return all layers from "
            "`get_config`.",
        )
    for old, new in zip(*pairs, strict=True):
        store = {}
        old.save_own_variables(store)
        new.load_own_variables({name: _copied(value) for name, value in store.items()})
        # Layers with files of their own, such as vocabularies.
        if hasattr(old, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                old.save_assets(folder)
                new.load_assets(folder)


def _copied(value):
    """An array of its own: JAX deletes those of variables when these change."""
    variable = isinstance(value, keras.Variable)
    return np.array(keras.ops.convert_to_numpy(value) if variable else value)
