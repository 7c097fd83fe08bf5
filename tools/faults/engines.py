"""TensorFlow's data service and XLA."""

import contextlib
import socket

import numpy as np
import tensorflow as tf

import keras_mix
from faults.common import Checks, L

checks = Checks()


@checks("E1")
def workers_of_the_data_service_draw_apart():
    """Without a seed workers and epochs draw independently; with one, by the index."""
    service = tf.data.experimental.service
    places = [f"localhost:{port}" for port in _free_ports(2)]
    config = service.DispatcherConfig(port=0, worker_addresses=places)
    dispatcher = service.DispatchServer(config)
    workers = [
        service.WorkerServer(
            service.WorkerConfig(
                dispatcher_address=dispatcher.target.split("://")[1],
                worker_address=place,
                port=int(place.split(":")[1]),
            )
        )
        for place in places
    ]
    x = np.tile(np.random.rand(64, 1, 1, 1), (1, 8, 8, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, np.eye(64, dtype="float32"))).batch(8)
    plain = {
        "mix": keras_mix.data.mix(data, L.MixUp()),
        "map": data.map(L.MixUp()),
    }
    for name, mixed in plain.items():
        first, second = (_batches(mixed, service.ShardingPolicy.OFF, dispatcher) for _ in range(2))
        yield f"{name} without a seed: batches, distinct", (len(first), len(set(first))), (16, 16)
        yield f"{name}: of the second epoch seen before", len(set(first) & set(second)), 0
    seeded = keras_mix.data.mix(data, L.MixUp(), seed=5)
    runs = [_batches(seeded, service.ShardingPolicy.DATA, dispatcher) for _ in range(2)]
    yield "with a seed, sharded: batches, distinct", (len(runs[0]), len(set(runs[0]))), (8, 8)
    yield "with a seed, sharded: two runs are one set", set(runs[0]) == set(runs[1]), True
    del workers, dispatcher


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


def _batches(dataset, policy, dispatcher):
    distributed = dataset.apply(tf.data.experimental.service.distribute(policy, dispatcher.target))
    return [np.asarray(labels).tobytes() for _, labels in distributed]


@checks("E2")
def counts_are_exact():
    """The pixels of a mask of 2²⁵ are counted exactly in every mode."""
    from keras_mix._core.plan import counting

    size = 2**25
    places = (np.arange(size) % 7 != 0)[None]
    right = int(places.sum())
    for name, options in {"graph": {}, "XLA": {"jit_compile": True}}.items():
        count = tf.function(counting.count, autograph=False, **options)(tf.constant(places))
        yield name, int(count[0]), right
