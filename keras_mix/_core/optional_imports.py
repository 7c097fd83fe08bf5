"""Packages that only the extra `evaluate` installs, imported when they are first needed."""

import importlib


def require(module, who):
    """Imports a module of the extra `evaluate`.

    Args:
        module: str, the module to import, such as `"matplotlib.figure"`.
        who: str, the function that needs it; it opens the error message.

    Returns:
        The imported module.

    Raises:
        ImportError: if the package is not installed; the sentence names it and the extra.

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
            'Install it with: pip install "keras-mix[evaluate]"'
        ) from error
