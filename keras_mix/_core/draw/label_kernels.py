"""Integer weights by which partners with similar labels, or of certain classes, are drawn.

Float kernels would select other partners in other modes, since compilers round differently. So
labels are rounded to a fine grid by one product in double precision, distances on the grid are
exact, and the kernel is read from a table of integers.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from keras_mix._core import checks, leaf_names
from keras_mix._core.backend import Tensor, xp

# The kernel's weight at distance 0.
PEAK = 2**30
# Steps of the table for each unit of d²/2σ², and the step where the kernel is below 1 / PEAK.
_STEPS = 2**10
FARTHEST = 21 * _STEPS
# Levels of labels: for each bandwidth if it is given, else from the smallest to the largest label.
_FINE = 2**8
_ACROSS = 2**16
# Steps of the table for a squared distance of 1, if the bandwidth is given.
RATE = 0.5 * _STEPS / _FINE**2
# Keeps the sum of squared distances over all K values within 64 bits.
_LARGEST = 2.0**30
# The default bandwidth, as a fraction of the labels' standard deviation.
DEVIATIONS = 0.5


class Levels(NamedTuple):
    """Labels rounded to integer levels.

    Attributes:
        own: int64 `(B, K)`, the levels of the samples.
        donors: int64 `(D, K)`, the levels of the samples that partners come from.
        rate: float64, the steps of the table for a squared distance of 1.
    """

    own: Tensor
    donors: Tensor
    rate: Tensor | float


def numbers_of(owner, batch, target=None):
    """float64 `(B, K)` and `(D, K)`, a target of numbers; see `_labels_of`."""
    return tuple(_numbers(owner, y) for y in _labels_of(owner, batch, target, batch.heads)[1:])


def class_ids_of(owner, batch, target=None, class_counts=None):
    """int32 `(B,)` and `(D,)`, the classes of a target; see `_labels_of`.

    With `class_counts`, a list with one number for each class, refuses classes beyond it.
    """
    # Other float targets are not classes.
    heads = [head for head in batch.heads if head.kind in ("class_ids", "labels")]
    name, *labels = _labels_of(owner, batch, target, heads)
    ids = [_class_ids(owner, y) for y in labels]
    if class_counts is None:
        return ids
    classes = labels[0].shape[1] if len(labels[0].shape) == 2 else 1
    if classes == 1:
        classes = batch.num_classes
        classes = leaf_names.entry(classes, name) if isinstance(classes, dict) else classes
    return [_counted(owner, each, classes, len(class_counts)) for each in ids]


def _counted(owner, ids, classes, counts):
    """Class ids, refused unless there is a count for each class; `classes` is None if unknown."""
    rule = "`class_counts` must hold one number for each class"
    way_out = "Count the samples of every class in the training set, from class 0 on."
    if classes is not None:
        if classes != counts:
            checks.refuse(owner, rule, f"{counts} numbers, and {classes} classes", way_out)
        return ids
    legal = xp.reduce_all((ids >= 0) & (ids < counts))
    if xp.executing_eagerly() and not legal:
        received = f"{counts} numbers, and class ids from {xp.reduce_min(ids)} to "
        checks.refuse(owner, rule, f"{received}{xp.reduce_max(ids)}", way_out)
    sentence = f"{owner}: {rule}. Received: {counts} numbers, and other class ids. {way_out}"
    return xp.behind([xp.checked(legal, sentence)], [ids])[0]


def _labels_of(owner, batch, target, heads):
    """The name of a target, and its labels of the samples and of those that partners come from.

    Refuses a batch without.

    Args:
        owner: The name that messages begin with.
        batch: A `keras_mix.plans.Batch`.
        target: The name of the target; None if there is only one candidate.
        heads: The heads of the batch that are candidates.
    """
    refuse_no_labels(owner, batch)
    name, own, donors = "y", batch.labels, batch.donor_labels
    if target is not None or len(heads) > 1:
        head = _named(owner, target, heads if target is None else batch.heads)
        name, own, donors = head.name, head.labels, head.donor_labels
    elif len(heads) == 1:
        name, own, donors = heads[0].name, heads[0].labels, heads[0].donor_labels
    if not batch.has_second_batch:
        return name, own, own
    if donors is None:
        checks.refuse(
            owner,
            "the second batch must have labels too",
            "inputs alone as `partners`",
            "Pass (x, y) as `partners`.",
        )
    return name, own, donors


def refuse_no_labels(owner, batch):
    """Refuses a batch of inputs alone."""
    if batch.labels is None:
        checks.refuse(
            owner,
            "the batch must have labels",
            "inputs alone",
            "Call `layer(x, y)`, or map the layer over a dataset of (x, y), not inside a model.",
        )


def _named(owner, target, heads):
    names = [head.name for head in heads]
    if target is None:
        checks.refuse(
            owner,
            "`target` must name one of several targets",
            f"target=None beside {', '.join(names)}",
            f'Pass it, such as {owner}(…, target="{leaf_names.key(names[0])}").',
        )
    return heads[leaf_names.position(owner, "target", target, names)]


def _numbers(owner, labels):
    """Numbers as float64 `(B, K)`."""
    if len(labels.shape) not in (1, 2):
        checks.refuse(owner, "labels must be numbers (B,) or (B, K)", checks.described(labels))
    values = xp.cast(labels, "float64")
    return values if len(labels.shape) == 2 else values[:, None]


def _class_ids(owner, labels):
    """int32 `(B,)`, class ids `(B,)` or `(B, 1)`, or the largest entry of labels `(B, K)`."""
    rank = len(labels.shape)
    if rank == 1 or (rank == 2 and labels.shape[1] == 1):
        return xp.cast(xp.reshape(labels, [-1]), "int32")
    if rank != 2:
        checks.refuse(
            owner,
            "labels must be class ids (B,) or (B, 1), or one-hot (B, K)",
            checks.described(labels),
        )
    largest = xp.argmax(xp.cast(labels, "float32"), axis=1, output_type="int32")
    if labels.shape[1] is not None:
        return largest
    # A single column holds class ids, which is known only when the graph runs.
    return xp.where(xp.shape(labels)[1] == 1, xp.cast(labels[:, 0], "int32"), largest)


def reach(bandwidth, targets):
    """The largest difference of labels that the levels of a bandwidth can represent."""
    return _LARGEST / math.sqrt(targets) * bandwidth / _FINE


def finite(values):
    """bool `(B,)`, whether all values of a label are finite."""
    return xp.reduce_all(xp.is_finite(values), axis=1)


def levels(own, donors, bandwidth=None):
    """Rounds labels to `Levels`.

    Args:
        own: float64 `(B, K)`.
        donors: float64 `(D, K)`.
        bandwidth: The kernel's σ; None for `DEVIATIONS` times the standard deviation of all labels
            (for K values, the root of the sum of their variances).
    """
    both = xp.concat([own, donors], axis=0)
    width = both.shape[1] or 2**10
    known = xp.is_finite(both)
    low = xp.reduce_min(xp.where(known, both, xp.cast(np.inf, "float64")), axis=0)
    above = xp.where(known, both - low, xp.zeros([], "float64"))
    if bandwidth is None:
        extent = xp.reduce_max(above)
        extent = xp.where(extent > 0, extent, xp.ones([], "float64"))
        steps = xp.cast(xp.round(above * (_ACROSS / extent)), "int64")
        rate = _rate_of(steps)
    else:
        above = xp.minimum(above * (_FINE / bandwidth), _LARGEST / math.sqrt(width))
        steps, rate = xp.cast(xp.round(above), "int64"), RATE
    size = xp.shape(own)[0]
    return Levels(steps[:size], steps[size:], rate)


def _rate_of(steps):
    """The rate of the default bandwidth. Integer sums do not depend on the order."""
    count = xp.shape(steps, out_type="int64")[0]
    total, squares = xp.reduce_sum(steps, axis=0), xp.reduce_sum(steps * steps, axis=0)
    variance = xp.cast(xp.reduce_sum(count * squares - total * total), "float64")
    wide = xp.cast(count * count, "float64") * (0.5 * _STEPS / DEVIATIONS**2)
    # If all labels are equal, all distances are 0.
    return wide / xp.maximum(variance, 1.0)


def kernel(levels, legal):
    """exp(-d²/2σ²) relative to the nearest legal partner, multiplied by `PEAK`.

    Relative to the nearest, so that a sample far from all others has partners, too. Values below
    1 / `PEAK` of the largest are 0.

    Args:
        levels: `Levels`.
        legal: bool `(B, D)`, which partners may be drawn.

    Returns:
        int64 `(B, D)`.
    """
    exponent = steps_apart(levels.own[:, None] - levels.donors[None], levels.rate)
    exponent = xp.where(legal, exponent, xp.cast(2.0**60, "float64"))
    nearest = xp.reduce_min(exponent, axis=1, keepdims=True)
    return xp.where(legal, weight(exponent - nearest), xp.zeros([], "int64"))


def steps_apart(differences, rate):
    """Steps of the table for differences of levels `(..., K)`: float64 integers `(...)`."""
    squared = xp.cast(xp.reduce_sum(differences * differences, axis=-1), "float64")
    return xp.floor(squared * rate)


def weight(exponent):
    """int64, the kernel at steps of the table."""
    step = xp.cast(xp.minimum(exponent, xp.cast(FARTHEST, "float64")), "int32")
    return xp.gather(xp.constant(_table()), step)


@functools.cache
def _table():
    """int64 `(FARTHEST + 1,)`, the kernel at each step; 0 at the last."""
    values = np.round(PEAK * np.exp(-np.arange(FARTHEST + 1) / _STEPS)).astype(np.int64)
    values[-1] = 0
    return values
