"""Scores everything that has been trained and has no scores yet."""

import concurrent.futures
import functools
import itertools
import multiprocessing
import os

import numpy as np
from scipy.special import log_softmax

from tools.study import attacks, data, networks, scores
from tools.study.engine import Networks
from tools.study.grid import SEEDS
from tools.study.methods import METHODS, RESCALED
from tools.study.rescaling import rescaled_logits

ENSEMBLE = ", ensemble"  # of a method's members


def measure_all(store, cells):
    """Scores all methods of cells whose weights are there."""
    for cell in cells:
        for method in METHODS:
            rescaled = [name for name, (of, _) in RESCALED.items() if of == method]
            if not store.has_weights(cell, method) or store.scores(cell, method):
                continue
            for name, rows in measured(store, cell, method, rescaled).items():
                store.save_scores(cell, name, rows)
            print(f"{cell.key}: {method}", flush=True)


def measured(store, cell, method, rescaled=()):
    """{method: a dict of scores for each length and seed}."""
    weights, seconds = store.weights(cell, method)
    found = {}
    for length in cell.lengths:
        networks_ = Networks(_network(cell.data, cell.width), weights[length])
        held = _held_out(cell.data, cell.size, cell.noise)
        if cell.members > 1:
            for name, rows in _of_ensembles(networks_, held, cell.members, method).items():
                found.setdefault(name, []).extend({"length": length, **row} for row in rows)
            continue
        common = {"length": length, "seconds": seconds[length]}
        found.setdefault(method, []).extend(
            {**common, **row} for row in _of_seeds(networks_, held, networks_.logits(held.x))
        )
        for name in rescaled:
            logits = rescaled_logits(networks_, held, RESCALED[name][1])
            found.setdefault(name, []).extend(
                {**common, **row} for row in _of_seeds(networks_, held, logits, attacked=False)
            )
    return found


def _of_seeds(networks_, held, logits, attacked=True):
    """The scores of each seed."""
    unseen = None if held.unseen is None else networks_.logits(held.unseen)
    fitted = networks_.logits(held.train).argmax(axis=-1) == held.given
    under = {}
    if attacked and held.unseen is not None:
        under = attacks.accuracies(networks_, held.x, held.ids)
    scored = _scored(logits, held.ids, unseen)
    for seed, row in enumerate(scored):
        yield {
            "seed": seed,
            "fitted": float(fitted[seed].mean()),
            **row,
            **{name: float(values[seed]) for name, values in under.items()},
        }


def _of_ensembles(networks_, held, members, method):
    """The mean scores of the members, and those of their mean probabilities."""
    repeated = np.tile(held.x, (members, *[1] * (held.x.ndim - 1)))
    logits = networks_.logits(repeated).reshape(members, SEEDS, *held.ids.shape[1:], -1)
    log_probabilities = log_softmax(logits.astype(np.float64), axis=-1)
    together = np.log(np.exp(log_probabilities).mean(axis=0))
    ids = np.broadcast_to(held.ids, (members, *held.ids.shape))
    each = _scored(logits.reshape(-1, *logits.shape[2:]), ids.reshape(-1, ids.shape[-1]))
    rows = {method: [], method + ENSEMBLE: []}
    for seed, row in enumerate(_scored(together, held.ids)):
        own = each[seed::SEEDS]
        mean = {name: float(np.mean([one[name] for one in own])) for name in own[0]}
        rows[method].append({"seed": seed, **mean})
        rows[method + ENSEMBLE].append({"seed": seed, **row})
    return rows


def _scored(logits, ids, unseen=None):
    """The scores of each network, computed by another process."""
    unseen = itertools.repeat(None) if unseen is None else unseen
    return list(_scorer().map(scores.of_logits, logits, ids, unseen))


@functools.cache
def _scorer():
    """A process in which Keras computes by NumPy: ten times as fast as JAX for so little data."""
    backend = os.environ.pop("KERAS_BACKEND", None)
    os.environ["KERAS_BACKEND"] = "numpy"
    try:
        context = multiprocessing.get_context("spawn")
        pool = concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=context)
        pool.submit(int).result()  # starts the process
    finally:
        os.environ.pop("KERAS_BACKEND")
        if backend is not None:
            os.environ["KERAS_BACKEND"] = backend
    return pool


class _HeldOut:
    """The held-out samples of all seeds, stacked, and the training samples."""

    def __init__(self, name, size, noise):
        splits = [data.split(name, size, noise, seed) for seed in range(SEEDS)]
        self.x, self.ids = (
            np.stack([np.concatenate([s.test[i], s.calibration[i]]) for s in splits])
            for i in range(2)
        )
        self.train = np.stack([s.x for s in splits])
        self.given = np.stack([s.given for s in splits])
        self.classes = 1 + int(self.ids.max())
        unseen = [s.unseen for s in splits]
        self.unseen = None if unseen[0] is None else np.stack(unseen)


_held_out = functools.lru_cache(maxsize=2)(_HeldOut)


@functools.cache
def _network(name, width):
    """A network whose weights are replaced."""
    held = _held_out(name, 50, 0.0)
    return networks.build(name, width, held.x.shape[2:], held.classes)
