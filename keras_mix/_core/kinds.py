"""What is known of the leaves of each kind, whatever is done with them.

How a plan applies to them is the subject of the rules, one file a kind, in `_core.leaves`.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of leaf.

    Attributes:
        aliases: The names that datasets and other libraries give such leaves, in lower case; an
            error message proposes the kind for them.
        is_key: Whether Keras's dict of a batch has it as a key.
        is_target: Whether leaves that are named so are targets.
        is_inferred: Whether it follows from dtype and shape alone, so that no option names it.
        lists_objects: Whether a leaf lists the objects in an image.
        of_sequences: Whether a leaf describes the time steps of sequences. Beside targets it is one
            only if `is_target` says so.
        is_read: Whether pairings and label rules can read a target of the kind.
    """

    aliases: tuple = ()
    is_key: bool = False
    is_target: bool = False
    is_inferred: bool = False
    lists_objects: bool = False
    of_sequences: bool = False
    is_read: bool = True


def _of_objects(*aliases, is_key=False):
    return Kind(aliases, is_key, is_target=True, lists_objects=True, is_read=False)


ALL = {
    "images": Kind(("image", "x", "img", "imgs", "pixel_values", "inputs", "input"), is_key=True),
    "values": Kind(),
    "columns": Kind(is_inferred=True),
    "labels": Kind(
        ("label", "y", "target", "targets", "class", "classes", "coarse_label"),
        is_key=True,
        is_target=True,
    ),
    "class_ids": Kind(is_inferred=True),
    "segmentation_masks": Kind(
        ("segmentation_mask", "mask", "masks", "segmentation", "seg_mask"),
        is_key=True,
        is_target=True,
    ),
    "bounding_boxes": _of_objects(
        "box", "boxes", "bbox", "bboxes", "bounding_box", "bounding_boxes", is_key=True
    ),
    "sample_weights": Kind(("sample_weight", "weight", "weights"), is_key=True),
    "keypoints": _of_objects("keypoint", "keypoints", "landmark", "landmarks"),
    "instance_masks": _of_objects("instance_mask", "instance_masks"),
    "frame_labels": Kind(is_target=True, of_sequences=True),
    "lengths": Kind(("length", "lengths"), of_sequences=True),
    "masks": Kind(("padding_mask", "attention_mask"), of_sequences=True),
    "token_ids": Kind(("token_ids", "input_ids", "tokens")),
    "texts": Kind(is_inferred=True, is_read=False),
    "passthrough": Kind(is_inferred=True, is_read=False),
}
NAMED = tuple(name for name, kind in ALL.items() if not kind.is_inferred)
KEYS = tuple(name for name, kind in ALL.items() if kind.is_key)
TARGETS = tuple(name for name, kind in ALL.items() if kind.is_target)
OF_OBJECTS = tuple(name for name, kind in ALL.items() if kind.lists_objects)
