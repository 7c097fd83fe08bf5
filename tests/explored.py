"""Batches that the tests of the explorer show."""

import numpy as np

SIDE, CLASSES = 16, 3
NAMES = ["<b>cat", "dog", "cow"]


def pairs(size=4):
    """Images whose pixels are their number, so that sources can be counted, and class ids."""
    images = np.broadcast_to(np.arange(size)[:, None, None, None], (size, SIDE, SIDE, 3))
    return images.astype("uint8"), np.arange(size) % CLASSES


def structured(size=4):
    """Keras's dict with masks, boxes and keypoints."""
    images, labels = pairs(size)
    masks = np.zeros((size, SIDE, SIDE), "int32")
    masks[:, 4:12, 4:12] = 1
    return {
        "images": images,
        "labels": labels,
        "segmentation_masks": masks,
        "bounding_boxes": {
            "boxes": np.tile([[[4.0, 4.0, 12.0, 12.0]]], (size, 2, 1)),
            "labels": np.tile([[1, -1]], (size, 1)),
        },
        "keypoints": np.tile([[[8.0, 8.0], [-1.0, -1.0]]], (size, 1, 1)).astype("float32"),
    }
