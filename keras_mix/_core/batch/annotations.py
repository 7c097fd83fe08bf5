"""The targets that some regions are drawn from: instance masks, boxes and segmentation masks."""

from typing import NamedTuple

from keras_mix._core import checks
from keras_mix._core.backend import Tensor

# How a leaf of a kind comes into a batch, for those who are told that it is missing.
_WAYS_IN = {
    "instance_masks": 'Name masks (B, N, H, W) of objects, kinds={"masks": "instance_masks"}.',
    "bounding_boxes": 'Give boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N), and their '
    'format, such as bounding_boxes="xyxy".',
    "segmentation_masks": "Give class ids of pixels (B, H, W) as integers, or name class "
    'probabilities (B, H, W, K), kinds={"y": "segmentation_masks"}.',
}


class Annotations(NamedTuple):
    """What the targets of a batch, or of the one that partners are drawn from, show of its images.

    Attributes:
        instance_masks: `(B, N, H, W)`, nonzero inside objects; None if there are none.
        bounding_boxes: float32 `(B, N, 4)`, left, top, right, bottom in pixels; or None.
        has_box: bool `(B, N)`, which rows hold a box; None if there are no boxes.
        segmentation_masks: `(B, H, W)`, `(B, H, W, 1)` or `(B, H, W, K)`, as given; or None.
        num_classes: The number of classes of the segmentation masks, None if it is unknown.
        min_visible: How much of an object must be visible for it to be kept.
    """

    instance_masks: Tensor | None = None
    bounding_boxes: Tensor | None = None
    has_box: Tensor | None = None
    segmentation_masks: Tensor | None = None
    num_classes: int | None = None
    min_visible: float = 0.0


def refuse_missing(mixer, leaves):
    """Refuses a batch without the one leaf of each kind that a mixer's regions are drawn from."""
    for kind in sorted(mixer.reads):
        names = [leaf.name for leaf in leaves if leaf.kind == kind]
        if len(names) != 1:
            refuse(mixer.owner, kind, ", ".join(f"{leaf.name}: {leaf.kind}" for leaf in leaves))


def refuse(owner, kind, received):
    """Refuses to draw a region without the one leaf of a kind that it is drawn from."""
    rule = f"regions are drawn from {kind.replace('_', ' ')}, so a batch must have one leaf of them"
    checks.refuse(owner, rule, received, _WAYS_IN[kind])
