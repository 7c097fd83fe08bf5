"""What a mixer's `sample` sees of a batch; and sets of boxes, framed by the image they lie on."""

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.alignment import same_size, sizes_of, spatial_axes
from keras_mix._core.batch.batch import Batch, Head, axis_size, behind, inputs_of
from keras_mix._core.batch.grid import grid_of
from keras_mix._core.leaf_names import key, position
from keras_mix._core.leaves.box_checks import check_boxes
from keras_mix._core.leaves.tables import table_of

# Targets of these kinds tell no partners and no weights.
_NO_HEADS = ("bounding_boxes", "instance_masks", "keypoints", "passthrough", "texts")


def batch_of(mixer, reading, main=None):
    """The `Batch` that the mixer's `sample` is given.

    Args:
        mixer: The layer.
        reading: A `reading.Reading`.
        main: The leaf that the mixer's regions lie on, if it is not that of the reading.
    """
    own, second = reading.leaves, reading.second or reading.leaves
    mixed = [leaf for leaf in own if leaf.kind != "passthrough"]
    targets = [n for n, leaf in enumerate(own) if leaf.target and leaf.kind not in _NO_HEADS]
    target = targets[0] if targets else None
    heads = tuple(
        Head(own[n].name, own[n].kind, own[n].tensor, _tensor(second, n))
        for n in targets
        if own[n].tensor.shape.rank <= 2
    )
    size = axis_size(mixed[0].tensor, 0)
    taken = next(leaf for leaf in second if leaf and leaf.kind != "passthrough")
    main = main or reading.main
    grid, axes = (None, None) if main is None else grid_of(mixer, main)
    seen = main or next(iter(inputs_of(mixed)), None)
    number = next((n for n, leaf in enumerate(own) if leaf is seen), None)
    return Batch(
        size=size,
        donors=axis_size(taken.tensor, 0),
        has_second_batch=reading.second is not None,
        draws=size,
        grid=grid,
        axes=axes,
        images=_tensor(own, number),
        donor_images=_tensor(second, number),
        labels=_tensor(own, target),
        donor_labels=_tensor(second, target),
        table=table_of(reading.rules),
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
