"""Peers that mix images: keras_cv in this process, and what runs on PyTorch in another.

Both take turns, so that neither's threads work or wait in the other's time. Each library has its
best setting: in place where it can, the batch where it takes one, and as many threads as ours.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarking import regimes, rounds, rows
from benchmarking.contenders import MIXERS, OURS, Workload, mapped, ours
from benchmarking.images import title
from benchmarking.torch_peers import reason

WORKLOADS = {
    Workload(128, 224, "float32", 1000): (
        "MixUp",
        "CutMix",
        "Cutout",
        "GridMask",
        "FMix",
        "Mosaic",
    ),
    Workload(128, 224, "uint8", 1000): ("MixUp", "CutMix"),
}
HALF = (0.5, 0.5)
# {mixer: the name and the options of keras_cv's layer}.
KERAS_CV = {
    "MixUp": ("MixUp", MIXERS["MixUp"]),
    "CutMix": ("CutMix", MIXERS["CutMix"]),
    "Cutout": ("RandomCutout", {"height_factor": HALF, "width_factor": HALF}),
    "GridMask": ("GridMask", {}),
    "FMix": ("FourierMix", {"alpha": 1.0}),
    "Mosaic": ("Mosaic", {}),
}
# {(dtype, mixer, peer): how many times as fast as that ours must be}.
FLOORS = {
    ("float32", "FMix", "keras_cv.layers.FourierMix"): 5.0,
    ("float32", "Mosaic", "keras_cv.layers.Mosaic"): 5.0,
    ("float32", "Cutout", "keras_cv.layers.RandomCutout"): 5.0,
    ("float32", "GridMask", "keras_cv.layers.GridMask"): 20.0,
}
# glibc keeps what is freed: what pooled memory is to TensorFlow.
POOLED = {"GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776"}


def measure(quick):
    """One table for each dtype; PyTorch's memory is pooled where TensorFlow's is."""
    return [
        _compared(workload, mixers, 3 if quick else 7) for workload, mixers in WORKLOADS.items()
    ]


def _compared(workload, mixers, count):
    turns, absent = _of_tensorflow(workload, mixers)
    with TorchPeers(workload, mixers) as others:
        for number, peer in enumerate(others.found):
            turns[tuple(peer)] = functools.partial(others.turn, number)
        absent |= {f"{mixer}, {library}": reason for mixer, library, reason in others.absent}
        seconds = dict(zip(turns, rounds.alternate(list(turns.values()), count), strict=True))
    made = [
        rows.faster(
            mixer,
            seconds[mixer, OURS],
            library,
            record,
            workload.batch,
            FLOORS.get((workload.dtype, mixer, library)),
        )
        for (mixer, library), record in seconds.items()
        if library != OURS
    ]
    made.sort(key=lambda row: mixers.index(row.what))
    return rows.table(f"Peers, {title(workload)}", "samples/s", made, absent)


def _of_tensorflow(workload, mixers):
    """{(mixer, library): what measures a turn} of ours and of keras_cv, and the absent."""
    steps = {(mixer, OURS): ours(mixer, workload, **MIXERS.get(mixer, {})).step for mixer in mixers}
    absent = {}
    for mixer in mixers:
        name, options = KERAS_CV[mixer]
        library = f"keras_cv.layers.{name}"
        try:
            steps[mixer, library] = _keras_cv(workload, name, options)
        except Exception as error:  # one that fails must not end the benchmark
            absent[library] = reason(error)
    return {key: functools.partial(rounds.turn, step) for key, step in steps.items()}, absent


def _keras_cv(workload, name, options):
    import keras_cv

    step = mapped(workload.dataset(), getattr(keras_cv.layers, name)(**options))
    step()
    return step


class TorchPeers:
    """The process of `torch_peers`; to be closed.

    Args:
        batch: The `Batch` that they mix.
        mixers: The names of mixers whose peers are measured.
    """

    def __init__(self, batch, mixers):
        pooled = POOLED if regimes.pooled() else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarking.torch_peers", json.dumps([batch, mixers])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, **pooled},
        )
        told = self._read()
        self.found, self.absent = told["found"], told["absent"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()

    def turn(self, number):
        """Measures seconds per batch over one turn of a peer."""
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process of the peers ended with {self._process.wait()}.")
        return json.loads(line)
