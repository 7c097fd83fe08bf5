"""The grid of a mixer's regions: some axes of an input, and those of other leaves."""

import math
from typing import NamedTuple

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size, compatible
from keras_mix._core.batch.batch import Leaf, inputs_of
from keras_mix._core.leaf_names import key, position


class Grid(NamedTuple):
    """The spatial axes of the input that a mixer's regions are drawn on.

    Attributes:
        leaf: The `Leaf` of that input.
        axes: Its axes that the regions cover.
        known: Their sizes, None for unknown ones.
        data_format: "channels_last" or "channels_first".
    """

    leaf: Leaf
    axes: tuple
    known: tuple
    data_format: str

    @property
    def sizes(self):
        """The sizes of the axes: an int where it is known, else a scalar tensor."""
        if None not in self.known:
            return self.known
        return tuple(axis_size(self.leaf.tensor, axis) for axis in self.axes)

    def alignment(self, shape):
        """The `Alignment` of a leaf of this shape; None if it is off the grid."""
        return alignment(shape, self.leaf.tensor.shape, len(self.axes), self.data_format)

    def is_of_video(self, leaf):
        """Whether a leaf's second axis is the time of a video, with all frames cut alike."""
        shape, rank = self.leaf.tensor.shape, len(self.axes)
        frames = rank > 1 and len(shape) > rank + 2
        return (
            frames
            and self.data_format == "channels_last"
            and compatible(leaf.tensor.shape[1:2], shape[1:2])
        )

    def time_axis(self, leaf):
        """`(1,)` if a leaf's second axis is the first of the grid; None if it is not.

        Where a size is unknown, the running graph checks that they agree.
        """
        if self.is_of_video(leaf):
            return None
        sizes = leaf.tensor.shape[1], self.known[0]
        return (1,) if None in sizes or sizes[0] == sizes[1] else None


def grid_of(mixer, leaves):
    """The `Grid` of a mixer on the leaves of a batch; None for a mixer without regions."""
    if mixer.grid_rank is None:
        return None
    return grid_on(mixer, _leaf_of_the_grid(mixer, leaves))


def grid_on(mixer, leaf):
    """The `Grid` of a mixer on a leaf; refuses one with too few axes or too few positions."""
    axes = spatial_axes(len(leaf.tensor.shape), mixer.grid_rank, mixer.data_format)
    if axes is None:
        rule = f"must have {mixer.grid_rank} axes to be cut along, after the batch axis"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    grid = Grid(leaf, axes, sizes_of(leaf.tensor.shape, axes), mixer.data_format)
    if any(size is not None and size < mixer.smallest_grid for size in grid.known):
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have a size of at least {mixer.smallest_grid} along each axis that is cut",
            checks.described(leaf.tensor),
        )
    return grid


def large_enough(mixer, grid):
    """The check, made as a graph runs, that unknown sizes of the grid are large enough."""
    tensor = grid.leaf.tensor
    sentence = (
        f"{mixer.owner}: `{grid.leaf.name}` must have a size of at least "
        f"{mixer.smallest_grid} along each axis that is cut. "
        f"Received: {checks.described(tensor)}, some of which is smaller."
    )
    return xp.checked(xp.stack(grid.sizes) >= mixer.smallest_grid, sentence)


def _leaf_of_the_grid(mixer, leaves):
    """The input that the mixer's regions are drawn on: the named one, or that of the largest grid.

    Token ids can only be cut, and images must not be blended while others are cut, so these come
    first; along one axis an image is like any other input.
    """
    inputs = [leaf for leaf in inputs_of(leaves) if len(leaf.tensor.shape) > mixer.grid_rank]
    if not inputs:
        received = ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in leaves)
        axes = "height and width" if mixer.grid_rank == 2 else f"{mixer.grid_rank} spatial axes"
        checks.refuse(
            mixer.owner,
            f"the inputs must have {axes}",
            received,
            "Cut sequences by CutMix(spatial_dims=1), mix columns of a table by TabularMix, and "
            "blend any input by MixUp.",
        )
    if mixer.main_input is not None:
        names = [leaf.name for leaf in inputs]
        return inputs[position(mixer.owner, "main_input", mixer.main_input, names)]
    if len(inputs) == 1:
        return inputs[0]
    first = inputs[0].kind
    alike = first == "token_ids" or (first == "images" and mixer.grid_rank > 1)
    return _largest(mixer, [leaf for leaf in inputs if leaf.kind == first] if alike else inputs)


def _largest(mixer, inputs):
    """The input with the largest grid. Refuses inputs where that is unclear."""
    sizes = [
        sizes_of(
            leaf.tensor.shape,
            spatial_axes(len(leaf.tensor.shape), mixer.grid_rank, mixer.data_format),
        )
        for leaf in inputs
    ]
    # A region does not divide an axis of size 1.
    wide = [index for index, size in enumerate(sizes) if 1 not in size] or range(len(inputs))
    unknown = any(None in sizes[index] for index in wide)
    most = wide
    if not unknown:
        counts = [math.prod(sizes[index]) for index in wide]
        most = [index for index, n in zip(wide, counts, strict=True) if n == max(counts)]
    # All token ids and all images share one grid, or are refused.
    free = any(leaf.kind == "values" for leaf in inputs)
    if free and len(most) > 1 and (unknown or len({sizes[index] for index in most}) > 1):
        why = "have sizes that are unknown" if unknown else "have other grids of the same area"
        checks.refuse(
            mixer.owner,
            "the input that the region is drawn on must be named where several are possible",
            ", ".join(f"{inputs[i].name}: {checks.described(inputs[i].tensor)}" for i in most)
            + f", which {why}",
            f'Name it, for example main_input="{key(inputs[most[0]].name)}".',
        )
    return inputs[most[0]]


