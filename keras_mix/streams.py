"""The stream of seeds beside a dataset: one for each batch, others in each epoch, resumable."""

import tensorflow as tf

# What TensorFlow puts beside a seed where no global one is set.
_BESIDE = 87654321


def seeds(seed):
    """A `tf.data.Dataset` of int64 [2], endless; each new iterator draws other numbers.

    As `Dataset.random(seed, rerandomize_each_iteration=True)`, but that the seed alone decides:
    there `tf.random.set_seed` counts, too, and so what was trained before in the same process.
    """
    numbers = tf.raw_ops.RandomDatasetV2(
        seed=tf.constant(_BESIDE, tf.int64),
        seed2=tf.constant(seed, tf.int64),
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        output_types=[tf.int64],
        output_shapes=[[]],
        rerandomize_each_iteration=True,
    )
    spec = tf.TensorSpec([], tf.int64)
    return tf.data.experimental.from_variant(numbers, spec).batch(2, drop_remainder=True)


def resumable():
    """Options of a dataset whose checkpoints go on with the seeds that were due."""
    # TensorFlow's default checkpoints lose the seeds of later epochs, a shuffle's as well as
    # ours, when a prefetch has begun before the restore (seen on TF 2.21).
    options = tf.data.Options()
    options.experimental_symbolic_checkpoint = True
    return options
