"""Two modalities' embeddings: how they come in one tensor or two, and at length 1."""

from keras import ops

from keras_mix._core import checks


def pair(owner, name, value):
    """Both modalities' embeddings, [B, D] each, of one batch and one width.

    Args:
        owner: Who reads them, for the message.
        name: What they are called there.
        value: One tensor [B, 2, D], or a list or tuple of two tensors [B, D].
    """
    first, second = _separated(owner, name, value)
    if len(first.shape) != 2 or len(second.shape) != 2:
        received = f"shapes {tuple(first.shape)} and {tuple(second.shape)}"
        checks.refuse(owner, "embeddings must be [B, D]", received, "Pool them first.")
    if differ(first.shape[1], second.shape[1]):
        checks.refuse(
            owner,
            "the embeddings of both modalities must have one width",
            f"{first.shape[1]} and {second.shape[1]}",
            "Project each to a common width first.",
        )
    if differ(first.shape[0], second.shape[0]):
        received = f"{first.shape[0]} and {second.shape[0]} samples"
        checks.refuse(owner, "both modalities must be of one batch", received)
    return first, second


def differ(one, other):
    """Whether two sizes are known to differ."""
    return None not in (one, other) and one != other


def _separated(owner, name, value):
    if isinstance(value, list | tuple):
        if len(value) != 2:
            checks.refuse(owner, "two modalities are compared", f"{len(value)} of them")
        return [ops.convert_to_tensor(view) for view in value]
    value = ops.convert_to_tensor(value)
    if len(value.shape) != 3 or value.shape[1] != 2:
        checks.reject(
            owner,
            name,
            "must be both modalities' embeddings in one tensor [B, 2, D], or a pair",
            checks.described(value),
            "Stack them: keras.ops.stack([first, second], axis=1).",
        )
    return value[:, 0], value[:, 1]


def unit(embedding):
    """The embeddings [B, D] at length 1; zeros stay zeros, with gradients that are finite."""
    square = ops.sum(ops.square(embedding), axis=-1, keepdims=True)
    return embedding * ops.rsqrt(ops.maximum(square, 1e-12))
