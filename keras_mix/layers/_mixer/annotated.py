"""The annotations of a batch, for mixers whose regions are drawn from targets."""

from keras_mix._core import dtypes
from keras_mix._core.batch.annotations import Annotations
from keras_mix._core.batch.reader import classes_of
from keras_mix._core.leaves import boxes


def annotations(mixer, leaves):
    """The `Annotations` of the leaves of a batch; None for a mixer that reads none.

    Args:
        mixer: The layer.
        leaves: List of `batch.Leaf`, None for one that the batch does not have.
    """
    if not mixer.reads:
        return None
    found = {leaf.kind: leaf.tensor for leaf in leaves if leaf is not None}
    options, of_boxes = mixer.box_options, {}
    if "bounding_boxes" in found and options.format is not None:
        given = found["bounding_boxes"]
        of_boxes = {"bounding_boxes": boxes.pixels(given, options), "has_box": given.labels != -1}
    return Annotations(
        instance_masks=found.get("instance_masks"),
        num_classes=_num_classes(mixer, leaves),
        segmentation_masks=found.get("segmentation_masks"),
        min_visible=options.least_visible,
        **of_boxes,
    )


def _num_classes(mixer, leaves):
    """The number of classes of segmentation masks: told, or as many as they have probabilities."""
    for leaf in leaves:
        if leaf is not None and leaf.kind == "segmentation_masks":
            shape, floats = leaf.tensor.shape, dtypes.is_floating(leaf.tensor)
            last = shape[-1 if mixer.data_format == "channels_last" else 1]
            if floats and len(shape) == 4 and last != 1:
                return last
            return classes_of(mixer.num_classes, leaf.name)
    return None
