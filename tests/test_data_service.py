"""tf.data service, a dispatcher and two workers on loopback: who draws what."""

import socket

import numpy as np
import pytest
import tensorflow as tf
from streams import drained

from keras_mix import data
from keras_mix.layers import MixUp, RandomChoice

pytestmark = pytest.mark.slow

service = tf.data.experimental.service
OFF, DATA, FILE_OR_DATA, DYNAMIC = (
    getattr(service.ShardingPolicy, name) for name in ("OFF", "DATA", "FILE_OR_DATA", "DYNAMIC")
)
BATCHES = 8
X = np.arange(BATCHES * 16, dtype="float32")
PLAIN = {"alpha": 1.0, "jit_compile": False}


def ports(count):
    """Free ports; all are bound before any is released, so they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


@pytest.fixture(name="dispatcher", scope="module")
def _dispatcher():
    """A dispatcher with two workers, whose addresses static sharding must know."""
    places = [f"localhost:{port}" for port in ports(2)]
    config = service.DispatcherConfig(port=0, worker_addresses=places)
    dispatcher = service.DispatchServer(config)
    workers = [
        service.WorkerServer(
            service.WorkerConfig(
                dispatcher_address=dispatcher.target.split("://")[1],
                worker_address=place,
                port=int(place.split(":")[1]),
                heartbeat_interval_ms=50,
            )
        )
        for place in places
    ]
    yield dispatcher.target
    del workers


def epochs(dispatcher, policy, dataset, count=2):
    """The batches of each epoch, each a list of the bytes of its leaves."""
    distributed = dataset.apply(service.distribute(policy, dispatcher))
    return [
        [tuple(leaf.numpy().tobytes() for leaf in tf.nest.flatten(batch)) for batch in distributed]
        for _ in range(count)
    ]


def in_order():
    return tf.data.Dataset.from_tensor_slices(X).batch(16)


def pairs(**options):
    return data.pair_by_label(X, X, bandwidth=20.0, batch_size=16, **options)


def test_without_a_seed_each_worker_draws_anew_in_each_epoch(dispatcher):
    tf.random.set_seed(3)  # which counts for TensorFlow's own draws in datasets
    choice = RandomChoice([MixUp(alpha=1.0), MixUp(alpha=1.0)], jit_compile=False)
    pipelines = [
        data.mix(in_order(), MixUp(**PLAIN)),
        in_order().map(MixUp(**PLAIN)),
        in_order().map(lambda x: choice(x), num_parallel_calls=2),
        pairs(),
    ]
    found = epochs(dispatcher, OFF, tf.data.Dataset.zip(*pipelines))
    assert [len(epoch) for epoch in found] == [2 * BATCHES] * 2
    for draws in zip(*found[0], *found[1], strict=True):
        assert len(set(draws)) == 4 * BATCHES


def test_with_a_seed_static_sharding_gives_the_set_of_one_process(dispatcher):
    mixed = data.mix(in_order(), MixUp(**PLAIN), seed=5)
    both = tf.data.Dataset.zip(mixed, pairs(seed=5)).repeat(2)
    runs = epochs(dispatcher, DATA, both)
    alone = drained(both)
    assert len(set(alone)) == 2 * BATCHES
    for run in runs:
        assert sorted(b"".join(batch) for batch in run) == sorted(alone)


def numbered():
    """Batches (number of the batch, position in it); the positions tell the draws after mixing."""
    positions = np.arange(16, dtype="float32")
    samples = [[(number, position) for position in positions] for number in range(BATCHES)]
    return tf.data.Dataset.from_tensor_slices(np.array(samples, "float32"))


def numbers_and_draws(batches):
    """The number of each batch of `numbered`, mixed, and what was drawn for it."""
    found = [np.frombuffer(b"".join(batch), "float32").reshape(16, 2) for batch in batches]
    return [round(float(each[0, 0])) for each in found], [each[:, 1].tobytes() for each in found]


def test_dynamic_sharding_gives_each_batch_of_an_epoch_once(dispatcher):
    mixed = data.mix(numbered(), MixUp(**PLAIN))
    epochs_of_draws = []
    for epoch in epochs(dispatcher, DYNAMIC, mixed):
        numbers, draws = numbers_and_draws(epoch)
        assert sorted(numbers) == list(range(BATCHES))
        epochs_of_draws += draws
    assert len(set(epochs_of_draws)) == 2 * BATCHES
    (epoch,) = epochs(dispatcher, DYNAMIC, pairs(seed=5), count=1)
    assert sorted(b"".join(batch) for batch in epoch) == sorted(drained(pairs(seed=5)))


def test_with_a_seed_dynamic_sharding_counts_the_batches_of_each_worker(dispatcher):
    mixed = data.mix(numbered(), MixUp(**PLAIN), seed=5)
    (epoch,) = epochs(dispatcher, DYNAMIC, mixed, count=1)
    numbers, draws = numbers_and_draws(epoch)
    assert sorted(numbers) == list(range(BATCHES))
    _, alone = numbers_and_draws([[each.numpy().tobytes()] for each in mixed])
    counts = [draws.count(each) for each in alone]
    # Each worker begins with the first seed: no seed is used more often than one before it.
    assert sum(counts) == BATCHES
    assert counts == sorted(counts, reverse=True)
    assert counts[0] <= 2


def test_with_a_seed_and_no_sharding_all_workers_give_the_same_batches(dispatcher):
    mixed = data.mix(numbered(), MixUp(**PLAIN), seed=5)
    (epoch,) = epochs(dispatcher, OFF, mixed, count=1)
    alone = [(each.numpy().tobytes(),) for each in mixed]
    assert sorted(epoch) == sorted(alone * 2)


def test_without_a_seed_static_sharding_draws_apart(dispatcher):
    runs = epochs(dispatcher, DATA, data.mix(numbered(), MixUp(**PLAIN)))
    found = [numbers_and_draws(run) for run in runs]
    assert [sorted(numbers) for numbers, _ in found] == [list(range(BATCHES))] * 2
    assert len({each for _, draws in found for each in draws}) == 2 * BATCHES


def test_with_a_seed_static_sharding_draws_apart_and_repeats_itself(dispatcher):
    mixed = data.mix(numbered(), MixUp(**PLAIN), seed=5)
    runs = epochs(dispatcher, DATA, mixed)
    assert sorted(runs[0]) == sorted(runs[1])
    numbers, draws = numbers_and_draws(runs[0])
    assert sorted(numbers) == list(range(BATCHES))
    assert len(set(draws)) == BATCHES


def test_automatic_sharding_loses_no_batch_of_files(dispatcher, tmp_path):
    names = [str(tmp_path / f"{number}.records") for number in range(4)]
    for number, name in enumerate(names):
        with tf.io.TFRecordWriter(name) as writer:
            for value in X.reshape(4, -1)[number]:
                writer.write(np.float32(value).tobytes())
    records = tf.data.TFRecordDataset(names).map(_decoded).batch(16)
    mixed = data.mix(records, MixUp(alpha=0.0, jit_compile=False), seed=1, partners=records)
    (epoch,) = epochs(dispatcher, FILE_OR_DATA, mixed, count=1)
    assert sorted(np.frombuffer(b"".join(sum(epoch, ())), "float32")) == X.tolist()


def _decoded(record):
    return tf.reshape(tf.io.decode_raw(record, tf.float32), [])
