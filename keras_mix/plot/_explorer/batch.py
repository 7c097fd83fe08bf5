"""The batch that is explored: its images and targets, and what a mixer has to be told of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from keras_mix._core import checks, kinds
from keras_mix.plot._labels import one_line

OWNER = "plot.explore"
SHOWN = ("images", "labels", "segmentation_masks", "bounding_boxes", "keypoints")
SOURCE = (
    "# A dataset that shuffles gives another batch than the one shown.\nbatch = next(iter(dataset))"
)
# Ids from here on mark pixels to ignore.
IGNORED = 255
_KIND_OF = {
    alias: kind for kind in (*SHOWN, "sample_weights") for alias in (kind, *kinds.ALL[kind].aliases)
}
_NOT_SHOWN = {
    alias
    for kind, known in kinds.ALL.items()
    for alias in (kind, *known.aliases)
    if alias not in _KIND_OF
}
# The name of the images that have none.
_INPUT = ""
_FORMS = (
    "(images, labels), (images, labels, sample_weights), a dict with the key `images`, or a "
    "batched tf.data.Dataset of these"
)


class Explored(NamedTuple):
    """A batch and what is known of it.

    Attributes:
        batch: The batch as a mixer takes it.
        names: Dict from the kinds of its leaves to their names.
        class_names: List of strings, or None.
        options: Dict of the options that a mixer needs for the batch.
        mask_option: Dict of those that it needs to blend masks.
        source: String, the code that makes the batch; empty if the user made it.
    """

    batch: Any
    names: dict
    class_names: list | None
    options: dict
    mask_option: dict
    source: str = ""

    @property
    def size(self):
        """The number of samples."""
        return len(self.leaves(self.batch)["images"])

    @property
    def labelled(self):
        """Whether the samples have labels."""
        return "labels" in self.names

    def leaves(self, batch):
        """Dict from the kinds of `SHOWN` to the tensors of the batch, or of a mixed one."""
        return _leaves(batch, self.names)

    def name(self, class_id):
        """The name of a class."""
        known = self.class_names is not None and 0 <= class_id < len(self.class_names)
        return self.class_names[class_id] if known else str(class_id)


def read(dataset_or_batch, class_names=None, bounding_boxes=None, source=""):
    """Checks a batch, or takes the first one of a dataset.

    Args:
        dataset_or_batch: As in `keras_mix.plot.explore`, and so are the other arguments.
        class_names: Sequence of strings, or None.
        bounding_boxes: String, the format of the boxes, or None.
        source: String, the code that makes the batch; empty if the user made it.

    Returns:
        An `Explored`.

    Raises:
        ValueError: If it is not a batch of images in one of the forms.
    """
    batch = _first(dataset_or_batch)
    names = _names(batch)
    found = _leaves(batch, names)
    images = np.asarray(found["images"])
    _check_images(images)
    if "segmentation_masks" in found:
        _check_masks(np.asarray(found["segmentation_masks"]))
    if "keypoints" in found:
        _check_keypoints(np.asarray(found["keypoints"]))
    if class_names is not None:
        class_names = one_line(class_names)
    options, counts = {}, _class_counts(found, class_names)
    if "labels" in counts:
        options["num_classes"] = counts["labels"]
    if "bounding_boxes" in found and bounding_boxes is None:
        checks.refuse(
            OWNER,
            "the format of boxes must be given",
            "a batch with boxes and bounding_boxes=None",
            'Pass bounding_boxes="xyxy", or another of Keras\'s formats.',
        )
    if bounding_boxes is not None:
        if "bounding_boxes" not in found:
            checks.refuse(
                OWNER,
                "`bounding_boxes` is for batches with boxes",
                f"bounding_boxes={bounding_boxes!r} and a batch without",
                'Boxes are a dict of "boxes" (B, N, 4) and "labels" (B, N).',
            )
        options["bounding_boxes"] = checks.box_format("bounding_boxes", bounding_boxes)
    if named := _kinds(batch, names):
        options["kinds"] = named
    if _is_dataset(dataset_or_batch):
        source = SOURCE
    return Explored(batch, names, class_names, options, _mask_option(names, counts), source)


def _names(batch):
    """Dict from the kinds of the leaves of a batch to their names."""
    names = {}
    for name, value in _by_name(batch).items():
        kind = "images" if name == _INPUT else _kind(name, value)
        if kind in names:
            checks.refuse(
                OWNER,
                f"a batch must have one leaf of {kind}",
                f"{names[kind]!r} and {name!r}",
                "Leave one of them out.",
            )
        names[kind] = name
    return names


def _kinds(batch, names):
    """Dict from names to kinds, of the leaves whose kind a mixer has to be told."""
    as_dict = isinstance(batch, Mapping)
    return {
        name: kind
        for kind, name in names.items()
        if kind == "keypoints" or (as_dict and name not in kinds.KEYS)
    }


def _leaves(batch, names):
    found = _by_name(batch)
    return {kind: found[name] for kind, name in names.items() if kind in SHOWN}


def _by_name(batch):
    """Dict from names to leaves, without the sample weights of a tuple."""
    if isinstance(batch, Mapping):
        return batch
    if not isinstance(batch, tuple):
        return {_INPUT: batch}
    images = batch[0]
    targets = batch[1] if len(batch) > 1 else None
    if isinstance(targets, Mapping) and not _is_boxes(targets):
        return {_INPUT: images, **targets}
    return {_INPUT: images} | ({} if targets is None else {"y": targets})


def _kind(name, value):
    """The kind of a leaf: that of its name, else that of its form."""
    if _is_boxes(value):
        return "bounding_boxes"
    if name in _KIND_OF and name != "y":
        return _KIND_OF[name]
    array = None if isinstance(value, Mapping | tuple | list) else np.asarray(value)
    of_mask = array is not None and array.dtype.kind in "biu" and array.ndim in (3, 4)
    if of_mask and (array.ndim == 3 or array.shape[-1] == 1) and name not in _NOT_SHOWN:
        return "segmentation_masks"
    if array is None or array.ndim > 2 or name in _NOT_SHOWN:
        checks.refuse(
            OWNER,
            f"targets must be {', '.join(SHOWN[1:-1])} or {SHOWN[-1]}",
            f"{name!r}, {checks.described(value)}",
            "Leave out what has no picture.",
        )
    return "labels"


def _is_boxes(value):
    return isinstance(value, Mapping) and not isinstance(value.get("boxes", {}), Mapping)


def _is_dataset(given):
    return hasattr(given, "element_spec")


def _first(given):
    """The batch, or the first one of a dataset."""
    if _is_dataset(given):
        given = next(iter(given.take(1)), None)
        if given is None:
            checks.refuse(OWNER, "the dataset must hold a batch", "an empty dataset")
    if isinstance(given, Mapping):
        if not any(_KIND_OF.get(name) == "images" for name in given):
            _refuse_form(f"a dict with the keys {', '.join(map(repr, given))}")
        return given
    if isinstance(given, tuple):
        if not 1 <= len(given) <= 3:
            _refuse_form(f"a tuple of {len(given)} entries")
        if isinstance(given[0], Mapping | tuple | list):
            _refuse_form(f"images that are a {type(given[0]).__name__}")
    elif not hasattr(given, "shape"):
        _refuse_form(f"a {type(given).__name__}")
    return given


def _refuse_form(received):
    checks.refuse(
        OWNER, f"a batch must be {_FORMS}", received, "Pass `next(iter(loader))` of other loaders."
    )


def _check_images(images):
    if images.ndim == 3 and images.shape[-1] in (1, 3):
        checks.refuse(
            OWNER,
            "the images must be a batch (B, H, W, C), not single ones",
            f"images.shape={images.shape}",
            "Call dataset.batch(16) first; a batch of gray images takes a last axis, "
            "images[..., None].",
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or len(images) < 2:
        checks.refuse(
            OWNER,
            "the images must be (B, H, W, 1) or (B, H, W, 3), with at least 2 of them",
            checks.described(images),
        )
    taken = images.dtype.kind == "f" or images.dtype == np.uint8
    if not taken or not np.isfinite(images).all():
        checks.refuse(OWNER, "the images must be finite floats or uint8", checks.described(images))


def _check_masks(masks):
    ids = masks.dtype.kind in "iu"
    of_ids = ids and (masks.ndim == 3 or (masks.ndim == 4 and masks.shape[-1] == 1))
    of_probabilities = masks.dtype.kind == "f" and masks.ndim == 4 and masks.shape[-1] > 1
    if not (of_ids or of_probabilities):
        checks.refuse(
            OWNER,
            "masks must be class ids, integers (B, H, W) or (B, H, W, 1), or class probabilities, "
            "floats (B, H, W, M) with M > 1",
            checks.described(masks),
            'Cast masks that are True and False, or 0.0 and 1.0: masks.astype("int32").',
        )
    # As image files store two classes; 255 alone would be read as pixels to ignore.
    if ids and (masks == IGNORED).any() and np.isin(masks, (0, IGNORED)).all():
        checks.refuse(
            OWNER,
            f"masks must be class ids, of which {IGNORED} marks pixels to ignore",
            f"masks of 0 and {IGNORED} alone",
            f"Divide them by {IGNORED}: masks // {IGNORED}.",
        )


def _check_keypoints(points):
    if points.dtype.kind != "f":
        checks.refuse(
            OWNER,
            "keypoints must be floats (B, N, 2) or (B, N, 3)",
            checks.described(points),
            'Cast integers: keypoints.astype("float32").',
        )


def _class_counts(found, class_names):
    """Dict from "labels" and "segmentation_masks" to the number of classes of their ids."""
    counts = {}
    if "labels" in found:
        labels = np.asarray(found["labels"])
        least = _classes_of(labels)
        if class_names is not None and len(class_names) < least:
            checks.refuse(
                OWNER,
                "`class_names` must name every class",
                f"{len(class_names)} names for {least} classes",
            )
        if _holds_ids(labels):
            counts["labels"] = max(2, least, len(class_names or ()))
    if "segmentation_masks" in found:
        masks = np.asarray(found["segmentation_masks"])
        if masks.dtype.kind in "iu":
            most = int(masks[masks < IGNORED].max(initial=1))
            counts["segmentation_masks"] = max(most + 1, len(class_names or ()))
    return counts


def _holds_ids(labels):
    return labels.dtype.kind in "iu" and (labels.ndim == 1 or labels.shape[1:] == (1,))


def _classes_of(labels):
    """The number of classes that labels speak of, which are checked."""
    ids = _holds_ids(labels)
    weights = labels.dtype.kind in "fiu" and labels.ndim in (1, 2) and labels.size > 0
    # A comparison with NaN is false.
    if not weights or not labels.min() >= 0 or not (ids or labels.max() <= 1):
        received = checks.described(labels)
        if weights:
            received += f", values from {labels.min()} to {labels.max()}"
        checks.refuse(
            OWNER,
            "the labels must be class ids (B,) of at least 0, or class weights (B, K) from 0 to 1",
            received,
        )
    return int(labels.max()) + 1 if ids else max(2, labels.size // len(labels))


def _mask_option(names, counts):
    """The options by which a mixer blends masks as probabilities."""
    if "segmentation_masks" not in counts:
        return {}
    named = {name: counts[kind] for kind, name in names.items() if kind in counts}
    several = len(set(named.values())) > 1
    return {"soft_masks": True, "num_classes": named if several else max(named.values())}
