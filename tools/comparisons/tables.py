"""Tables that ship with scikit-learn: C-Mixup for regression, TabularMix for few rows."""

import keras
import numpy as np
from sklearn import datasets
from sklearn.model_selection import KFold, train_test_split

from comparisons.training import BATCH, batched, fit, gathered, mixed, scored
from keras_mix import data
from keras_mix.layers import MixUp, TabularMix
from keras_mix.pairings import ByLabel, InOrder

ROWS, FOLDS, EPOCHS = 30, 5, 100
PLAIN = {"jit_compile": False}  # Compiling takes longer than mixing so small batches.


def run(seeds, epochs=EPOCHS):
    """{data set: {method: {score: [one for each seed]}}}."""
    results = {"diabetes": regression(seeds, epochs)}
    for name in ("breast_cancer", "wine"):
        results[name] = classification(name, seeds, epochs)
    return results


def regression(seeds, epochs):
    """The root mean squared error of the diabetes data, over all folds of a seed."""
    x, y = datasets.load_diabetes(return_X_y=True)
    y = y.astype("float64")
    found = {}
    for name, dataset_of in regression_methods().items():
        errors = [_squared_errors(dataset_of, x, y, seed, epochs) for seed in range(seeds)]
        found[name] = {"rmse": [float(np.sqrt(each.mean())) for each in errors]}
    return found


def regression_methods():
    """{name: function of (x, y, seed) that makes the training set}. α is C-Mixup's 2."""
    return {
        "none": batched,
        "MixUp": lambda *given: mixed(MixUp(2.0, **PLAIN), *given),
        "C-Mixup, batch": lambda *given: mixed(MixUp(2.0, pairing=ByLabel(), **PLAIN), *given),
        "C-Mixup, whole set": _paired,
    }


def classification(name, seeds, epochs):
    """Scores on all rows but the 30 that a seed trains on."""
    x, ids = getattr(datasets, f"load_{name}")(return_X_y=True)
    classes = int(ids.max()) + 1
    methods = {
        "none": TabularMix(rate=0, num_classes=classes, **PLAIN),
        "TabularMix": TabularMix(1.0, num_classes=classes, **PLAIN),
        "TabularMix, cut": TabularMix(1.0, cut=True, num_classes=classes, **PLAIN),
    }
    return {
        method: gathered([_classified(layer, x, ids, seed, epochs) for seed in range(seeds)])
        for method, layer in methods.items()
    }


def _squared_errors(dataset_of, x, y, seed, epochs):
    """(N,), of the test samples of all folds."""
    errors = np.empty(len(y))
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(x):
        table = _standardised(x, train)
        mean, scale = y[train].mean(), y[train].std()
        targets = ((y[train] - mean) / scale).astype("float32")
        model = _network(x.shape[1], 1, seed)
        fit(model, dataset_of(table[train], targets, seed), epochs, loss="mse")
        predicted = model(table[test]).numpy()[:, 0].astype("float64") * scale + mean
        errors[test] = (predicted - y[test]) ** 2
    return errors


def _classified(layer, x, ids, seed, epochs):
    """The scores of one seed, which chooses the training rows."""
    train, test = train_test_split(
        np.arange(len(x)), train_size=ROWS, stratify=ids, random_state=seed
    )
    table = _standardised(x, train)
    model = _network(x.shape[1], int(ids.max()) + 1, seed)
    dataset = mixed(layer, table[train], ids[train], seed)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    fit(model, dataset, epochs, loss=loss, rate=1e-2)
    return scored(model(table[test]), ids[test])


def _paired(x, y, seed):
    """C-Mixup with partners from all samples."""
    pairs = data.pair_by_label(x, y, batch_size=BATCH, seed=seed)
    return data.mix(pairs, MixUp(2.0, pairing=InOrder(), **PLAIN), seed=seed, partners="paired")


def _standardised(x, train):
    """float32, every column with the training rows' mean 0 and deviation 1."""
    return ((x - x[train].mean(axis=0)) / x[train].std(axis=0)).astype("float32")


def _network(inputs, outputs, seed):
    """A small network with initial weights of the seed."""
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(64, "relu") for _ in range(2)]
    return keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(outputs)])
