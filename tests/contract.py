"""The laws of all mixers, by their table in `mixer_table`, as `test_contract_*.py` tries them."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from mixer_table import (
    FRAGILE,
    MIXERS,
    MIXING,
    SEED,
    SEEDS,
    bits,
    constant_images,
    membership_images,
    random_images,
)
from plans_drawn import sampled

__all__ = ["FRAGILE", "MIXERS", "MIXING", "SEED", "SEEDS", "bits", "constant_images"]
__all__ += ["membership_images", "random_images", "sampled"]

every_mixer = pytest.mark.parametrize("row", MIXERS.values(), ids=MIXERS)
every_mixer_of_sources = pytest.mark.parametrize("row", MIXING.values(), ids=MIXING)


def mixers_that(condition):
    """A parametrization by those rows that the condition holds for."""
    rows = {name: row for name, row in MIXERS.items() if condition(row)}
    return pytest.mark.parametrize("row", rows.values(), ids=rows)


def seed_of(seed=SEED):
    return tf.constant(seed, tf.int32)


def packed(layer, size, seed=SEED):
    """The sources and weights [B, S] that a layer uses, read from packed labels."""
    images = random_images(size, 16, 16, channels=1)
    _, pairs = layer(images, np.arange(size), seed=seed_of(seed))
    return pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()


def labels_from_pixels(images, size):
    """float32 [B, B]: the labels that constant images have earned, pixel by pixel."""
    counts = oracles.pixels_of(images, size)
    expected = np.empty((size, size), np.float32)
    for i, row in enumerate(counts):
        others = [j for j in range(size) if j != i]
        expected[i, [i, *others]] = oracles.shares(row[[i, *others]][None])[0]
    return expected


def assert_labels_are_what_is_in_the_pixels(row, size, height, width, call, /, **options):
    layer = row.make(num_classes=max(size, 2), **options)
    make = constant_images if row.pastes else membership_images
    given = make(size, *row.grid(height, width))
    images, labels = call(layer, given, np.arange(size))
    images, labels = images.numpy(), labels.numpy()[:, :size]
    if row.erases:
        np.testing.assert_array_equal(labels, np.eye(size))
        np.testing.assert_array_equal(images[images != 77], given[images != 77])
    elif row.pastes:
        # Shares of several partners that are one sample are added up, which rounds again.
        tolerance = 0 if row.sources == 2 else 2e-7
        expected = labels_from_pixels(images, size)
        np.testing.assert_allclose(labels, expected, rtol=0, atol=tolerance)
    elif row.make.grid_rank:
        images = row.read(images.astype("float64")) if row.read else images
        mean = images.mean(axis=(1, 2), dtype=np.float64)
        np.testing.assert_allclose(labels, mean, rtol=0, atol=2e-6)
    else:
        seen = np.broadcast_to(labels[:, None, None], images.shape)
        np.testing.assert_allclose(images, seen, rtol=0, atol=2e-7)
    np.testing.assert_allclose(labels.sum(axis=1), 1.0, rtol=0, atol=4e-7)
    assert (labels >= 0).all()


def compiled_parts(function):
    """How many parts of a `tf.function` XLA compiles, by what its graph says of them."""
    operations = function.get_concrete_function().graph.get_operations()
    nodes = [operation.node_def.attr for operation in operations]
    return sum("_XlaMustCompile" in attr and attr["_XlaMustCompile"].b for attr in nodes)
