"""What a mixer sees of a batch: its sizes, and the leaf that its regions lie on."""

import math

import tensorflow as tf

from keras_mix import checks
from keras_mix.batch import Batch, Head, axis_size, behind, inputs_of
from keras_mix.layers.alignment import same_size, sizes_of
from keras_mix.layers.box_checks import check_boxes
from keras_mix.layers.tables import table_of
from keras_mix.leaves import spatial_axes
from keras_mix.naming import key, position


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
    heads = tuple(
        Head(own[i].name, own[i].kind, own[i].tensor, _tensor(donors, i))
        for i in targets
        if own[i].tensor.shape.rank <= 2
    )
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
        heads=heads,
        jit_compile=mixer.jit_compile,
    )


def _tensor(leaves, index):
    return None if index is None or leaves[index] is None else leaves[index].tensor


def framed(mixer, leaves):
    """The leaves, with the images' size beside each set of boxes; refuses boxes that are none."""
    if not any(leaf and leaf.kind == "bounding_boxes" for leaf in leaves):
        return leaves
    leaves, image = _image_of_the_boxes(mixer, leaves)
    axes = spatial_axes(image.tensor.shape.rank, 2, mixer.data_format)
    frame = tf.cast(tf.stack([axis_size(image.tensor, axis) for axis in axes]), tf.float32)
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


def refuse_idle_options(mixer, leaves):
    """Refuses options that have no effect on a batch without boxes, or without a region."""
    if any(leaf.kind == "bounding_boxes" for leaf in leaves):
        return
    received = ", ".join(f"{leaf.name}: {leaf.kind}" for leaf in leaves)
    if mixer.bounding_box_format is not None:
        checks.refuse(
            mixer.owner,
            "`bounding_box_format` is for a batch with a set of boxes",
            received,
            'Give boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N), -1 where there is '
            'none, under the key "bounding_boxes" or in y; or leave the format out.',
        )
    if mixer.main_input is not None and mixer.grid_rank is None:
        checks.refuse(
            mixer.owner,
            "`main_input` is for a mixer that draws regions, or for a batch with a set of boxes",
            f"main_input={mixer.main_input!r} beside {received}",
            "Leave it out.",
        )


def _image_of_the_boxes(mixer, leaves):
    """The leaves, and the image among them that boxes lie on; images of two sizes need a name."""
    images = [leaf for leaf in leaves if leaf and leaf.kind == "images"]
    if not images:
        checks.refuse(mixer.owner, "boxes lie on images", "boxes without images beside them")
    if mixer.main_input is not None:
        names = [leaf.name for leaf in images]
        return leaves, images[position(mixer.owner, "main_input", mixer.main_input, names)]
    axes = [spatial_axes(leaf.tensor.shape.rank, 2, mixer.data_format) for leaf in images]
    sizes = [sizes_of(leaf.tensor.shape, a) for leaf, a in zip(images, axes, strict=True)]
    known = {size for size in sizes if None not in size}
    if len(known) > 1:
        checks.refuse(
            mixer.owner,
            "the image that boxes lie on must be named where images differ in size",
            ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in images),
            f'Name it, main_input="{key(images[0].name)}", say.',
        )
    checked = [
        same_size(mixer.owner, leaf, a, images[0], axes[0])
        for leaf, a, size in zip(images[1:], axes[1:], sizes[1:], strict=True)
        if None in (*size, *sizes[0])
    ]
    if not checked:
        return leaves, images[0]
    number = [leaf is images[0] for leaf in leaves].index(True)
    leaves = [leaf and behind(checked, [leaf])[0] for leaf in leaves]
    return leaves, leaves[number]


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
