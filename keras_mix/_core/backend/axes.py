"""The sizes of axes, and values of samples or positions reshaped to broadcast along them."""

from keras_mix._core.backend import xp


def axis_size(tensor, axis):
    """The size of an axis: an int where it is known, else a scalar tensor."""
    # A set of boxes is as large as its boxes.
    tensor = getattr(tensor, "boxes", tensor)
    return xp.shape(tensor)[axis] if tensor.shape[axis] is None else tensor.shape[axis]


def at_least_one(size):
    """A size of at least 1: an int where the given one is."""
    return max(size, 1) if isinstance(size, int) else xp.maximum(size, 1)


def filled(tensor, size, value):
    """A tensor `(size, ...)` like another one, filled with a value that broadcasts to it."""
    shape = xp.concat([[size], xp.shape(tensor)[1:]], axis=0)
    value = xp.broadcast_to(xp.cast(value, tensor.dtype), shape)
    return xp.ensure_shape(value, [None, *tensor.shape[1:]])


def compatible(one, other):
    """Whether two shapes may be equal: no two known sizes of an axis differ."""
    return len(one) == len(other) and not any(
        None not in sizes and sizes[0] != sizes[1] for sizes in zip(one, other, strict=True)
    )


def over(vector, tensor):
    """Reshapes a vector `(B or 1,)` to broadcast along the batch axis of a tensor `(B, ...)`."""
    return xp.reshape(vector, [-1] + [1] * (len(tensor.shape) - 1))


def columns(table, tensor):
    """The columns of a table `(B or 1, S)`, each reshaped as by `over`."""
    for _ in range(len(tensor.shape) - 1):
        table = xp.expand_dims(table, -1)
    return xp.unstack(table, axis=1)


def along(values, tensor, axes):
    """Reshapes values `(B or 1, *spatial)` to broadcast along the given axes of a tensor."""
    shape = xp.shape(values)
    sizes = [1] * len(tensor.shape)
    sizes[0] = shape[0]
    for number, axis in enumerate(axes, start=1):
        sizes[axis] = shape[number]
    return xp.reshape(values, sizes)
