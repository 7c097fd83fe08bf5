"""Fingerprints of data, models and mixers, which make runs comparable."""

import hashlib
import importlib.metadata
import json
import re

import keras
import numpy as np

from keras_mix.evaluate import mixers

PACKAGES = ("keras-mix", "keras", "tensorflow", "tensorflow-probability", "numpy")


def checksum(*arrays):
    """Returns 16 hexadecimal digits that depend on each array's values, shape and dtype."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def model(network):
    """Returns 16 hexadecimal digits that depend on the architecture, and the optimizer if any.

    Of a subclassed model without a config only the names of the classes of its layers count.
    """
    try:
        text = network.to_json()
    except (NotImplementedError, TypeError):
        text = json.dumps([type(layer).__name__ for layer in (network, *network.layers)])
    return hashlib.sha256(_without_numbers(text).encode()).hexdigest()[:16]


def mixer(layer):
    """Returns a mixer's config as plain data, or None for None."""
    if layer is None:
        return None
    if isinstance(layer, mixers.SwitchedOff):
        return {**mixer(layer.mixer), mixers.UNMIXED_EPOCHS: layer.unmixed_epochs}
    if isinstance(layer, keras.layers.Layer):
        config = keras.saving.serialize_keras_object(layer)["config"]
        return json.loads(_without_numbers(json.dumps(config)))
    # A callable that wraps a model: a class, perhaps with arguments by functools.partial.
    keywords = getattr(layer, "keywords", {})
    inner = mixer(keywords["mixer"]) if "mixer" in keywords else None
    name = getattr(getattr(layer, "func", layer), "__name__", type(layer).__name__)
    return json.loads(json.dumps({"wraps": name, **keywords, "mixer": inner}))


def versions():
    """Returns dict, package → version, of the installed packages that decide the numbers."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # run from a checkout, or tensorflow-cpu
            continue
    return found


def _without_numbers(text):
    # Keras numbers layers in the order of their creation: conv2d, conv2d_1, … in every process.
    return re.sub(r'_\d+"', '"', text)
