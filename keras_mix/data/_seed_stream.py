"""The stream of seeds beside a dataset: one for each batch, others in each epoch, resumable."""

import random

import tensorflow as tf

from keras_mix._core import checks

# The number that TensorFlow puts beside a seed when no global seed is set.
_BESIDE = 87654321


def checked(seed):
    """None, or an int of 64 bits."""
    seed = checks.integer("seed", seed, optional=True)
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise ValueError(f"`seed` must be a 64-bit integer. Received: seed={seed}")
    return seed


def seeds(seed):
    """A `tf.data.Dataset` of int64 [2], endless; each new iterator draws other numbers.

    With a seed it is `Dataset.random(seed, rerandomize_each_iteration=True)`, except that the
    seed alone decides: there `tf.random.set_seed` counts as well, and so does what ran before in
    the same process. Checkpoints hold a few integers and resume it in every epoch.

    In a pipeline, zip it before datasets that read files. Automatic sharding by file is not
    possible beside a stream of seeds; if it meets the stream after the files, TensorFlow 2.21
    shards them twice and drops batches.

    Args:
        seed: An integer; or None for a seed from Python's `random`, which
            `keras.utils.set_random_seed` seeds, and for entropy in each worker of tf.data service.
    """
    with_seed = seed is not None
    # A copy of the dataset in another process does not find the generator, and makes one from the
    # two seeds, where (0, 0) stands for entropy.
    generator = tf.raw_ops.DummySeedGenerator() if with_seed else _generator()
    numbers = tf.raw_ops.RandomDatasetV2(
        seed=tf.constant(_BESIDE if with_seed else 0, tf.int64),
        seed2=tf.constant(seed if with_seed else 0, tf.int64),
        seed_generator=generator,
        output_types=[tf.int64],
        output_shapes=[[]],
        rerandomize_each_iteration=True,
    )
    stream = tf.data.experimental.from_variant(numbers, tf.TensorSpec([], tf.int64))
    return stream.batch(2, drop_remainder=True)


def numbered(seed):
    """A function from the epoch and the step of a batch, int64, to its seed, int32 [2].

    Args:
        seed: An integer; or None for one from Python's `random`.
    """
    seed = random.getrandbits(63) if seed is None else seed
    key = tf.constant([seed], tf.int64)

    def seed_of(epoch, step):
        # Philox turns each of its 2**128 counters into numbers of their own.
        return tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[2],
            dtype=tf.int32,
            key=tf.bitcast(key, tf.uint64),
            counter=tf.cast(tf.stack([step, epoch]), tf.uint64),
            alg=1,
        )

    return seed_of


def _generator():
    """TensorFlow's generator of the seeds of iterators, seeded from Python's `random`."""
    seed, seed2 = (tf.constant(random.getrandbits(62), tf.int64) for _ in range(2))
    return tf.raw_ops.AnonymousSeedGenerator(seed=seed, seed2=seed2, reshuffle=True)[0]
