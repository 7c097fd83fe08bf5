"""Scores everything that has been trained and has no scores yet."""

import concurrent.futures
import functools
import itertools
import multiprocessing
import os
from typing import NamedTuple

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
            # The method's own scores come last, and say that all are there.
            for name, rows in reversed(measured(store, cell, method, rescaled).items()):
                store.save_scores(cell, name, rows)
            print(f"{cell.key}: {method}", flush=True)


def measured(store, cell, method, rescaled=()):
    """{method: a dict of scores for each length and seed}."""
    weights, seconds = store.weights(cell, method)
    held = _held_out(cell.data, cell.size, cell.noise)
    # All lengths at once, one after the other: each call compiles anew.
    stacked = [np.concatenate(parts) for parts in zip(*map(weights.get, cell.lengths), strict=True)]
    networks_ = Networks(_network(cell.data, cell.width), stacked)
    if cell.members > 1:
        return _of_ensembles(networks_, held, cell, method)
    held = held.repeated(len(cell.lengths))
    common = [
        {"length": length, "seed": seed, "seconds": seconds[length]}
        for length in cell.lengths
        for seed in range(SEEDS)
    ]
    found = {method: _of_seeds(networks_, held, networks_.logits(held.x))}
    for name in rescaled:
        logits = rescaled_logits(networks_, held, RESCALED[name][1])
        found[name] = _of_seeds(networks_, held, logits, attacked=False)
    return {
        name: [{**which, **row} for which, row in zip(common, rows, strict=True)]
        for name, rows in found.items()
    }


def _of_seeds(networks_, held, logits, attacked=True):
    """The scores of each network."""
    unseen = None if held.unseen is None else networks_.logits(held.unseen)
    fitted = networks_.logits(held.train).argmax(axis=-1) == held.given
    under = {}
    if attacked and held.unseen is not None:
        under = attacks.accuracies(networks_, held.x, held.ids)
    return [
        {
            "fitted": float(fitted[place].mean()),
            **row,
            **{name: float(values[place]) for name, values in under.items()},
        }
        for place, row in enumerate(_scored(logits, held.ids, unseen))
    ]


def _of_ensembles(networks_, held, cell, method):
    """The mean scores of the members, and those of their mean probabilities."""
    members, (length,) = cell.members, cell.lengths
    logits = networks_.logits(held.repeated(members).x)
    logits = logits.reshape(members, SEEDS, *logits.shape[1:])
    log_probabilities = log_softmax(logits.astype(np.float64), axis=-1)
    together = np.log(np.exp(log_probabilities).mean(axis=0))
    ids = np.broadcast_to(held.ids, (members, *held.ids.shape))
    each = _scored(logits.reshape(-1, *logits.shape[2:]), ids.reshape(-1, ids.shape[-1]))
    rows = {method: [], method + ENSEMBLE: []}
    for seed, row in enumerate(_scored(together, held.ids)):
        own = each[seed::SEEDS]
        mean = {name: float(np.mean([one[name] for one in own])) for name in own[0]}
        rows[method].append({"length": length, "seed": seed, **mean})
        rows[method + ENSEMBLE].append({"length": length, "seed": seed, **row})
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


class _HeldOut(NamedTuple):
    """The samples of all seeds, stacked: held-out ones, training ones, and those unseen or None."""

    x: np.ndarray
    ids: np.ndarray
    train: np.ndarray
    given: np.ndarray
    unseen: np.ndarray | None

    @property
    def classes(self):
        return 1 + int(self.ids.max())

    def repeated(self, count):
        """The same for `count` networks of each seed, one after the other."""
        return _HeldOut(
            *(
                each if each is None else np.tile(each, (count, *[1] * (each.ndim - 1)))
                for each in self
            )
        )


@functools.lru_cache(maxsize=2)
def _held_out(name, size, noise):
    splits = [data.split(name, size, noise, seed) for seed in range(SEEDS)]
    x, ids = (
        np.stack([np.concatenate([s.test[i], s.calibration[i]]) for s in splits]) for i in range(2)
    )
    train, given = np.stack([s.x for s in splits]), np.stack([s.given for s in splits])
    unseen = None if splits[0].unseen is None else np.stack([s.unseen for s in splits])
    return _HeldOut(x, ids, train, given, unseen)


@functools.cache
def _network(name, width):
    """A network whose weights are replaced."""
    held = _held_out(name, 50, 0.0)
    return networks.build(name, width, held.x.shape[2:], held.classes)