def aligned(mixer, leaf, grid):
    """The leaf's `Alignment` with the grid; None where it is off the grid."""
    if grid is None or leaf.kind in ("class_ids", "labels"):
        return None
    shape = leaf.tensor.shape
    if leaf.target and leaf.kind == "values" and (len(shape) < 2 or tuple(shape[1:]) == (1,)):
        # One number for each sample has no spatial axes, whatever the size of the grid.
        return None
    if leaf is grid.leaf:
        return Alignment(grid.axes, None not in grid.known)
    found = grid.alignment(shape)
    if found is None and leaf.kind in ("images", "segmentation_masks"):
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have the size {grid.known} of `{grid.leaf.name}` to be cut together with it",
            checks.described(leaf.tensor),
            _way_onto_the_grid(leaf),
        )
    return found


def _way_onto_the_grid(leaf):
    """The way out for a leaf of another size; a mean of class ids is none."""
    blended = f'blend it by the weights alone, kinds={{"{key(leaf.name)}": "values"}}'
    if leaf.kind == "segmentation_masks":
        return (
            "Resize it by the nearest pixel before mixing; or mix it at full size and downsample "
            "the result."
        )
    if dtypes.is_integer(leaf.tensor):
        return f"Resize it; or, if it holds intensities and not ids, {blended}."
    return f"Resize it; or {blended}."


def refuse_other_axes(mixer, leaf):
    """Refuses boxes, keypoints and the like where the mixer cuts along other axes than theirs."""
    if mixer.grid_rank not in (None, 2):
        checks.reject(
            mixer.owner,
            leaf.name,
            "belongs to images, spatial_dims=2",
            f"spatial_dims={mixer.grid_rank}",
        )


class Alignment(NamedTuple):
    """The axes of a leaf on the grid of another.

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
    leading axes such as the time of a video. A single axis is that of time, (B, T, …).
    """
    if rank <= grid_rank:
        return None
    if grid_rank == 1 and data_format == "channels_last":
        return (1,)
    channels = rank > grid_rank + 1
    first = rank - grid_rank - (channels and data_format == "channels_last")
    return tuple(range(first, first + grid_rank))


def alignment(shape, grid_shape, grid_rank, data_format):
    """The `Alignment` of a leaf with the leaf of the grid, or None where the leaf is off the grid.

    The shape alone does not say whether a leaf has an axis of channels or axes before the grid:
    (B, D, H, W) is the mask of a volume (B, D, H, W, C). So the leaf of the grid decides.

    Args:
        shape: The leaf's shape.
        grid_shape: That of the leaf of the grid.
        grid_rank: The number of axes that the mixer's regions cover.
        data_format: "channels_last" or "channels_first".
    """
    grid_axes = spatial_axes(len(grid_shape), grid_rank, data_format)
    if grid_axes is None:
        return None
    sizes = sizes_of(grid_shape, grid_axes)
    for axes in _layouts(shape, grid_shape, grid_axes, data_format):
        own = sizes_of(shape, axes)
        if compatible(own, sizes):
            return Alignment(axes, None not in (*own, *sizes))
    return None


def followed(shape, grid_shape, grid_rank, data_format):
    """The axes of a leaf that follows another one's region, also at another size; None if too few.

    A leaf of the same sizes is aligned; one of other sizes has the same axes before the grid's, or
    else the axes that follow from its shape alone.
    """
    found = alignment(shape, grid_shape, grid_rank, data_format)
    if found is not None:
        return found.axes
    axes = spatial_axes(len(grid_shape), grid_rank, data_format)
    alike = len(shape) == axes[-1] + 1 and shape[-1] != 1
    before = compatible(shape[1 : axes[0]], grid_shape[1 : axes[0]])
    if data_format == "channels_last" and alike and before:
        return axes
    return spatial_axes(len(shape), grid_rank, data_format)


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
        f"{owner}: `{leaf.name}` must have the size of `{main.name}` to be cut together with it. "
        f"Received: {checks.described(leaf.tensor)} beside {checks.described(main.tensor)}, "
        "which differ in size. Resize it, or leave it as it is by `passthrough`."
    )
    sizes = (
        [xp.shape(each.tensor)[axis] for axis in chosen]
        for each, chosen in ((leaf, axes), (main, main_axes))
    )
    return xp.checked(xp.equal(*map(xp.stack, sizes)), sentence)


def _layouts(shape, grid_shape, grid_axes, data_format):
    """The axes that may be the grid's, the likeliest first."""
    rank, grid_rank = len(shape), len(grid_axes)
    if grid_rank == 1 and data_format == "channels_last":
        return [(1,)] if rank > 1 else []
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
    """Whether a leaf has the axes of the other up to the grid's, then at most channels."""
    end = grid_axes[-1] + 1
    if len(shape) == len(grid_shape) + 1 and shape[-1] == 1:
        end = len(grid_shape)
    elif len(shape) not in (end, end + 1):
        return False
    return compatible(shape[1:end], grid_shape[1:end])
