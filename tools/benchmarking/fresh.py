"""The cost in a new process: the import of keras_mix and the first batch of a pipeline.

Run as a module with the name of a pipeline it measures one process and prints JSON.
"""

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarking import machine, rows

TOOLS = Path(__file__).parents[1]
PLAIN = "plain"
PIPELINES = (PLAIN, "MixUp", "CutMix")
# Seconds to the first batch beyond the plain pipeline's.
FIRST_BATCH_LIMIT = 0.3


def measure(quick):
    """Medians over fresh processes, which take turns."""
    runs = [{name: figures("fresh", name) for name in PIPELINES} for _ in range(1 if quick else 3)]
    processes = [process for run in runs for process in run.values()]
    imported = statistics.median(process["import"] for process in processes)
    plain = statistics.median(run[PLAIN]["first_batch"] for run in runs)
    made = [
        rows.Row("import keras_mix, after tensorflow and keras", imported),
        rows.Row("first batch of a pipeline that copies", plain),
    ]
    for name in PIPELINES[1:]:
        beyond = [run[name]["first_batch"] - run[PLAIN]["first_batch"] for run in runs]
        what = f"first batch of {name}, beyond that"
        made.append(rows.Row(what, statistics.median(beyond), most=FIRST_BATCH_LIMIT))
    return [rows.table("A fresh process", "seconds", made)]


class Failed(Exception):
    """A process that measures has failed, or has not ended in time."""


def figures(module, *arguments, python=sys.executable, seconds=None, **environment):
    """Returns what a module of this package measures in a new process and prints as JSON.

    Args:
        module: The name of the module.
        *arguments: Strings, those of its command line.
        python: Path of the interpreter.
        seconds: How long it may take, with all processes that it starts, or None.
        **environment: Environment variables, beside those of this process.

    Raises:
        Failed: If it fails, or does not end in time; the last line says why.
    """
    command = [python, "-m", f"benchmarking.{module}", *arguments]
    variables = {**os.environ, **environment}
    # The leader of a group, so that what it has started can be ended with it.
    leads = seconds is not None
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=TOOLS,
        env=variables,
        start_new_session=leads,
    )
    what = f"The process that measures {' '.join([module, *arguments])}"
    try:
        printed, errors = process.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL) if leads else process.kill()
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(f"{what} did not end within {seconds} s.") from None
        raise
    if process.returncode:
        raise Failed(f"{what} ended with {process.returncode}.\n{errors}".strip())
    return json.loads(printed.splitlines()[-1])


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

    import tensorflow_probability as tfp

    _ = tfp.math.betaincinv  # TFP loads its parts when they are first named
    images = np.zeros((128, 224, 224, 3), "float32")
    batch = (images, keras.ops.one_hot(np.zeros(128, "int32"), 1000))
    dataset = tf.data.Dataset.from_tensors(batch).repeat()

    begun = time.perf_counter()
    function = _copy if name == PLAIN else getattr(keras_mix.layers, name)()
    next(iter(dataset.map(function, num_parallel_calls=2)))
    first_batch = time.perf_counter() - begun
    print(json.dumps({"import": imported - start, "first_batch": first_batch}))


def _copy(images, labels):
    return images + 1, labels


if __name__ == "__main__":
    _main(sys.argv[1])
