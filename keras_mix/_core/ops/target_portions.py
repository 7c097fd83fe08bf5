"""The portions of a mixed target: the values of each source with their mixing weight."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core.ops.tensors import columns


class Portion(NamedTuple):
    """One summand of a mixed target.

    Attributes:
        value: A tensor of the target's shape.
        weight: float32 of the target's rank, which broadcasts to it; None if the portion is the
            whole target.
    """

    value: object
    weight: object


class Grid(NamedTuple):
    """The axes of an input that a region covers.

    Attributes:
        sizes: Tuple of their sizes, None for an unknown one; or None if the region covers several
            inputs, each on a grid of its own.
        axes: Tuple of ints, the axes of the input; or None, as `sizes`.
        channels_first: Whether the channel axis precedes the grid.
    """

    sizes: tuple | None
    axes: tuple | None = None
    channels_first: bool = False


class Fit(NamedTuple):
    """The alignment of a target with a grid.

    Attributes:
        axes: Tuple of ints, the axes of the target along those of the grid.
        along_first: Whether the target has only the first of several axes of the grid.
        nearest: Whether the target holds ids, which are not interpolated.
    """

    axes: tuple
    along_first: bool
    nearest: bool


def of_samples(target, sources, weights):
    """The portions of a target that is not on the grid, by the weights of its sample.

    A source of weight 0 is replaced by the sample itself, so that no infinity of it, multiplied by
    0, makes the sum NaN.

    Args:
        target: `(B, ...)`.
        sources: int32 `(B, S)`; column 0 is the sample itself.
        weights: float32 `(B, S)`.
    """
    sources = ops.where(weights > 0, sources, sources[:, :1])
    values = [ops.take(target, sources[:, s], axis=0) for s in range(1, sources.shape[1])]
    pairs = zip([target, *values], columns(weights, target), strict=True)
    return [Portion(value, weight) for value, weight in pairs]


def choose(index, alternatives, own):
    """Selects the portions of one of several alternatives.

    Args:
        index: int32, a scalar or `(B or 1,)`, the index of the alternative.
        alternatives: List of lists of portions.
        own: The unmixed target.
    """
    if len(alternatives) == 1:
        return alternatives[0]
    index = ops.reshape(index, [-1] + [1] * (len(own.shape) - 1))
    count = max(len(portions) for portions in alternatives)
    columns = [[_padded(portions, n, own) for portions in alternatives] for n in range(count)]
    weighted = any(portion.weight is not None for column in columns for portion in column)
    return [
        Portion(
            _chosen(index, [portion.value for portion in column]),
            _chosen(index, [_weight(portion, own) for portion in column]) if weighted else None,
        )
        for column in columns
    ]


def dominant(portions):
    """The values of the portion with the largest weight; of equal ones the first."""
    (value, largest), *others = portions
    for other, weight in others:
        value = ops.where(weight > largest, other, value)
        largest = ops.maximum(weight, largest)
    return value


def blended(portions):
    """Σ weight · value, computed in float32 or float64, in the dtype of the values."""
    (value, weight), *_ = portions
    if weight is None:
        return value
    dtype = keras.backend.standardize_dtype(value.dtype)
    precise = "float64" if dtype == "float64" else "float32"
    total = sum(ops.cast(v, precise) * ops.cast(w, precise) for v, w in portions)
    return ops.cast(total, dtype)


def _padded(portions, number, own):
    nothing = Portion(own, ops.zeros([1] * len(own.shape)))
    return portions[number] if number < len(portions) else nothing


def _weight(portion, own):
    return ops.ones([1] * len(own.shape)) if portion.weight is None else portion.weight


def _chosen(index, tensors):
    chosen = tensors[0]
    for number, tensor in enumerate(tensors[1:], start=1):
        chosen = ops.where(index == number, tensor, chosen)
    return chosen
