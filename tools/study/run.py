"""Trains what is missing, in the order of the grid."""

import time

from tools.study import grid
from tools.study.methods import LATER, METHODS
from tools.study.training import train


def tasks(cells, methods):
    """(cell, trunk, methods that share it), in the order in which they are run.

    Slow methods come after all others of a round, so that they hold up nothing.
    """
    listed = []
    for cell in cells:
        trunks = {}
        for name in grid.ENSEMBLE_METHODS if cell.members > 1 else methods:
            if cell.runs(name):
                trunks.setdefault(METHODS[name].trunk, []).append(name)
        listed += [(cell, trunk, sharing) for trunk, sharing in trunks.items()]
    return sorted(listed, key=lambda task: (grid.priority(task[0]), task[1] in LATER))


def train_all(store, cells, methods):
    """Trains all tasks that are not finished."""
    for cell, trunk, names in tasks(cells, methods):
        missing = [name for name in names if not store.has_weights(cell, name)]
        if not missing:
            continue
        start = time.perf_counter()
        weights = {name: {} for name in missing}
        seconds = {name: {} for name in missing}
        ends = {METHODS[name].end: name for name in missing}
        for finished in train(cell, trunk, list(ends)):
            weights[ends[finished.end]][finished.length] = finished.weights
            seconds[ends[finished.end]][finished.length] = finished.seconds
        for name in missing:
            store.save_weights(cell, name, weights[name], seconds[name])
        print(f"{cell.key}: {', '.join(missing)}  {time.perf_counter() - start:.1f} s", flush=True)
