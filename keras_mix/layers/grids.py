"""What a mixer sees of a batch: its sizes, and the leaf that its regions lie on."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.batch import Batch, axis_size, inputs_of
from keras_mix.layers.box_checks import check_boxes
from keras_mix.layers.tables import table_of
from keras_mix.leaves import spatial_axes


def batch_of(mixer, own, donors, crossed, main=None):
    """The `Batch` that the mixer's `sample` is given.

    Args:
        mixer: The layer.
        own: The leaves of the batch.
        donors: Those that partners come from, or None where there is none.
        crossed: Whether the donors are another batch.
        main: The leaf that the mixer's grid lies on, if it is not for the mixer to choose.
    """
    mixed = [leaf for leaf in own if leaf.kind != "passthrough"]
    targets = [
        index
        for index, leaf in enumerate(own)
        if leaf.target and leaf.kind not in ("bounding_boxes", "passthrough")
    ]
    target = targets[0] if targets else None
    size = axis_size(mixed[0].tensor, 0)
    taken = next(leaf for leaf in donors if leaf and leaf.kind != "passthrough")
    main = main or leaf_of_the_grid(mixer, own)
    grid, axes = (None, None) if main is None else grid_of(mixer, main)
    seen = main or next(iter(inputs_of(mixed)), None)
    index = next((i for i, leaf in enumerate(own) if leaf is seen), None)
    return Batch(
        size=size,
        donors=axis_size(taken.tensor, 0),
        crossed=crossed,
        draws=size,
        grid=grid,
        axes=axes,
        images=_tensor(own, index),
        donor_images=_tensor(donors, index),
        labels=_tensor(own, target),
        donor_labels=_tensor(donors, target),
        table=table_of(mixer, own),
    )


def _tensor(leaves, index):
    return None if index is None or leaves[index] is None else leaves[index].tensor


def framed(mixer, leaves):
    """The leaves, with the images' size beside each set of boxes; refuses boxes that are none."""
    if not any(leaf and leaf.kind == "bounding_boxes" for leaf in leaves):
        return leaves
    images = [leaf for leaf in leaves if leaf and leaf.kind == "images"]
    if not images:
        checks.refuse(mixer.owner, "boxes lie on images", "boxes without images beside them")
    axes = spatial_axes(images[0].tensor.shape.rank, 2, mixer.data_format)
    frame = tf.cast(tf.stack([axis_size(images[0].tensor, axis) for axis in axes]), tf.float32)
    framed_leaves = [
        leaf._replace(tensor=leaf.tensor._replace(frame=frame))
        if leaf and leaf.kind == "bounding_boxes"
        else leaf
        for leaf in leaves
    ]
    for leaf in framed_leaves:
        if leaf and leaf.kind == "bounding_boxes" and mixer.bounding_box_format:
            check_boxes(mixer.owner, leaf, mixer.box_options)
    return framed_leaves


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


def leaf_of_the_grid(mixer, leaves):
    """The first leaf of token ids, of images, or else of input values, that has enough axes."""
    if mixer.grid_rank is None:
        return None
    for leaf in inputs_of(leaves):
        rank = leaf.tensor.shape.rank
        if rank <= mixer.grid_rank:
            continue
        if rank == mixer.grid_rank + 1 and len(leaves) == 1 and leaf.kind != "token_ids":
            checks.reject(
                mixer.owner,
                leaf.name,
                "alone and without an axis of channels could be one sample or a batch",
                checks.described(leaf.tensor),
                "Batch a single sample; give a batch a last axis, `x[..., None]`.",
            )
        return leaf
    received = ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in leaves)
    axes = "height and width" if mixer.grid_rank == 2 else f"{mixer.grid_rank} spatial axes"
    checks.refuse(mixer.owner, f"the inputs must have {axes}", received)
