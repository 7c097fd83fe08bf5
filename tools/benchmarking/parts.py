"""The parts of the benchmark, each measured in a process of its own for each regime of memory.

Run as a module with the name of a part, of a regime, and perhaps "quick", it prints JSON.
"""

import importlib
import json
import sys

from benchmarking import fresh, regimes

# {the name of a part: the module whose `measure` yields its tables}.
MODULES = {
    "images": "images",
    "mixers": "every_mixer",
    "small": "eager",
    "structured": "structured",
    "labels": "labels",
    "modalities": "modalities",
    "pipelines": "pipelines",
    "growth": "growth",
    "fresh": "fresh",
    "partners": "partners",
    "models": "models",
    "memory": "memory",
    "curves": "curves",
    "service": "service",
    "peers": "peers",
}
# What is measured if it is named: the curves take hours, the peers an environment of their own.
NAMED = ("curves", "peers")
# What is measured unless parts are named.
ALL = tuple(part for part in MODULES if part not in NAMED)
# The same of `--quick`.
QUICK = ("mixers",)
# Parts that take no batches from a pipeline, or choose the regimes themselves.
ONCE = ("partners", "models", "memory", "service")


def regimes_of(part):
    """The regimes that a part is measured in."""
    return (regimes.DEFAULT,) if part in ONCE else regimes.REGIMES


def measured(part, regime, quick):
    """Measures a part in a new process; returns its tables."""
    return fresh.figures("parts", part, regime, *(["quick"] if quick else []))


def _main(part, regime, *quick):
    regimes.enter(regime)

    import tensorflow as tf

    from benchmarking.machine import THREADS

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    module = importlib.import_module(f"benchmarking.{MODULES[part]}")
    print(json.dumps(module.measure(bool(quick))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
