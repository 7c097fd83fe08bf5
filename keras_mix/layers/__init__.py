"""The mixers: Keras layers that also serve as tf.data map functions; and MixPoint.

Each is loaded at its first use: the mixers need TensorFlow, MixPoint does not.
"""

import importlib

_MODULES = {"CutMix": "cutmix", "MixPoint": "mix_point", "MixUp": "mixup"}

__all__ = ["CutMix", "MixPoint", "MixUp"]


def __getattr__(name):
    if name in _MODULES:
        return getattr(_module(name), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _module(name):
    try:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotFoundError(
            f"keras_mix.layers.{name} needs TensorFlow, whatever backend Keras uses: "
            "pip install tensorflow. keras_mix.models works without."
        ) from error


def __dir__():
    return sorted([*globals(), *__all__])
