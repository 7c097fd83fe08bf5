"""Questions about the static shapes of tensors, on any backend."""


def differ(one, other):
    """Whether two sizes are known to differ."""
    return None not in (one, other) and one != other


def is_column(shape):
    """Whether a shape is `(B,)` or `(B, 1)`."""
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def is_of_samples(shape):
    """Whether a shape has one number for each sample: `(B,)`, `(B, 1)` and so on."""
    return all(size == 1 for size in shape[1:])
