"""Sets of boxes, with the size of the image that they belong to."""

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.batch.batch import behind
from keras_mix._core.batch.region_grid import same_size, sizes_of, spatial_axes
from keras_mix._core.leaf_names import key, position
from keras_mix._core.leaves.box_checks import check_boxes


def framed(mixer, leaves):
    """The leaves, with the images' size beside each set of boxes; refuses boxes that are none."""
    leaves, image = _image_of_the_boxes(mixer, leaves)
    axes = spatial_axes(len(image.tensor.shape), 2, mixer.data_format)
    frame = xp.cast(xp.stack([axis_size(image.tensor, axis) for axis in axes]), "float32")
    framed_leaves = [
        leaf._replace(tensor=leaf.tensor._replace(frame=frame))
        if leaf and leaf.kind == "bounding_boxes"
        else leaf
        for leaf in leaves
    ]
    for leaf in framed_leaves:
        if leaf and leaf.kind == "bounding_boxes" and mixer.box_options.format:
            check_boxes(mixer.owner, leaf, mixer.box_options)
    return framed_leaves


def _image_of_the_boxes(mixer, leaves):
    """The leaves, and the image among them that boxes belong to; one of two sizes needs a name."""
    images = [leaf for leaf in leaves if leaf and leaf.kind == "images"]
    if not images:
        checks.refuse(mixer.owner, "boxes need the images that they lie on", "boxes alone")
    if mixer.main_input is not None:
        names = [leaf.name for leaf in images]
        return leaves, images[position(mixer.owner, "main_input", mixer.main_input, names)]
    axes = [spatial_axes(len(leaf.tensor.shape), 2, mixer.data_format) for leaf in images]
    sizes = [sizes_of(leaf.tensor.shape, a) for leaf, a in zip(images, axes, strict=True)]
    known = {size for size in sizes if None not in size}
    if len(known) > 1:
        checks.refuse(
            mixer.owner,
            "the image that boxes lie on must be named where images differ in size",
            ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in images),
            f'Name it, for example main_input="{key(images[0].name)}".',
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
