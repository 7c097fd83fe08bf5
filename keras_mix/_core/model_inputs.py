"""The inputs of a model, also of one that wraps another."""

import keras


def inputs_of(model):
    """List of the input tensors of a model, flat; None if they are unknown.

    Those of a model of this package that wraps another, its `base`, are the other's; those of a
    sequential model without an input of its own, its first layer's.
    """
    inputs = getattr(model, "inputs", None)
    if inputs:
        return list(inputs)
    if isinstance(model, keras.Sequential):
        return inputs_of(model.layers[0]) if model.layers else None
    ours = any(cls.__module__.startswith(f"{_PACKAGE}.") for cls in type(model).__mro__)
    return inputs_of(model.base) if ours and hasattr(model, "base") else None


# Others may call another thing `base`.
_PACKAGE = __name__.partition(".")[0]
