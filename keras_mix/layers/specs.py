"""How each leaf of a batch is treated by a mixer: decided from kinds, dtypes and shapes alone."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.class_ids import check_class_ids, check_packable
from keras_mix.layers.grids import leaf_of_the_grid
from keras_mix.layers.sequence_specs import SEQUENCES
from keras_mix.layers.smoothing_specs import with_smoothing
from keras_mix.layers.tables import layout, spec_of_columns
from keras_mix.leaves import Spec, spatial_axes
from keras_mix.reading import classes_of, key


def specs_of(mixer, leaves, crossed=False):
    """One Spec a leaf; refuses what this mixer cannot mix."""
    main = leaf_of_the_grid(mixer, leaves)
    columns = layout(mixer, leaves)
    specs = [
        (spec_of(mixer, leaf, main) if own is None else spec_of_columns(mixer, leaf, own))._replace(
            crossed=crossed, target=leaf.target
        )
        for leaf, own in zip(leaves, columns, strict=True)
    ]
    return with_smoothing(mixer, leaves, specs)


def spec_of(mixer, leaf, main):
    """The Spec of one leaf beside the one that the mixer's grid lies on, or None."""
    if leaf.kind == "passthrough":
        return Spec("passthrough")
    if leaf.kind == "bounding_boxes":
        return _spec_of_boxes(mixer, leaf)
    if leaf.kind in SEQUENCES:
        return SEQUENCES[leaf.kind](mixer, leaf, main)
    precise = tf.float64 if leaf.tensor.dtype == tf.float64 else tf.float32
    axes = _axes(mixer, leaf, main)
    if leaf.kind == "class_ids":
        return _spec_of_class_ids(mixer, leaf)
    if leaf.kind == "segmentation_masks":
        return _spec_of_mask(mixer, leaf, axes)
    if leaf.kind in ("labels", "sample_weights"):
        return Spec(leaf.kind, dtype=precise, union=mixer.labels == "union")
    if leaf.target:
        return Spec("values", axes, precise)
    kept = mixer.keep_dtype or (mixer.pastes and axes is not None)
    dtype = leaf.tensor.dtype if kept else tf.as_dtype(mixer.compute_dtype)
    return Spec(leaf.kind, axes, dtype)


def _spec_of_class_ids(mixer, leaf):
    count = classes_of(mixer.num_classes, leaf.name)
    if mixer.labels == "pairs":
        check_packable(mixer.owner, leaf)
        if count is not None:
            check_class_ids(mixer.owner, leaf, count)
        return Spec("pairs", sources=mixer.num_sources)
    if count is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids, whose number must be known to mix them",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            'Pass num_classes=…; or labels="pairs" for a large label space; or labels="values" '
            "if the integers are numbers.",
        )
    check_class_ids(mixer.owner, leaf, count)
    union = mixer.labels == "union"
    return Spec("class_ids", num_classes=count, union=union)


def _spec_of_mask(mixer, leaf, axes):
    if mixer.soft_masks:
        return _spec_of_soft_mask(mixer, leaf)
    if not mixer.pastes:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids of pixels, which cannot be blended",
            checks.described(leaf.tensor),
            "Say soft_masks=True, for masks of each class's share (with num_classes=…); or use a "
            "mixer that pastes, such as CutMix.",
        )
    return Spec("segmentation_masks", axes, leaf.tensor.dtype)


def _spec_of_soft_mask(mixer, leaf):
    count = classes_of(mixer.num_classes, leaf.name)
    if count is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids of pixels, whose number must be known to share pixels",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            "Pass num_classes=…, as a dict by the heads' names where they differ.",
        )
    column = leaf.tensor.shape.rank == 4 and leaf.tensor.shape[-1] == 1
    if leaf.tensor.shape.rank != 3 and not column:
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be (B, H, W) or (B, H, W, 1) to become shares of classes",
            checks.described(leaf.tensor),
        )
    return Spec("soft_masks", (1, 2), num_classes=count)


def _spec_of_boxes(mixer, leaf):
    if mixer.bounding_box_format is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds boxes, whose format must be known to mix them",
            f"{checks.described(leaf.tensor)} and no `bounding_box_format`",
            'Pass bounding_box_format="xyxy", say; or leave them as they are, '
            f'passthrough=["{key(leaf.name)}"].',
        )
    if mixer.grid_rank not in (None, 2):
        checks.reject(
            mixer.owner,
            leaf.name,
            "lies on images, spatial_dims=2",
            f"spatial_dims={mixer.grid_rank}",
        )
    return Spec("bounding_boxes", box_options=mixer.box_options)


def _axes(mixer, leaf, main):
    """The leaf's axes under the grid; None where it is off the grid and is blended instead."""
    if main is None or leaf.kind in ("class_ids", "labels", "sample_weights"):
        return None
    rank = leaf.tensor.shape.rank
    axes = spatial_axes(rank, mixer.grid_rank, mixer.data_format)
    sizes = _sizes(leaf, axes)
    expected = _sizes(
        main, spatial_axes(main.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
    )
    if sizes and all(
        None in pair or len(set(pair)) == 1 for pair in zip(sizes, expected, strict=True)
    ):
        return axes
    if leaf.kind in ("images", "segmentation_masks"):
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have the size {expected} of `{main.name}` to be cut along with it",
            checks.described(leaf.tensor),
            f'Resize it, or blend it by the weights alone: kinds={{"{leaf.name}": "values"}}.',
        )
    return None


def _sizes(leaf, axes):
    return axes and tuple(leaf.tensor.shape[axis] for axis in axes)
