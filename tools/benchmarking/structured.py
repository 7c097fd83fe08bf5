"""The cost of masks and boxes."""

import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking import rows
from benchmarking.contenders import Workload, mapped, repeated
from benchmarking.rounds import measure as timed

# How many times the time of CutMix with class labels it may take.
LIMIT = 1.2
MASKS, BOXES = "segmentation_masks", "bounding_boxes"
# What is added, and the dtype of masks: int32 ones are a third of the images' bytes.
TARGETS = {
    "masks, uint8": ((MASKS,), "uint8"),
    "masks, int32": ((MASKS,), "int32"),
    "boxes": ((BOXES,), None),
    "masks, uint8, and boxes": ((MASKS, BOXES), "uint8"),
}
BOXES_A_SAMPLE = 20


def measure(quick):
    """What structured targets add to CutMix."""
    rounds = 3 if quick else 7
    workload = Workload(128, 224, "float32", 10)
    plain, *others = timed([_cutmix(workload, what) for what in ("", *TARGETS)], rounds)
    made = [
        rows.costlier(f"with {what}", seconds, "without", plain, workload.batch, LIMIT)
        for what, seconds in zip(TARGETS, others, strict=True)
    ]
    title = f"CutMix {rows.shape(workload.shape)}, float32, with structured targets"
    return [rows.table(title, "µs a sample", made)]


def boxed(workload, keys, count=BOXES_A_SAMPLE, dtype=None):
    """The batch of a workload with structured targets, over and over.

    Args:
        workload: A `Workload`.
        keys: Which of `MASKS` and `BOXES`.
        count: The number of boxes of a sample.
        dtype: The dtype of the masks.
    """
    images, labels = workload.arrays()
    rng = np.random.default_rng(0)
    many = (workload.batch, count)
    corners = np.sort(rng.uniform(0, workload.side, (*many, 2, 2)), axis=2).astype("float32")
    extra = {
        MASKS: rng.integers(0, workload.classes, workload.shape[:3]).astype(dtype),
        BOXES: {
            "boxes": corners.reshape(*many, 4),
            "labels": rng.integers(0, workload.classes, many),
        },
    }
    batch = {"images": images, "labels": tf.one_hot(labels, workload.classes)}
    return repeated(batch | {key: extra[key] for key in keys})


def _cutmix(workload, what):
    keys, dtype = TARGETS.get(what, ((), None))
    options = {"bounding_boxes": "xyxy"} if BOXES in keys else {}
    layer = keras_mix.layers.CutMix(**options)
    return mapped(boxed(workload, keys, dtype=dtype), layer)
