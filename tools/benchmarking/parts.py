"""The parts of the benchmark, each measured in a process of its own for each regime of memory.

Run as a module with the name of a part, of a regime, and perhaps "quick", it prints JSON.
"""

import importlib
import json
import sys
from typing import NamedTuple

from benchmarking import fresh, regimes


class Part(NamedTuple):
    """A part of the benchmark.

    Attributes:
        module: The module whose `measure` yields its tables.
        seconds: About how long it takes, in all its regimes, on two quiet cores.
        quick: The same of `--quick`.
        regimes: The regimes that it is measured in.
    """

    module: str
    seconds: int
    quick: int
    regimes: tuple[str, ...] = regimes.REGIMES


# Of parts that take no batches from a pipeline, or choose the regimes themselves.
ONCE = (regimes.DEFAULT,)
# By the names that the command line takes.
PARTS = {
    "images": Part("images", 150, 30),
    "mixers": Part("every_mixer", 240, 100),
    "small": Part("eager", 50, 30),
    "structured": Part("structured", 40, 30),
    "labels": Part("labels", 25, 20),
    "modalities": Part("modalities", 100, 60),
    "pipelines": Part("pipelines", 80, 60),
    "growth": Part("growth", 360, 300),
    "fresh": Part("fresh", 140, 60),
    "partners": Part("partners", 60, 25, ONCE),
    "models": Part("models", 290, 180, ONCE),
    "memory": Part("memory", 125, 125, ONCE),
    "curves": Part("curves", 7_200, 300),
    "service": Part("service", 80, 35, ONCE),
    "peers": Part("peers", 360, 240),
}
# What is measured if it is named: the curves take hours, the peers an environment of their own.
NAMED = ("curves", "peers")
# What is measured unless parts are named.
ALL = tuple(part for part in PARTS if part not in NAMED)
# The same of `--quick`.
QUICK = ("mixers",)
# How many times as long as usual a part may take before it is ended, for slower or busy machines;
# and the least, in seconds.
PATIENCE, LEAST = 5, 300


def duration(part, quick):
    """About how many seconds a part takes in all its regimes, on two quiet cores."""
    return PARTS[part].quick if quick else PARTS[part].seconds


def durations():
    """Text on how long each part takes."""
    lines = [
        f"  {name:12}{_rounded(part.seconds):>10}{_rounded(part.quick):>16}"
        for name, part in PARTS.items()
    ]
    whole, quick = (
        _rounded(sum(duration(part, quick) for part in parts))
        for parts, quick in ((ALL, False), (QUICK, True))
    )
    return "\n".join(
        [
            "About how long each part takes on two quiet cores, in all its regimes:",
            f"  {'':12}{'':>10}{'with --quick':>16}",
            *lines,
            f"Without --part: {whole}, with --quick {quick}. A part that takes {PATIENCE} times as "
            "long is ended",
            "and reported, as is one that fails; the others go on.",
        ]
    )


def _rounded(seconds):
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def measured(part, regime, quick):
    """Measures a part in a new process; returns its tables.

    Raises:
        fresh.Failed: If the process fails, or does not end in the time that a part may take.
    """
    seconds = max(LEAST, PATIENCE * duration(part, quick))
    arguments = [part, regime, *(["quick"] if quick else [])]
    return fresh.figures("parts", *arguments, seconds=seconds)


def _main(part, regime, *quick):
    regimes.enter(regime)

    import tensorflow as tf

    from benchmarking.machine import THREADS

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    module = importlib.import_module(f"benchmarking.{PARTS[part].module}")
    print(json.dumps(module.measure(bool(quick))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
