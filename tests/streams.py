"""Datasets as bytes, and whether a checkpoint takes them up where they were."""

import tensorflow as tf


def drained(batches):
    """The bytes of each batch."""
    return [b"".join(leaf.numpy().tobytes() for leaf in tf.nest.flatten(b)) for b in batches]


def assert_the_global_seed_does_not_count(make):
    """What `make` makes is the same whatever TensorFlow's own seed was before."""
    found = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        batches = make()
        found.append([drained(batches) for _ in range(2)])
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]


def assert_resumes(stream, steps, folder, begun=0, symbolic=None):
    """A second iterator, restored from the first after some steps, gives the batches due next.

    Args:
        stream: Makes an iterator.
        steps: How many batches the first gives before.
        folder: Where the checkpoint goes.
        begun: How many batches the second gives before it is restored.
        symbolic: What the iterator's dataset must say of symbolic checkpoints, if given.
    """
    first = stream()
    if symbolic is not None:
        assert bool(first._dataset.options().experimental_symbolic_checkpoint) is symbolic
    for _ in range(steps):
        next(first)
    path = tf.train.Checkpoint(iterator=first).save(folder / "checkpoint")
    expected = drained(next(first) for _ in range(6))
    resumed = stream()
    for _ in range(begun):
        next(resumed)
    tf.train.Checkpoint(iterator=resumed).restore(path)
    assert drained(next(resumed) for _ in range(6)) == expected
