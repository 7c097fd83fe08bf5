"""Batches of `data.mix` that hold clean samples beside their mixed versions."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data, pairings
from keras_mix.layers import CutMix, Cutout, MixUp, RandomChoice, RecursiveMix

B = 4
draw = np.random.default_rng(0)
BATCH = {
    "images": draw.integers(0, 256, (10, 8, 8, 3)).astype("u1"),
    "labels": np.arange(10) % 3,
    "segmentation_masks": draw.integers(0, 3, (10, 8, 8)),
    "sample_weights": draw.random(10).astype("f4"),
    "bounding_boxes": {
        "boxes": np.tile(np.array([[[1, 1, 7, 7]]], "f4"), (10, 1, 1)),
        "labels": np.ones((10, 1), "i4"),
    },
}
OPTIONS = {"num_classes": 3, "jit_compile": False}
TUPLE = BATCH["images"], BATCH["labels"]


def batched(batch):
    return tf.data.Dataset.from_tensor_slices(batch).batch(B)


def assert_halves(dataset, layer, size, **options):
    """Batches of 2B are the clean samples, in the form of mixed ones, and what mixing gives."""
    both = data.mix(dataset, layer, seed=1, keep_clean=True, **options)
    mixed = data.mix(dataset, layer, seed=1, **options)
    clean = dataset.map(lambda *batch: layer(_one(batch), training=False))
    rows = list(zip(both, clean, mixed, strict=True))
    assert len(rows) == -(-size // B)
    tf.nest.assert_same_structure(both.element_spec, mixed.element_spec)
    for whole, *halves in rows:
        for found, *parts in zip(*map(tf.nest.flatten, (whole, *halves)), strict=True):
            np.testing.assert_array_equal(found, np.concatenate(parts))


def _one(batch):
    return batch[0] if len(batch) == 1 else batch


@pytest.mark.parametrize(
    "layer",
    [
        CutMix(bounding_boxes="xyxy", **OPTIONS),
        MixUp(soft_masks=True, bounding_boxes="xyxy", **OPTIONS),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_leaf_is_clean_and_mixed(layer):
    assert_halves(batched(BATCH), layer, 10)


@pytest.mark.parametrize(
    "layer",
    [
        CutMix(label_mode="pairs", jit_compile=False),
        Cutout(jit_compile=False),
        RandomChoice([CutMix(), MixUp()], **OPTIONS),
        RecursiveMix(**OPTIONS),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_pairs_fillings_choices_and_recursion(layer):
    assert_halves(batched(TUPLE), layer, 10)


def test_partners_are_not_among_the_clean():
    second = batched((255 - TUPLE[0], TUPLE[1]))
    assert_halves(batched(TUPLE), CutMix(**OPTIONS), 10, partners=second)
    pairs = tf.data.Dataset.zip(batched(TUPLE), second)
    layer = CutMix(pairing=pairings.InOrder(), **OPTIONS)
    both = next(iter(data.mix(pairs, layer, seed=1, keep_clean=True, partners="paired")))
    np.testing.assert_array_equal(both[0][:B], TUPLE[0][:B])


def test_labels_of_both_are_smoothed():
    layer = CutMix(label_smoothing=0.3, pairing=pairings.InOrder(), **OPTIONS)
    ((_, labels), *_) = data.mix(batched(TUPLE), layer, seed=1, keep_clean=True)
    np.testing.assert_allclose(labels[:B], np.eye(3)[TUPLE[1][:B]] * 0.7 + 0.1, atol=1e-6)
    np.testing.assert_allclose(labels[B:], labels[:B], atol=1e-6)


def test_static_sizes_double_and_unknown_ones_stay_unknown():
    layer = CutMix(**OPTIONS)
    fixed = tf.data.Dataset.from_tensor_slices(TUPLE).batch(B, drop_remainder=True)
    assert data.mix(fixed, layer, keep_clean=True).element_spec[0].shape == (2 * B, 8, 8, 3)
    open_ended = data.mix(batched(TUPLE), layer, keep_clean=True)
    assert open_ended.element_spec[0].shape.as_list() == [None, 8, 8, 3]
    assert [len(images) for images, _ in open_ended] == [2 * B, 2 * B, 4]


def test_it_must_be_a_boolean():
    with pytest.raises(ValueError, match="`keep_clean` must be True or False"):
        data.mix(batched(TUPLE), CutMix(num_classes=3), keep_clean=2)
