"""The embeddings of two modalities, in one tensor or two, and their normalization."""

from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops.tensors import differ


def pair(owner, name, value):
    """The embeddings of both modalities, each `(B, D)`; refuses other shapes.

    Args:
        owner: The name that error messages begin with.
        name: The name of the argument, for error messages.
        value: A tensor `(B, 2, D)`, or a list or tuple of two tensors `(B, D)`.
    """
    first, second = _separated(owner, name, value)
    if len(first.shape) != 2 or len(second.shape) != 2:
        received = f"shapes {tuple(first.shape)} and {tuple(second.shape)}"
        checks.refuse(owner, "embeddings must be (B, D)", received, "Pool them first.")
    if differ(first.shape[1], second.shape[1]):
        checks.refuse(
            owner,
            "the embeddings of both modalities must have the same width",
            f"{first.shape[1]} and {second.shape[1]}",
            "Project them to a common width first.",
        )
    if differ(first.shape[0], second.shape[0]):
        received = f"{first.shape[0]} and {second.shape[0]} samples"
        checks.refuse(owner, "both modalities must have the same batch size", received)
    return first, second


def _separated(owner, name, value):
    if isinstance(value, list | tuple):
        if len(value) != 2:
            checks.refuse(owner, "there must be two modalities", f"{len(value)} of them")
        return [ops.convert_to_tensor(view) for view in value]
    value = ops.convert_to_tensor(value)
    if len(value.shape) != 3 or value.shape[1] != 2:
        checks.reject(
            owner,
            name,
            "must be the embeddings of two modalities, (B, 2, D) or a pair of tensors",
            checks.described(value),
            "Stack them: keras.ops.stack([first, second], axis=1).",
        )
    return value[:, 0], value[:, 1]


def unit(embedding):
    """Normalizes embeddings `(B, D)`; zeros stay zeros, with finite gradients."""
    square = ops.sum(ops.square(embedding), axis=-1, keepdims=True)
    return embedding * ops.rsqrt(ops.maximum(square, 1e-12))
