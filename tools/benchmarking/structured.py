"""The cost of masks and boxes, and of larger masks."""

import statistics

import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking.contenders import Absent, Contender, Workload, mapped, repeated, tried
from benchmarking.rounds import measure, ratio

# How many times the time of CutMix with class labels it may take.
LIMIT = 1.4
MASKS, BOXES = "segmentation_masks", "bounding_boxes"
# What is added, and the dtype of masks: int32 ones are a third of the images' bytes.
TARGETS = {
    "masks, uint8": ((MASKS,), "uint8"),
    "masks, int32": ((MASKS,), "int32"),
    "boxes": ((BOXES,), None),
    "masks, uint8, and boxes": ((MASKS, BOXES), "uint8"),
}
BOXES_A_SAMPLE = 20


def added(rounds):
    """Measures what structured targets add to CutMix.

    Returns:
        Rows with what, ratio, limit; and what could not be measured, as {what: reason}.
    """
    workload = Workload(128, 224, "float32", 10)
    tries = [tried(_cutmix, what, workload, what) for what in ("", *TARGETS)]
    found = [contender for contender in tries if isinstance(contender, Contender)]
    plain, *others = measure([contender.step for contender in found], rounds)
    rows = [
        {"what": contender.library, "ratio": ratio(plain, seconds), "limit": LIMIT}
        for contender, seconds in zip(found[1:], others, strict=True)
    ]
    return rows, {each.library: each.reason for each in tries if isinstance(each, Absent)}


def exceeded(rows):
    """Returns sentences on figures above their limits."""
    return [
        f"CutMix with {row['what']}: {row['ratio']:.2f}× the time without"
        for row in rows
        if row["ratio"] > row["limit"]
    ]


def growth(mixer, sides, rounds):
    """Measures microseconds per pixel for drawing a plan, by the side of the images."""
    workloads = [Workload(32, side, "float32", 10) for side in sides]
    steps = [_planned(workload, getattr(keras_mix.layers, mixer)()) for workload in workloads]
    return [
        {
            **workload._asdict(),
            "mixer": mixer,
            "microseconds": 1e6 * statistics.median(seconds) / np.prod(workload.shape[:3]),
        }
        for workload, seconds in zip(workloads, measure(steps, rounds), strict=True)
    ]


def _planned(workload, layer):
    def draw(index, batch):
        plan = layer.plan(batch["images"], tf.cast(tf.stack([index, 0]), tf.int32))
        return plan.weights, plan.region

    return mapped(workload.dataset().enumerate(), draw)


def _cutmix(workload, what):
    images, labels = workload.arrays()
    rng = np.random.default_rng(0)
    many = (workload.batch, BOXES_A_SAMPLE)
    corners = np.sort(rng.uniform(0, workload.side, (*many, 2, 2)), axis=2).astype("float32")
    keys, dtype = TARGETS.get(what, ((), None))
    extra = {
        MASKS: rng.integers(0, workload.classes, workload.shape[:3]).astype(dtype),
        BOXES: {
            "boxes": corners.reshape(*many, 4),
            "labels": rng.integers(0, workload.classes, many),
        },
    }
    batch = {"images": images, "labels": tf.one_hot(labels, workload.classes)}
    batch |= {key: extra[key] for key in keys}
    options = {"bounding_boxes": "xyxy"} if BOXES in keys else {}
    layer = keras_mix.layers.CutMix(**options)
    return mapped(repeated(batch), layer)
