"""Checks under MultiWorkerMirroredStrategy, in two processes."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from distributed.common import (
    BATCH,
    CLASSES,
    REPLICAS,
    STEPS,
    base_model,
    check,
    compiled,
    data,
    fit,
    tell_of_plain_keras,
)


def multi_worker():
    """Two processes under MultiWorkerMirroredStrategy."""
    ports = free_ports(REPLICAS)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{index}.npz" for index in range(REPLICAS)]
        workers = []
        for index, file in enumerate(files):
            task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(task)}
            command = [sys.executable, sys.argv[0], "--worker", str(file)]
            workers.append(subprocess.Popen(command, env=environment))
        codes = [worker.wait() for worker in workers]
        check(codes == [0] * REPLICAS, "both processes end well")
        first, second = (np.load(file) for file in files)
        check(np.array_equal(first["losses"], second["losses"]), "they report the same losses")
        check(np.array_equal(first["weights"], second["weights"]), "they have the same weights")
        check(not np.array_equal(first["mixed"], second["mixed"]), "they draw different plans")


def free_ports(count):
    """Returns free ports of this host."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def worker(file):
    """One of the processes of `multi_worker`; writes its results to a file."""
    import tensorflow as tf

    from keras_mix.models import MixingModel

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    index = strategy.cluster_resolver.task_id
    with strategy.scope():
        model = compiled(MixingModel(base_model(), alpha=1.0, seed=3), jit_compile=False)
        model.build((None, CLASSES))
        model.optimizer.build(model.trainable_variables)
        plain = compiled(base_model(), jit_compile=False)
    batches = tf.data.Dataset.from_tensor_slices(data()).batch(REPLICAS * BATCH).repeat()
    batches = iter(strategy.experimental_distribute_dataset(batches))

    @tf.function
    def step(batch):
        logs = strategy.run(model.train_step, args=(batch,))
        return strategy.reduce("MEAN", logs["loss"], axis=None)

    @tf.function
    def seen(inputs):
        return strategy.run(lambda: model(inputs, training=True))

    losses = []
    for _ in range(8):
        model.reset_metrics()
        losses.append(float(np.mean([step(next(batches)) for _ in range(STEPS)])))
    learns = bool(np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0])
    check(learns, f"process {index}: loss {losses[0]:.3f} to {losses[-1]:.3f}")
    mixed = seen(data()[0][:BATCH]).numpy()
    weights = np.concatenate([value.ravel() for value in model.base.get_weights()])
    np.savez(file, losses=losses, weights=weights, mixed=mixed)
    tell_of_plain_keras("MultiWorkerMirroredStrategy, fit", lambda: fit(plain, epochs=1))
