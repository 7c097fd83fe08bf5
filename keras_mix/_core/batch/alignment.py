"""The axes of a leaf that a region covers, found beside the leaf that the region was drawn on."""

from typing import NamedTuple

import tensorflow as tf

from keras_mix._core import checks


class Alignment(NamedTuple):
    """How a leaf lies on the grid of another.

    Attributes:
        axes: The leaf's axes that correspond to the grid's.
        known: Whether their sizes are known to be the grid's. Where one of a pair of sizes is
            unknown, only the running graph can compare them.
    """

    axes: tuple
    known: bool


def spatial_axes(rank, grid_rank, data_format):
    """The axes of a tensor of this rank that a grid covers, or None where it has too few.

    (B, *grid), (B, *grid, C) or (B, C, *grid), and (B, …, *grid, C) where one region serves
    leading axes such as the time of a video.
    """
    if rank <= grid_rank:
        return None
    channels = rank > grid_rank + 1
    first = rank - grid_rank - (channels and data_format == "channels_last")
    return tuple(range(first, first + grid_rank))


def alignment(shape, grid_shape, grid_rank, data_format):
    """The `Alignment` of a leaf with the leaf of the grid, or None where the leaf is off the grid.

    The shape alone does not tell whether a leaf has an axis of channels or axes before the grid:
    (B, D, H, W) is the mask of a volume (B, D, H, W, C). So the leaf of the grid decides.

    Args:
        shape: The leaf's `tf.TensorShape`.
        grid_shape: That of the leaf of the grid.
        grid_rank: The number of axes that the mixer's regions cover.
        data_format: "channels_last" or "channels_first".
    """
    grid_axes = spatial_axes(grid_shape.rank, grid_rank, data_format)
    if grid_axes is None:
        return None
    sizes = sizes_of(grid_shape, grid_axes)
    for axes in _layouts(shape, grid_shape, grid_axes, data_format):
        own = sizes_of(shape, axes)
        if tf.TensorShape(own).is_compatible_with(sizes):
            return Alignment(axes, None not in (*own, *sizes))
    return None


def followed(shape, grid_shape, grid_rank, data_format):
    """The axes of a leaf that follows another one's region, also at another size; None if too few.

    A leaf of the same sizes is aligned; one of other sizes has the same axes before the grid's, or
    else the axes that its shape alone tells.
    """
    found = alignment(shape, grid_shape, grid_rank, data_format)
    if found is not None:
        return found.axes
    axes = spatial_axes(grid_shape.rank, grid_rank, data_format)
    alike = shape.rank == axes[-1] + 1 and shape[-1] != 1
    before = shape[1 : axes[0]].is_compatible_with(grid_shape[1 : axes[0]])
    if data_format == "channels_last" and alike and before:
        return axes
    return spatial_axes(shape.rank, grid_rank, data_format)


def sizes_of(shape, axes):
    """The sizes of axes, None for unknown ones."""
    return tuple(shape[axis] for axis in axes)


def same_size(owner, leaf, axes, main, main_axes):
    """A check, made as the graph runs, that sizes which are unknown before are those of the grid.

    Args:
        owner: The name that the message begins with.
        leaf: The `batch.Leaf` to check.
        axes: Its axes.
        main: The leaf of the grid.
        main_axes: The axes of that one.
    """
    sentence = (
        f"{owner}: `{leaf.name}` must have the size of `{main.name}` to be cut along with it. "
        f"Received: {checks.described(leaf.tensor)} beside {checks.described(main.tensor)}, "
        "whose sizes differ. Resize it, or leave it as it is by `passthrough`."
    )
    sizes = (
        [tf.shape(each.tensor)[axis] for axis in chosen]
        for each, chosen in ((leaf, axes), (main, main_axes))
    )
    return tf.debugging.assert_equal(*map(tf.stack, sizes), sentence)


def _layouts(shape, grid_shape, grid_axes, data_format):
    """The axes that may be the grid's, the likeliest first."""
    rank, grid_rank = shape.rank, len(grid_axes)
    if data_format == "channels_first":
        layouts = [rank - grid_rank] if rank > grid_rank else []
    else:
        layouts = [grid_axes[0]] if _begins_alike(shape, grid_shape, grid_axes) else []
        if rank > grid_rank + 1:
            layouts.append(rank - 1 - grid_rank)
        if rank > grid_rank:
            layouts.append(rank - grid_rank)
    return [tuple(range(first, first + grid_rank)) for first in layouts]


def _begins_alike(shape, grid_shape, grid_axes):
    """Whether a leaf has the axes of the other up to the grid's, and at most channels behind."""
    end = grid_axes[-1] + 1
    if shape.rank == grid_shape.rank + 1 and shape[-1] == 1:
        end = grid_shape.rank
    elif shape.rank not in (end, end + 1):
        return False
    return shape[1:end].is_compatible_with(grid_shape[1:end])
