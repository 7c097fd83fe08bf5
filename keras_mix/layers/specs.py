"""How each leaf of a batch is treated by a mixer: decided from kinds, dtypes and shapes alone."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.advice import for_class_ids
from keras_mix.batch import behind
from keras_mix.layers.alignment import alignment, same_size, sizes_of
from keras_mix.layers.geometry import refuse_coordinates, refuse_places_off_the_grid
from keras_mix.layers.grids import leaf_of_the_grid, smallest
from keras_mix.layers.sequence_specs import SEQUENCES, is_of_video
from keras_mix.layers.smoothing_specs import with_smoothing
from keras_mix.layers.tables import layout, spec_of_columns
from keras_mix.layers.weights import with_weights
from keras_mix.leaves import Spec, spatial_axes
from keras_mix.naming import key
from keras_mix.reading import classes_of
from keras_mix.value_checks import check_class_ids, check_packable, check_shares, check_whole


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
    return with_weights(mixer, leaves, with_smoothing(mixer, leaves, specs), main)


def sized(mixer, leaves, specs):
    """The leaves, behind checks of the sizes that are unknown until the graph runs."""
    main = leaf_of_the_grid(mixer, leaves)
    if main is None:
        return leaves
    main_axes = spatial_axes(main.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
    checked = smallest(mixer, main, main_axes)
    for leaf, spec in zip(leaves, specs, strict=True):
        if spec.axes is None or spec.kind == "values_of_unknown_size" or leaf is main:
            continue
        # Of a sequence one axis, the first, is told.
        compared = main_axes[: len(spec.axes)]
        sizes = sizes_of(leaf.tensor.shape, spec.axes), sizes_of(main.tensor.shape, compared)
        if None in (*sizes[0], *sizes[1]):
            checked.append(same_size(mixer.owner, leaf, spec.axes, main, compared))
    return behind(checked, leaves) if checked else leaves


def spec_of(mixer, leaf, main):
    """The Spec of one leaf beside the one that the mixer's grid lies on, or None.

    That of sample weights follows from the others later.
    """
    if leaf.kind == "passthrough":
        return Spec("passthrough")
    if leaf.kind == "sample_weights":
        return Spec("sample_weights")
    if leaf.kind == "bounding_boxes":
        return _spec_of_boxes(mixer, leaf)
    if leaf.kind in SEQUENCES:
        return SEQUENCES[leaf.kind](mixer, leaf, main)
    precise = tf.float64 if leaf.tensor.dtype == tf.float64 else tf.float32
    found = _lying(mixer, leaf, main)
    axes = found and found.axes
    if leaf.kind == "class_ids":
        return _spec_of_class_ids(mixer, leaf)
    if leaf.kind == "segmentation_masks":
        return _spec_of_mask(mixer, leaf, axes)
    if leaf.kind in ("labels", "values") and leaf.target:
        of_video = main is not None and is_of_video(mixer, leaf, main)
        refuse_places_off_the_grid(mixer, leaf, found, of_video)
        if found is None:
            refuse_coordinates(mixer, leaf)
    if leaf.kind == "labels":
        return Spec("labels", dtype=precise, union=mixer.labels == "union")
    if leaf.target:
        return Spec("values", axes, precise)
    if found is not None and not found.known and leaf.kind == "values" and leaf is not main:
        dtype = leaf.tensor.dtype if mixer.keep_dtype else tf.as_dtype(mixer.compute_dtype)
        return Spec("values_of_unknown_size", axes, dtype)
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
    if count is None and mixer.erases and not mixer.label_smoothing:
        # No label is mixed, so none needs the form of shares.
        return Spec("passthrough")
    if count is None and mixer.erases:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids, whose number must be known to smooth them",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            "Pass num_classes=…, or leave out label_smoothing.",
        )
    if count is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids, whose number must be known to mix them",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            for_class_ids(leaf.name),
        )
    check_class_ids(mixer.owner, leaf, count)
    union = mixer.labels == "union"
    return Spec("class_ids", num_classes=count, union=union)


def _spec_of_mask(mixer, leaf, axes):
    if _holds_shares(mixer, leaf):
        check_shares(mixer.owner, leaf, "must hold shares of classes from 0 to 1 to be blended")
        double = leaf.tensor.dtype == tf.float64
        return Spec("values", axes, tf.float64 if double else tf.float32)
    if mixer.soft_masks:
        return _spec_of_soft_mask(mixer, leaf, axes)
    if not mixer.pastes:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids of pixels, which cannot be blended",
            checks.described(leaf.tensor),
            "Pass soft_masks=True, for masks of each class's share (with num_classes=…); or use a "
            "mixer that pastes, such as CutMix.",
        )
    return Spec("segmentation_masks", axes, leaf.tensor.dtype)


def _holds_shares(mixer, leaf):
    """Whether a mask to be blended holds shares of classes (B, H, W, K) already."""
    shape, count = leaf.tensor.shape, classes_of(mixer.num_classes, leaf.name)
    if not leaf.tensor.dtype.is_floating or shape.rank < 4 or shape[-1] == 1:
        return False
    return count in (None, shape[-1]) if mixer.soft_masks else not mixer.pastes


def _spec_of_soft_mask(mixer, leaf, axes):
    count = classes_of(mixer.num_classes, leaf.name)
    if count is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds class ids of pixels, whose number must be known to share pixels",
            f"{checks.described(leaf.tensor)} and no `num_classes` for it",
            "Pass num_classes=…, as a dict by the heads' names where they differ.",
        )
    shape = leaf.tensor.shape
    if axes is None and shape.rank >= 3:
        column = shape.rank > 3 and shape[-1] == 1
        axes = tuple(range(1, shape.rank - column))
    spatial = len(axes) + 1 if axes else 0
    channels_first = mixer.data_format == "channels_first" and shape.rank > spatial
    columns = shape.rank - 1 - axes[-1] if axes else 0
    if not axes or channels_first or (columns and shape[-1] != 1):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be (B, H, W) or (B, H, W, 1) to become shares of classes",
            checks.described(leaf.tensor),
        )
    if leaf.tensor.dtype.is_floating:
        rule = "must hold class ids, whole numbers, to become shares of classes"
        check_whole(mixer.owner, leaf, rule, "Give shares of classes as (B, H, W, K).")
    return Spec("soft_masks", axes, num_classes=count)


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


def _lying(mixer, leaf, main):
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
