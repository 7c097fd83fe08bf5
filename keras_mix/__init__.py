"""keras_mix: train Keras models on mixtures of samples.

The import registers every class that Keras saves, so that `keras.models.load_model` finds them: on
any backend, in either order with `import keras`. The namespaces are loaded at their first use. On
JAX and PyTorch TensorFlow is imported only when a mixer is used, or loaded from a file.
"""

import importlib
from typing import TYPE_CHECKING

from keras_mix import _registration

if TYPE_CHECKING:  # Editors and type checkers do not run `__getattr__`.
    from keras_mix import (
        calibration,
        callbacks,
        data,
        evaluate,
        label_rules,
        lambda_rules,
        layers,
        losses,
        metrics,
        models,
        pairings,
        plans,
        plot,
        recipes,
        robustness,
        synthesis,
    )

__version__ = "0.1.0"

__all__ = [
    "calibration",
    "callbacks",
    "data",
    "evaluate",
    "label_rules",
    "lambda_rules",
    "layers",
    "losses",
    "metrics",
    "models",
    "pairings",
    "plans",
    "plot",
    "recipes",
    "robustness",
    "synthesis",
]


if not TYPE_CHECKING:  # Type checkers would take any name for one that exists.

    def __getattr__(name):
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        module = _registration.MODULES.get(name)
        meant = f". Did you mean '{__name__}.{module.split('.')[0]}.{name}'?" if module else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{meant}")


def __dir__():
    return [*__all__, "__version__"]


_registration.register()
