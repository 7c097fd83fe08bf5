"""Partners by label over a whole data set in memory.

Run as a module with a number of targets it measures one fresh process and prints JSON; with 0 the
same batches come without partners.
"""

import json
import statistics
import sys
import time

import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking import fresh, rows

SAMPLES = 100_000
TARGETS = (1, 2)
# MiB that pairing may add to the peak memory of a process.
MEMORY_LIMIT = 256


def measure(quick):
    """Seconds to a first batch, when all partners are drawn, and memory; medians of processes."""
    counts = [0, *TARGETS]
    runs = [
        {count: fresh.figures("partners", str(count)) for count in counts}
        for _ in range(1 if quick else 3)
    ]

    def row(count, key, what, most=None):
        beyond = (run[count][key] - run[0][key] for run in runs)
        what = f"{count} target{'s'[: count - 1]}: {what}"
        return rows.Row(what, statistics.median(beyond), most=most)

    title = f"pair_by_label, {SAMPLES:,} samples, beyond batches without partners"
    first = [row(count, "first", "first batch of the first epoch") for count in TARGETS]
    later = [row(count, "later", "first batch of a later epoch") for count in TARGETS]
    memory = [row(count, "mib", "peak memory", MEMORY_LIMIT) for count in TARGETS]
    return [rows.table(title, "seconds", first + later), rows.table(title, "MiB", memory)]


def _main(targets):
    rng = np.random.default_rng(0)
    x = rng.random((SAMPLES, 8), "float32")
    y = rng.normal(size=(SAMPLES, max(targets, 1))).astype("float32")
    start = time.perf_counter()
    if targets:
        dataset = keras_mix.data.pair_by_label(x, y)
    else:
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    next(iter(dataset))
    first = time.perf_counter() - start
    start = time.perf_counter()
    epoch = iter(dataset)
    next(epoch)
    later = time.perf_counter() - start
    for _ in epoch:
        pass
    print(json.dumps({"first": first, "later": later, "mib": fresh.peak_memory() / 2**20}))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
