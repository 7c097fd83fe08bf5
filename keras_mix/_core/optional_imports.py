"""Imports of packages that may be missing: those of the extras, and TensorFlow."""

import importlib


def require(module, who, extra="evaluate"):
    """Imports a module of an extra.

    Args:
        module: str, the module to import, such as `"matplotlib.figure"`.
        who: str, the function that needs it, with which the error message begins.
        extra: str, the extra that brings it.

    Returns:
        The imported module.

    Raises:
        ImportError: If the package is not installed; the message names it and the extra.

    Example:

    >>> from keras_mix._core.optional_imports import require
    >>> require("json", "an example").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        raise ImportError(
            f"{who} needs the package {package}, which is not installed. "
            f'Install it with: pip install "keras-mix[{extra}]"'
        ) from error


def of_tensorflow(module, what):
    """Imports a module of this package that needs TensorFlow, for `what` in the error message."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotFoundError(
            f"{what} needs TensorFlow, whatever backend Keras uses: pip install tensorflow. "
            "Mixers and keras_mix.models work without."
        ) from error
