"""The leaf that a mixer's regions lie on, and the sizes of its axes."""

import math

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.alignment import alignment, sizes_of, spatial_axes
from keras_mix._core.batch.batch import axis_size, inputs_of
from keras_mix._core.leaf_names import key, position


def grid_of(mixer, leaf):
    """The sizes of the axes of a leaf that the mixer's regions cover, and the axes."""
    axes = spatial_axes(leaf.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
    if axes is None:
        rule = f"must have {mixer.grid_rank} axes to be cut along, beside the batch's"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    sizes = tuple(axis_size(leaf.tensor, axis) for axis in axes)
    if any(isinstance(size, int) and size < mixer.smallest_grid for size in sizes):
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have at least {mixer.smallest_grid} places along each axis that is cut",
            checks.described(leaf.tensor),
        )
    return sizes, axes


def smallest(mixer, leaf, axes):
    """The check, made as a graph runs, that unknown sizes of the grid are large enough."""
    if None not in sizes_of(leaf.tensor.shape, axes):
        return []
    sentence = (
        f"{mixer.owner}: `{leaf.name}` must have at least {mixer.smallest_grid} places along each "
        f"axis that is cut. Received: {checks.described(leaf.tensor)}, some of which is smaller."
    )
    sizes = tf.stack([axis_size(leaf.tensor, axis) for axis in axes])
    return [tf.debugging.assert_greater_equal(sizes, mixer.smallest_grid, sentence)]


def leaf_of_the_grid(mixer, leaves):
    """The input that the mixer's regions are drawn on: the named one, or that of the most places.

    Token ids can only be cut, and images must not be blended while others are cut, so these come
    first; along one axis an image is like any other input.
    """
    if mixer.grid_rank is None:
        return None
    inputs = [leaf for leaf in inputs_of(leaves) if leaf.tensor.shape.rank > mixer.grid_rank]
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
    first = inputs[0].kind
    alike = first == "token_ids" or (first == "images" and mixer.grid_rank > 1)
    return _largest(mixer, [leaf for leaf in inputs if leaf.kind == first] if alike else inputs)


def _largest(mixer, inputs):
    """The input with the most places along the axes that are cut; refuses where that is unclear."""
    sizes = [
        sizes_of(
            leaf.tensor.shape,
            spatial_axes(leaf.tensor.shape.rank, mixer.grid_rank, mixer.data_format),
        )
        for leaf in inputs
    ]
    # A region does not divide an axis of one place.
    wide = [index for index, size in enumerate(sizes) if 1 not in size] or range(len(inputs))
    unknown = any(None in sizes[index] for index in wide)
    most = wide
    if not unknown:
        places = [math.prod(sizes[index]) for index in wide]
        most = [index for index, n in zip(wide, places, strict=True) if n == max(places)]
    # All token ids and all images lie on one grid, or are refused.
    free = any(leaf.kind == "values" for leaf in inputs)
    if free and len(most) > 1 and (unknown or len({sizes[index] for index in most}) > 1):
        why = "have sizes that are unknown" if unknown else "have as many places on other grids"
        checks.refuse(
            mixer.owner,
            "the input that the region is drawn on must be named where several are possible",
            ", ".join(f"{inputs[i].name}: {checks.described(inputs[i].tensor)}" for i in most)
            + f", which {why}",
            f'Name it, main_input="{key(inputs[most[0]].name)}", say.',
        )
    return inputs[most[0]]


def time_axis(mixer, leaf, main):
    """`(1,)` if the leaf's second axis is the first that the mixer cuts; None if it is not.

    Where a size is unknown, the running graph checks that they agree.
    """
    if main is None:
        return None
    axes = spatial_axes(main.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
    if axes is None or is_of_video(mixer, leaf, main):
        return None
    sizes = leaf.tensor.shape[1], main.tensor.shape[axes[0]]
    return (1,) if None in sizes or sizes[0] == sizes[1] else None


def lying(mixer, leaf, main):
    """The leaf's `Alignment` with the grid; None where it is off the grid."""
    if main is None or leaf.kind in ("class_ids", "labels"):
        return None
    shape = leaf.tensor.shape
    if leaf.target and leaf.kind == "values" and (shape.rank < 2 or shape[1:] == [1]):
        # One number a sample has no places, whatever the size of the grid.
        return None
    found = alignment(shape, main.tensor.shape, mixer.grid_rank, mixer.data_format)
    if found is None and leaf.kind in ("images", "segmentation_masks"):
        main_axes = spatial_axes(main.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have the size {sizes_of(main.tensor.shape, main_axes)} of `{main.name}` to be "
            "cut along with it",
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
    if leaf.tensor.dtype.is_integer:
        return f"Resize it; or, if it holds intensities and not ids, {blended}."
    return f"Resize it; or {blended}."


def refuse_other_axes(mixer, leaf):
    """Refuses what lies on height and width where the mixer cuts along other axes."""
    if mixer.grid_rank not in (None, 2):
        checks.reject(
            mixer.owner,
            leaf.name,
            "lies on images, spatial_dims=2",
            f"spatial_dims={mixer.grid_rank}",
        )


def is_of_video(mixer, leaf, main):
    """Whether the leaf's second axis is the time of a video, each frame of which is cut alike."""
    shape = main.tensor.shape
    frames = mixer.grid_rank > 1 and shape.rank > mixer.grid_rank + 2
    return (
        frames
        and mixer.data_format == "channels_last"
        and leaf.tensor.shape[1:2].is_compatible_with(shape[1:2])
    )
