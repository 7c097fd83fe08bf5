"""keras_mix: train Keras models on mixtures of examples.

The namespaces are loaded at first use, so that importing the package costs next to nothing and
its model side needs no TensorFlow.
"""

import importlib

__version__ = "0.1.0"

__all__ = [
    "callbacks",
    "data",
    "evaluate",
    "label_rules",
    "layers",
    "losses",
    "metrics",
    "models",
    "pairings",
    "plot",
    "recipes",
    "synthesis",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
