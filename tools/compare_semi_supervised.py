"""Trains on 50 labeled digits, with and without the unlabeled rest.

    python tools/compare_semi_supervised.py            # 20 minutes; build/semi_supervised
    python tools/compare_semi_supervised.py --seeds 1 --steps 100        # a try

scikit-learn's 1,797 digits. Each seed draws 500 test images, which no method sees, and 5 labeled
images of each class among the others; all 1,297 others are the unlabeled ones. Every method trains
the same network from the same start by as many steps, with the same augmentation and the same
learning rate. The supervised baseline is given several regularizations, and the best of them, by
the test accuracy over all seeds, is what the others are compared with: an advantage for the
baseline. The settings of the semi-supervised methods are their defaults, but for what `METHODS`
states, which was chosen on seeds 100 and 101 alone.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from keras_mix import data, models

CLASSES, TEST, LABELED = 10, 500, 50
BATCH, UNLABELED_BATCH, STEPS = 50, 50, 600
RATE = 2e-3

# {method: (weight decay, dropout, function from a network to the model to train)}
SUPERVISED = {
    "supervised": (0.0, 0.0, lambda base, augmentation: _augmenting(base, augmentation)),
    "supervised, decay": (1e-2, 0.0, lambda base, augmentation: _augmenting(base, augmentation)),
    "supervised, dropout": (0.0, 0.5, lambda base, augmentation: _augmenting(base, augmentation)),
    "supervised, both": (1e-2, 0.5, lambda base, augmentation: _augmenting(base, augmentation)),
    "supervised, MixUp": (
        1e-2,
        0.0,
        lambda base, augmentation: models.MixingModel(_augmenting(base, augmentation), alpha=1.0),
    ),
}
# 600 steps are few: the default ramp of MixMatch takes 16,000.
METHODS = {
    "MixMatch": (
        1e-2,
        0.0,
        lambda base, augmentation: models.MixMatch(base, augmentation=augmentation, ramp_up=1.0),
    ),
    "ICT": (
        1e-2,
        0.0,
        lambda base, augmentation: models.InterpolationConsistency(base, augmentation=augmentation),
    ),
    "CutMix": (
        1e-2,
        0.0,
        lambda base, augmentation: models.CutMixConsistency(base, augmentation=augmentation),
    ),
}


def main():
    """Runs all methods for all seeds and writes the accuracies as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = {**SUPERVISED, **METHODS}
    parser.add_argument("--method", choices=known, action="append", help="default: all")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument(
        "--output", type=Path, default=Path("build/semi_supervised/accuracies.json")
    )
    args = parser.parse_args()
    start = time.perf_counter()
    found = {}
    for name in args.method or known:
        seeds = range(args.first_seed, args.first_seed + args.seeds)
        found[name] = []
        for seed in seeds:
            found[name].append(accuracy(*known[name], name in METHODS, seed, args.steps))
            print(f"{name}, seed {seed}: {found[name][-1]:.3f}", flush=True)
    show(found)
    settings = {"steps": args.steps, "seconds": round(time.perf_counter() - start)}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps({"settings": settings, "accuracy": found}, indent=1) + "\n")
    print(args.output)


def show(found):
    """Prints accuracies, and their differences to the best baseline with 95 % intervals."""
    baselines = [name for name in found if name in SUPERVISED]
    best = max(baselines, key=lambda name: statistics.mean(found[name]), default=None)
    table = Table("method", "accuracy, %", f"beyond “{best}”", title="50 labels")
    for name, values in found.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        beyond = "" if best is None or name == best else _difference(values, found[best])
        table.add_row(name, f"{100 * statistics.mean(values):.2f} ± {100 * spread:.2f}", beyond)
    Console(width=100).print(table)


def accuracy(decay, dropout, wrap, semi_supervised, seed, steps):
    """The test accuracy of one seed."""
    keras.utils.set_random_seed(seed)
    labeled, others, test = split(seed)
    augmentation = keras.Sequential(
        [keras.layers.RandomTranslation(0.125, 0.125, fill_mode="constant")]
    )
    model = wrap(network(dropout), augmentation)
    batches = (
        tf.data.Dataset.from_tensor_slices(labeled).shuffle(LABELED, seed=seed).batch(BATCH)
    ).repeat()
    if semi_supervised:
        unlabeled = tf.data.Dataset.from_tensor_slices(others).shuffle(len(others), seed=seed)
        unlabeled = unlabeled.repeat().batch(UNLABELED_BATCH, drop_remainder=True)
        batches = data.pair_with_unlabeled(batches, unlabeled)
    rates = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(
        keras.optimizers.AdamW(rates, weight_decay=decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(batches, steps_per_epoch=steps, verbose=0)
    return float(model.evaluate(*test, batch_size=TEST, verbose=0)[1])


def split(seed):
    """The labeled (images, ids), the unlabeled images, and the test's (images, ids)."""
    images, ids = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) / 16.0).astype("float32")
    train, test = train_test_split(
        np.arange(len(ids)), test_size=TEST, stratify=ids, random_state=seed
    )
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [
            rng.choice(train[ids[train] == k], LABELED // CLASSES, replace=False)
            for k in range(CLASSES)
        ]
    )
    return (images[chosen], ids[chosen]), images[train], (images[test], ids[test])


def network(dropout):
    """Three convolutions and a dense layer."""
    layers = [keras.Input((8, 8, 1))]
    for filters, strides in ((16, 1), (32, 2), (32, 2)):
        layers += [
            keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    layers += [keras.layers.Flatten(), keras.layers.Dropout(dropout)]
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES)])


def _augmenting(base, augmentation):
    """The network behind the augmentation, which acts in training alone."""
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, base(augmentation(inputs)))


def _difference(values, baseline):
    """The mean paired difference in points of percent, with its interval by Student's t."""
    differences = 100 * (np.array(values) - np.array(baseline))
    mean = differences.mean()
    if len(differences) < 2:
        return f"{mean:+.2f}"
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"


if __name__ == "__main__":
    main()
