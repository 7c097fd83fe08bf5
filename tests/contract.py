"""The table of all mixers, which keep the laws of `test_contract_*.py`.

A new mixer is one more row of `MIXERS`.
"""

from typing import NamedTuple

import numpy as np
import oracles
import pytest
import tensorflow as tf

from keras_mix.batch import Batch
from keras_mix.layers import CutMix, MixUp


class Row(NamedTuple):
    """A mixer, and what its laws depend on.

    Attributes:
        make: The class.
        pastes: Whether every pixel comes from exactly one source.
        off: Arguments with which it mixes nothing.
        strong: Arguments with which it visibly mixes every sample that has a partner.
    """

    make: type
    pastes: bool
    off: dict
    strong: dict


MIXERS = {
    "MixUp": Row(MixUp, pastes=False, off={"alpha": 0}, strong={"alpha": 8.0}),
    "CutMix": Row(CutMix, pastes=True, off={"alpha": 0}, strong={"alpha": 8.0}),
}
SEED = (1, 2)
SEEDS = [(0, 0), (1, 2), (-3, 4), (5, -6), (-(2**31), 2**31 - 1)]
FIXED_SHAPES = [(1, 1, 1), (2, 5, 3), (9, 33, 47)]
# Bits that arithmetic loses: the zero's sign, what is not finite, a subnormal.
FRAGILE = np.array([-0.0, np.inf, -np.inf, np.nan, 1e-40, 3.0], np.float32)
ONLY_PASTING = [name for name, row in MIXERS.items() if row.pastes]

every_mixer = pytest.mark.parametrize("row", MIXERS.values(), ids=MIXERS)


def seed_of(seed=SEED):
    return tf.constant(seed, tf.int32)


def constant_images(size, height, width, dtype="uint8"):
    """Every pixel of sample i is i."""
    return np.tile(np.arange(size, dtype=dtype)[:, None, None, None], (1, height, width, 1))


def membership_images(size, height, width):
    """Channel i of sample i is 1, all others 0: a mixed pixel is the row of its shares."""
    return np.tile(np.eye(size, dtype="float32")[:, None, None], (1, height, width, 1))


def random_images(size, height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((size, height, width, channels), np.float32)


def bits(array):
    array = np.ascontiguousarray(array)
    return array.view(f"u{array.itemsize}")


def sampled(layer, size=6, grid=(8, 5), seed=SEED):
    """The plan that a layer draws for a batch."""
    batch = Batch(
        size=size,
        donors=size,
        crossed=False,
        draws=1 if layer.per == "batch" else size,
        grid=grid if layer.grid_rank else None,
        images=tf.constant(random_images(size, *grid)),
        labels=tf.range(size),
    )
    return layer.sample(batch, tf.convert_to_tensor(seed, tf.int32))


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


def assert_labels_are_what_is_in_the_pixels(row, size, height, width, call=None, **options):
    layer = row.make(num_classes=max(size, 2), **options)
    call = call or layer
    make = constant_images if row.pastes else membership_images
    images, labels = call(layer, make(size, height, width), np.arange(size))
    images, labels = images.numpy(), labels.numpy()[:, :size]
    if row.pastes:
        np.testing.assert_array_equal(labels, labels_from_pixels(images, size))
    else:
        seen = np.broadcast_to(labels[:, None, None], images.shape)
        np.testing.assert_allclose(images, seen, rtol=0, atol=2e-7)
    np.testing.assert_allclose(labels.sum(axis=1), 1.0, rtol=0, atol=2e-7)
