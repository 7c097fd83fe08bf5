"""Names of a package that are imported at their first use."""

from keras_mix._core import spelling
from keras_mix._core.optional_imports import of_tensorflow


def importer(package, modules):
    """The `__getattr__` of a package.

    Args:
        package: Its name.
        modules: Dict from each of the names to the module of the package that it stands in.
    """

    def __getattr__(name):
        if name in modules:
            module = of_tensorflow(f"{package}.{modules[name]}", f"{package}.{name}")
            return getattr(module, name)
        near = spelling.suggestion(name, modules)
        raise AttributeError(f"module {package!r} has no attribute {name!r}{near and '.' + near}")

    return __getattr__
