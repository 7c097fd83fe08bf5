"""tf.data service: workers, each in a process of its own, mix for one trainer on this machine.

All share the machine's cores, so what is measured is what the service costs, not what more
machines are worth: each batch is serialized by a worker, goes through a socket, and is parsed.

Run as a module with the address of a dispatcher it is a worker, until it is ended.
"""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import tensorflow as tf

import keras_mix
from benchmarking import machine, rows
from benchmarking.contenders import Workload

WORKERS = (1, 2)
# Batches that are taken before the clock starts, more than are ready by then; and seconds.
READY, SECONDS = 32, 3.0
# Bytes travel cheaper than floats; FMix costs most to mix.
CASES = (("CutMix", "uint8"), ("FMix", "uint8"), ("MixUp", "float32"))
service = tf.data.experimental.service


def measure(quick):
    """Returns a table of images/s of 1 and 2 workers against mixing in the trainer's process."""
    made = []
    with contextlib.ExitStack() as stack:
        addresses = {count: stack.enter_context(_cluster(count)) for count in WORKERS}
        for mixer, dtype in CASES[:1] if quick else CASES:
            made += _rows(mixer, Workload(128, 224, dtype, 10), addresses, 2)
    return [rows.table("tf.data service on loopback, 128 × 224 × 224 × 3", "images/s", made)]


def _rows(mixer, workload, addresses, count):
    layer = getattr(keras_mix.layers, mixer)()
    local = _batches(workload).map(layer, num_parallel_calls=machine.THREADS)
    pipelines = [local, *(local.apply(_distributed(each)) for each in addresses.values())]
    # Not in turns of single batches: buffers of a pipeline fill while it waits for its turn.
    runs = [[_seconds(each) for each in pipelines] for _ in range(count)]
    alone, *found = zip(*runs, strict=True)
    what = f"{mixer}, {workload.dtype}"
    return [
        rows.faster(f"{what}: {_named(workers)}", own, "in the trainer", alone, workload.batch)
        for workers, own in zip(addresses, found, strict=True)
    ]


def _seconds(dataset):
    """Seconds a batch of a new iterator, once its buffers are not fuller than they stay."""
    batches = iter(dataset)
    for _ in range(READY):
        next(batches)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        next(batches)
        count += 1
    return (time.perf_counter() - start) / count


def _named(workers):
    return f"{workers} worker{'s' * (workers > 1)}"


def _distributed(address):
    """Each worker gives all batches; uncompressed, since a socket is faster than compression."""
    policy = service.ShardingPolicy.OFF
    return service.distribute(policy, address, compression=None)


def _batches(workload):
    """One batch over and over, made where it is used: the trainer sends no tensor to workers."""

    def batch(_):
        images = tf.random.stateless_uniform(workload.shape, (0, 0), 0, 256, tf.int32)
        ids = tf.range(workload.batch) % workload.classes
        labels = tf.one_hot(ids, workload.classes)
        return {"images": tf.cast(images, workload.dtype), "labels": labels}

    return tf.data.Dataset.range(1).map(batch).cache().repeat()


@contextlib.contextmanager
def _cluster(count):
    """The address of a dispatcher with so many workers, which end with the context."""
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    command = [sys.executable, "-m", "benchmarking.service", dispatcher.target]
    tools = Path(__file__).parents[1]
    workers = [
        subprocess.Popen(command, cwd=tools, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(count)
    ]
    try:
        for worker in workers:
            # It has a line to say when it has started.
            if not worker.stdout.readline():
                raise RuntimeError("A worker of tf.data service did not start.")
        yield dispatcher.target
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()


def _main(target):
    tf.config.threading.set_intra_op_parallelism_threads(machine.THREADS)
    address = target.split("://")[1]
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
    print("started", flush=True)
    worker.join()


if __name__ == "__main__":
    _main(sys.argv[1])
