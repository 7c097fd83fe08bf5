"""Trains on the small tables that ship with scikit-learn, with and without mixing.

    python tools/compare_tables.py                       # some minutes; build/tables/results.json
    python tools/compare_tables.py --seeds 1 --epochs 5  # a try

Regression (diabetes): no mixing, MixUp, and C-Mixup in the batch and over the whole data set; the
root mean squared error over 5 folds for each seed. Classification (breast cancer, wine) from 30
training rows: no mixing, and TabularMix by blending and by swapping columns; accuracy, negative
log-likelihood and calibration error on all other rows. Every method trains the same network from
the same start, as many steps, with settings that were not tuned on these results.
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
from sklearn import datasets
from sklearn.model_selection import KFold, train_test_split

from keras_mix import data
from keras_mix.evaluate import scores
from keras_mix.layers import MixUp, TabularMix
from keras_mix.pairings import ByLabel, InOrder

ROWS, FOLDS = 30, 5
PLAIN = {"jit_compile": False}  # Compiling takes longer than mixing so small batches.


def main():
    """Runs both comparisons and writes them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--output", default="build/tables/results.json")
    args = parser.parse_args()
    start = time.perf_counter()
    results = {"settings": {"seeds": args.seeds, "epochs": args.epochs, "rows": ROWS}}
    results["diabetes"] = regression(args.seeds, args.epochs)
    for name in ("breast_cancer", "wine"):
        results[name] = classification(name, args.seeds, args.epochs)
    results["seconds"] = round(time.perf_counter() - start)
    path = Path(args.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    show(results)
    print(path)


def regression(seeds, epochs):
    """{method: {"rmse": one for each seed, over all folds}}."""
    x, y = datasets.load_diabetes(return_X_y=True)
    found = {name: [] for name in regression_methods()}
    for seed in range(seeds):
        squares = {name: [] for name in found}
        folds = KFold(FOLDS, shuffle=True, random_state=seed).split(x)
        for train, test in folds:
            table, targets = standardised(x, train), y.astype("float64")
            mean, scale = targets[train].mean(), targets[train].std()
            given = table[train], ((targets[train] - mean) / scale).astype("float32")
            for name, dataset_of in regression_methods().items():
                model = network(x.shape[1], 1, seed)
                model.compile(keras.optimizers.Adam(1e-3), "mse")
                model.fit(dataset_of(*given, seed), epochs=epochs, shuffle=False, verbose=0)
                predicted = model(table[test]).numpy()[:, 0].astype("float64") * scale + mean
                squares[name].extend((predicted - targets[test]) ** 2)
        for name, values in squares.items():
            found[name].append(float(np.sqrt(np.mean(values))))
    return {name: {"rmse": values} for name, values in found.items()}


def regression_methods():
    """{name: function of (x, y, seed) that makes the training set}. α is the paper's 2."""
    return {
        "none": batched,
        "MixUp": lambda *given: mixed(MixUp(2.0, **PLAIN), *given),
        "C-Mixup, batch": lambda *given: mixed(MixUp(2.0, pairing=ByLabel(), **PLAIN), *given),
        "C-Mixup, whole set": paired,
    }


def batched(x, y, seed):
    """Batches of 32, in an order that the seed fixes."""
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=seed).batch(32)


def mixed(layer, x, y, seed):
    """The same batches, mixed."""
    return data.mix(batched(x, y, seed), layer, seed=seed)


def paired(x, y, seed):
    """C-Mixup with partners from all samples."""
    pairs = data.pair_by_label(x, y, batch_size=32, seed=seed)
    return data.mix(pairs, MixUp(2.0, pairing=InOrder(), **PLAIN), seed=seed, partners="paired")


def classification(name, seeds, epochs):
    """{method: {score: one for each seed}}, each seed with its own training rows."""
    x, ids = getattr(datasets, f"load_{name}")(return_X_y=True)
    classes = int(ids.max()) + 1
    methods = {
        "none": None,
        "TabularMix": TabularMix(1.0, num_classes=classes, **PLAIN),
        "TabularMix, cut": TabularMix(1.0, cut=True, num_classes=classes, **PLAIN),
    }
    found = {method: {"accuracy": [], "nll": [], "ece": []} for method in methods}
    for seed in range(seeds):
        train, test = train_test_split(
            np.arange(len(x)), train_size=ROWS, stratify=ids, random_state=seed
        )
        table = standardised(x, train)
        one_hot = np.eye(classes, dtype="float32")[ids]
        for method, layer in methods.items():
            given = table[train], one_hot[train] if layer is None else ids[train]
            dataset = batched(*given, seed) if layer is None else mixed(layer, *given, seed)
            model = network(x.shape[1], classes, seed)
            model.compile(
                keras.optimizers.Adam(1e-2), keras.losses.CategoricalCrossentropy(from_logits=True)
            )
            model.fit(dataset, epochs=epochs, shuffle=False, verbose=0)
            probabilities = keras.ops.softmax(model(table[test])).numpy()
            probabilities = probabilities.astype("float64")
            probabilities /= probabilities.sum(axis=1, keepdims=True)
            measured = found[method]
            measured["accuracy"].append(scores.accuracy(probabilities, ids[test]))
            measured["nll"].append(scores.negative_log_likelihood(probabilities, ids[test]))
            error = scores.reliability(probabilities, ids[test]).calibration_error
            measured["ece"].append(error)
    return found


def standardised(x, train):
    """float32, every column with the training rows' mean 0 and deviation 1."""
    return ((x - x[train].mean(axis=0)) / x[train].std(axis=0)).astype("float32")


def network(inputs, outputs, seed):
    """A small network with the seed's own start."""
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(64, "relu") for _ in range(2)]
    return keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(outputs)])


def show(results):
    """Prints means and standard deviations over the seeds."""
    for name in ("diabetes", "breast_cancer", "wine"):
        for method, measured in results[name].items():
            parts = [
                f"{score} {np.mean(v):.4f} ± {np.std(v, ddof=len(v) > 1):.4f}"
                for score, v in measured.items()
            ]
            print(f"{name:14} {method:20} {'  '.join(parts)}")


if __name__ == "__main__":
    main()
