"""The cost in a new process: the import of keras_mix and the first batch of a pipeline.

Run as a module with the name of a pipeline it measures one process and prints JSON.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarking import machine

PIPELINES = ("plain", "MixUp", "CutMix")


def measure(repeats):
    """Median seconds over fresh processes, which take turns.

    Returns:
        A dict: "import" and "import_layers", after tensorflow and keras; "plain", the first batch
        of a pipeline that copies; "MixUp" and "CutMix", what theirs takes beyond that.
    """
    runs = [{name: figures("fresh", name) for name in PIPELINES} for _ in range(repeats)]
    first = {
        name: statistics.median(run[name]["first_batch"] for run in runs) for name in PIPELINES
    }
    processes = [process for run in runs for process in run.values()]
    return {
        "import": statistics.median(process["import"] for process in processes),
        "import_layers": statistics.median(process["import_layers"] for process in processes),
        "plain": first["plain"],
        **{name: first[name] - first["plain"] for name in PIPELINES[1:]},
    }


def figures(module, *arguments):
    """Returns what a module of this package measures in a new process and prints as JSON."""
    command = [sys.executable, "-m", f"benchmarking.{module}", *arguments]
    tools = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tools)
    if done.returncode:
        raise RuntimeError(f"The process that measures {arguments} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory():
    """Returns the peak memory of this process in bytes.

    Linux begins a child's `ru_maxrss` with what its parent held, so the kernel's own mark of this
    process is read where there is one.
    """
    kib = machine.read("/proc/self/status", r"VmHWM:\s*(\d+) kB")
    if kib:
        return 1024 * int(kib)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _main(name):
    import keras
    import numpy as np
    import tensorflow as tf

    start = time.perf_counter()
    import keras_mix

    imported = time.perf_counter()
    layers = keras_mix.layers
    loaded = time.perf_counter()

    import tensorflow_probability as tfp

    _ = tfp.math.betaincinv  # TFP loads its parts when they are first named
    images = np.zeros((128, 224, 224, 3), "float32")
    batch = (images, keras.ops.one_hot(np.zeros(128, "int32"), 1000))
    dataset = tf.data.Dataset.from_tensors(batch).repeat()

    begun = time.perf_counter()
    function = _copy if name == "plain" else getattr(layers, name)()
    next(iter(dataset.map(function, num_parallel_calls=2)))
    first_batch = time.perf_counter() - begun
    measured = {
        "import": imported - start,
        "import_layers": loaded - imported,
        "first_batch": first_batch,
    }
    print(json.dumps(measured))


def _copy(images, labels):
    return images + 1, labels


if __name__ == "__main__":
    _main(sys.argv[1])
