"""Trains segmenters on few annotated images of drawn shapes, with and without unlabeled ones.

    python tools/compare_segmentation.py                       # minutes; build/segmentation
    python tools/compare_segmentation.py --seeds 1 --steps 50  # a try

Each image of 32 × 32 pixels shows three disks, squares and triangles before a background of noise;
the color of a shape is near that of its class. Each seed draws 40 annotated images,
400 others for the semi-supervised methods, and 200 to test. Every method trains the same network
from the same start by as many steps at the same rate. Settings are the defaults but for `METHODS`.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from scipy import stats

from keras_mix import data, layers, models

SIDE, CLASSES = 32, 4
LABELED, UNLABELED, TEST = 40, 400, 200
COLORS = np.array([[0.7, 0.4, 0.4], [0.4, 0.7, 0.4], [0.4, 0.4, 0.7]])
BATCH, STEPS, RATE = 20, 400, 3e-3

# {method: (whether it takes unlabeled images, mixer of the dataset, model around the network)}
METHODS = {
    "supervised": (False, None, lambda base: base),
    "ClassMix of the annotated": (False, layers.ClassMix, lambda base: base),
    "CutMix of the annotated": (False, layers.CutMix, lambda base: base),
    "CutMixConsistency": (True, None, models.CutMixConsistency),
    "ClassMixConsistency": (True, None, models.ClassMixConsistency),
}


def main():
    """Runs all methods for all seeds and writes the mean IoU as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=METHODS, action="append", help="default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, default=Path("build/segmentation/scores.json"))
    args = parser.parse_args()
    start, found = time.perf_counter(), {}
    for name in args.method or METHODS:
        found[name] = []
        for seed in range(args.seeds):
            score, losses = scored(*METHODS[name], seed, args.steps)
            found[name].append(score)
            print(
                f"{name}, seed {seed}: mean IoU {score:.3f}, "
                f"loss {losses[0]:.3f} → {losses[-1]:.3f}",
                flush=True,
            )
    show(found)
    settings = {"steps": args.steps, "seconds": round(time.perf_counter() - start)}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps({"settings": settings, "mean_iou": found}, indent=1) + "\n")
    print(args.output)


def show(found):
    """Prints mean IoU, and the differences to the first method with 95 % intervals."""
    first, *_ = found
    table = Table("method", "mean IoU, %", f"beyond “{first}”", title=f"{LABELED} annotated images")
    for name, values in found.items():
        differences = 100 * (np.array(values) - np.array(found[first]))
        beyond = "" if name == first else f"{differences.mean():+.1f}"
        if beyond and len(values) > 1:
            half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(differences)
            beyond += f" [{differences.mean() - half:+.1f}, {differences.mean() + half:+.1f}]"
        table.add_row(name, f"{100 * np.mean(values):.1f}", beyond)
    Console(width=100).print(table)


def scored(unlabeled, mixer, wrap, seed, steps):
    """The mean IoU on test images and the losses of five parts of the training."""
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    annotated, others, test = (scenes(n, random) for n in (LABELED, UNLABELED, TEST))
    batches = tf.data.Dataset.from_tensor_slices(annotated).shuffle(LABELED, seed=seed)
    batches = batches.batch(BATCH).repeat()
    if mixer is not None:
        batches = data.mix(batches, mixer(num_classes=CLASSES, seed=seed), seed=seed)
    if unlabeled:
        images = tf.data.Dataset.from_tensor_slices(others[0]).shuffle(UNLABELED, seed=seed)
        batches = data.pair_with_unlabeled(batches, images.repeat().batch(BATCH))
    model = wrap(network())
    rates = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(
        keras.optimizers.Adam(rates), "sparse_categorical_crossentropy", jit_compile=False
    )
    history = model.fit(batches, steps_per_epoch=steps // 5, epochs=5, shuffle=False, verbose=0)
    measure = keras.metrics.MeanIoU(CLASSES, sparse_y_pred=False)
    measure.update_state(test[1], model.predict(test[0], verbose=0))
    return float(measure.result()), history.history["loss"]


def scenes(count, random):
    """float32 images (count, SIDE, SIDE, 3) of shapes on noise, and their masks of class ids."""
    images = random.uniform(0, 1, (count, SIDE, SIDE, 3)).astype("float32")
    masks = np.zeros((count, SIDE, SIDE), "int32")
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for image, mask in zip(images, masks, strict=True):
        for _ in range(3):
            kind, radius = random.integers(1, CLASSES), random.integers(4, 8)
            row, column = random.integers(4, SIDE - 4, 2)
            down, across = rows - row, np.abs(columns - column)
            inside = {
                1: down**2 + across**2 <= radius**2,
                2: np.maximum(np.abs(down), across) <= 0.85 * radius,
                3: (np.abs(down) <= radius) & (2 * across <= radius + down),
            }[kind]
            color = COLORS[kind - 1] + 0.15 * random.standard_normal(3)
            image[inside] = color + 0.2 * random.standard_normal((inside.sum(), 3))
            mask[inside] = kind
    return images, masks


def network():
    """Convolutions at full and at half size, joined before the scores."""
    inputs = keras.Input((SIDE, SIDE, 3))
    fine = _convolved(inputs, 16)
    coarse = _convolved(_convolved(keras.layers.MaxPooling2D(2)(fine), 32), 32)
    joined = keras.layers.Concatenate()([fine, keras.layers.UpSampling2D(2)(coarse)])
    scores = keras.layers.Conv2D(CLASSES, 1, activation="softmax")(_convolved(joined, 16))
    return keras.Model(inputs, scores)


def _convolved(inputs, filters):
    hidden = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(inputs)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(hidden))


if __name__ == "__main__":
    main()
