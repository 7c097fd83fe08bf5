"""How targets, their weights and masks lie on the grid of a region, decided from shapes alone.

A target belongs to its sample as a whole, or each of its positions takes the label of the source
that stands there. `keras_mix.models.MixingModel` documents the rule.
"""

from keras_mix._core import checks, leaf_names
from keras_mix._core.ops.target_portions import Fit
from keras_mix._core.ops.tensors import is_float

# Where targets are named by `kinds`: whole samples, the grid, or its first axis.
WHOLE, ON_GRID, ALONG_FIRST = "labels", ("values", "segmentation_masks"), "frame_labels"


def fit_of_target(owner, name, target, prediction, grid, kind=None, of_classes=False):
    """How a target lies on a grid.

    Args:
        owner: The wrapper's name, for messages.
        name: The target's, such as "y/mask".
        target: `(B, ...)`.
        prediction: The model's output for it, or None if it is not known.
        grid: A `target_portions.Grid`, or None where there is no region.
        kind: What `kinds` says of it, or None.
        of_classes: Whether its loss reads the last axis as a distribution over classes.

    Returns:
        A `Fit`; None if the target belongs to its sample as a whole.
    """
    if grid is None or kind == WHOLE:
        return None
    lacks_classes = _lacks_classes(target, prediction)
    if kind is None:
        rank = len(target.shape)
        whole = rank == 1 or all(size == 1 for size in target.shape[1:-1])
        if whole and not (rank == 2 and lacks_classes and target.shape[1] != 1):
            if rank == 2 and not of_classes:
                _refuse_ambiguous(owner, name, target, grid)
            return None
    nearest = lacks_classes or not is_float(target)
    if kind == ALONG_FIRST and grid.sizes and len(grid.sizes) > 1:
        if len(target.shape) > 1 and _correspond(target.shape[1:2], grid.sizes[:1]):
            return Fit((1,), True, nearest)
    else:
        axes = _axes(target, grid)
        if axes is not None:
            return Fit(axes, False, nearest)
    return _refuse(owner, name, target, grid)


def fit_beside(owner, name, tensor, grid, fit):
    """How the sample weights or the Keras mask of a target lie on the grid.

    Args:
        owner: The wrapper's name, for messages.
        name: "sample weight" or "mask".
        tensor: `(B, *grid)`, or with a last axis of size 1.
        grid: A `target_portions.Grid`.
        fit: The target's `Fit`, or None.
    """
    if fit is None:
        return None
    if fit.along_first:
        axes = (1,) if _correspond(tensor.shape[1:2], grid.sizes[:1]) else None
    else:
        axes = _axes(tensor, grid)
    if axes is None:
        checks.refuse(
            owner,
            f"a {name} beside a target that is cut must be one for each sample, or lie on the "
            f"grid {grid.sizes} that is cut",
            checks.described(tensor),
        )
    return Fit(axes, fit.along_first, True)


def _lacks_classes(target, prediction):
    """Whether the prediction has an axis of classes where the target has ids."""
    if prediction is None:
        return False
    given, predicted = target.shape, prediction.shape
    if len(predicted) == len(given) + 1:
        return True
    return len(predicted) == len(given) > 1 and given[-1] == 1 and predicted[-1] not in (1, None)


def _axes(tensor, grid):
    """The tensor's axes that correspond to the grid's; None if none do."""
    rank, count = len(tensor.shape), len(grid.sizes or ())
    if not count:
        return None
    # The frames of a video stand before the grid, in its masks, too.
    firsts = [rank - count, 1] if grid.channels_first else range(grid.axes[0], 0, -1)
    for first in firsts:
        axes = tuple(range(first, first + count))
        sizes = tensor.shape[first : first + count]
        if first > 0 and len(sizes) == count and _correspond(sizes, grid.sizes):
            return axes
    return None


def _correspond(sizes, grid):
    """Whether each size is a whole multiple of the grid's; one that is unknown may be."""
    return len(sizes) == len(grid) and all(
        size is None or own is None or (size >= own and size % own == 0)
        for size, own in zip(sizes, grid, strict=True)
    )


def _refuse_ambiguous(owner, name, target, grid):
    """Labels `(B, K)` may be classes of samples, or `(B, T)` those of their time steps."""
    if target.shape[1] == 1 or not grid.sizes or len(grid.sizes) > 1:
        return
    if target.shape[1] is not None and grid.sizes[0] is None:
        # Labels of as many steps as there are would be of unknown number, too.
        return
    if _correspond(target.shape[1:], grid.sizes):
        key = leaf_names.key(name)
        checks.reject(
            owner,
            name,
            f"may hold labels of whole samples, or of the positions {grid.sizes} that are cut",
            checks.described(target),
            f'Name its kind: kinds={{"{key}": "labels"}} for whole samples, '
            f'kinds={{"{key}": "frame_labels"}} for positions.',
        )


def _refuse(owner, name, target, grid):
    key = leaf_names.key(name)
    if grid.sizes is None:
        rule = "must hold labels of whole samples where several inputs are cut"
        way_out = "Use one mixer for one input."
    else:
        first = grid.sizes[:1] if len(grid.sizes) > 1 else ()
        rule = (
            f"must hold labels of whole samples, or lie on the grid {grid.sizes} that is cut, "
            "or on a whole multiple of it"
        )
        way_out = f'Resize it, or name its kind: kinds={{"{key}": "labels"}} for whole samples'
        way_out += f', "frame_labels" for labels along the first axis {first}.' if first else "."
        way_out += " Mix boxes, keypoints and instance masks in the dataset, keras_mix.data.mix."
    return checks.reject(owner, name, rule, checks.described(target), way_out)
