"""Mixers made of mixers: exact labels, one dtype, and only what was drawn."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import (
    SEEDS,
    bits,
    constant_images,
    labels_from_pixels,
    membership_images,
    packed,
    random_images,
    seed_of,
)

from keras_mix._core.draw import fine_grained_saliency
from keras_mix.layers import (
    RICAP,
    CutMix,
    Cutout,
    FMix,
    MixUp,
    RandomApply,
    RandomChoice,
    SaliencyMix,
)

PASTING = [CutMix(alpha=8.0), RICAP(alpha=8.0)]
both_ways = pytest.mark.parametrize("per", ["sample", "batch"])


def pasting(**options):
    return RandomChoice(PASTING, **options)


@both_ways
@pytest.mark.parametrize(
    ("mode", "dtype"), [("eager", "float32"), ("graph", "uint8"), ("all in XLA", "uint8")]
)
def test_label_is_what_is_in_the_pixels(per, mode, dtype):
    layer = pasting(per=per, num_classes=9)
    mix = layer if mode == "eager" else tf.function(layer, jit_compile=mode == "all in XLA")
    for seed in SEEDS[:3]:
        batch = constant_images(9, 7, 5, dtype), np.arange(9)
        images, labels = mix(*map(tf.constant, batch), seed=seed_of(seed))
        assert images.dtype == dtype
        expected = labels_from_pixels(images.numpy(), 9)
        np.testing.assert_allclose(labels, expected, rtol=0, atol=2e-7)


@both_ways
def test_every_mode_gives_the_same(per):
    layer = RandomChoice([MixUp(alpha=1.0), *PASTING], per=per, num_classes=9)
    batch = constant_images(9, 7, 5), np.arange(9)
    eager = layer(batch, seed=seed_of())
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(9)
    for found in (
        tf.function(layer, jit_compile=True)(tuple(map(tf.constant, batch)), seed=seed_of()),
        next(iter(dataset.map(lambda x, y: layer((x, y), seed=seed_of())))),
    ):
        for one, other in zip(found, eager, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_dtype_is_the_one_that_all_can_give():
    images = constant_images(4, 6, 6)
    for training in (True, False):
        assert pasting()(images, training=training).dtype == tf.uint8
        widest = RandomChoice([CutMix(), MixUp()])
        assert widest(images, training=training).dtype == tf.float32
        assert RandomApply(MixUp())(images, training=training).dtype == tf.float32


@pytest.mark.parametrize("probabilities", [None, [0.5, 0.3, 0.2], [0.0, 1.0, 0.0]])
def test_mixers_are_drawn_with_their_probabilities(probabilities):
    # Fixed masks tell who mixed: nothing, all, or the upper half is filled.
    fills = [Cutout(size=1.0, count=40, fill_value=value) for value in (1, 2, 3)]
    layer = RandomChoice(fills, probabilities=probabilities)
    size = 3000
    mixed = layer(np.zeros((size, 1, 1, 1), "float32"), seed=seed_of()).numpy().ravel()
    for number, expected in enumerate(probabilities or [1 / 3] * 3, start=1):
        seen = np.mean(mixed == number)
        assert abs(seen - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / size)


def test_one_mixer_serves_the_batch():
    layer = RandomChoice([Cutout(size=1.0, count=9, fill_value=v) for v in (1, 2)], per="batch")
    images = np.zeros((6, 1, 1, 1), "float32")
    drawn = [np.unique(layer(images, seed=seed_of((k, 0)))).tolist() for k in range(20)]
    assert sorted({tuple(values) for values in drawn}) == [(1.0,), (2.0,)]


def test_packed_labels_have_places_for_the_most_sources():
    layer = RandomChoice([MixUp(alpha=8.0), RICAP(alpha=8.0)], label_mode="pairs")
    sources, weights = packed(layer, 40)
    assert sources.shape == weights.shape == (40, 4)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=2e-7)
    assert {(row > 0).sum() for row in weights} == {2, 4}
    fewer = (weights > 0).sum(axis=1) == 2
    np.testing.assert_array_equal(sources[fewer, 2:], np.flatnonzero(fewer)[:, None].repeat(2, 1))


@pytest.mark.parametrize(("per", "batches", "size"), [("sample", 1, 2000), ("batch", 200, 3)])
def test_half_the_samples_or_batches_are_mixed(per, batches, size):
    layer = RandomApply(CutMix(alpha=8.0, pairing="roll"), per=per, label_mode="pairs")
    mixed = [packed(layer, size, seed=(k, 1))[1][:, 0] < 1 for k in range(batches)]
    draws = np.ravel(mixed) if per == "sample" else [all(batch) for batch in mixed]
    assert per == "sample" or all(len(set(batch)) == 1 for batch in mixed)
    assert abs(np.mean(draws) - 0.5) < 4.5 * 0.5 / np.sqrt(len(draws))


def test_rate_0_keeps_every_bit():
    images = random_images(5, 4, 5)
    mixed = RandomApply(pasting(), rate=0)(images, seed=seed_of())
    np.testing.assert_array_equal(bits(mixed), bits(images))


def test_erasing_leaves_targets_alone_beside_mixers_that_do_not():
    layer = RandomChoice([Cutout(size=1.0, count=9, fill_value=5), Cutout(size=1)], num_classes=3)
    images, masks = np.zeros((4, 3, 3, 1), "float32"), np.ones((4, 3, 3), "int32")
    mixed, kept = layer(images, masks, seed=seed_of())
    np.testing.assert_array_equal(kept, masks)
    assert (mixed.numpy() == 5).any()


def test_mixers_follow_keras_augmentations_in_a_pipeline():
    layers = [keras.layers.RandomFlip("horizontal", seed=1), pasting(num_classes=4)]
    pipeline = keras.layers.Pipeline(layers)
    images, labels = constant_images(4, 6, 6), np.arange(4)
    dataset = tf.data.Dataset.from_tensor_slices({"images": images, "labels": labels}).batch(4)
    mixed = next(iter(dataset.map(pipeline)))
    expected = labels_from_pixels(mixed["images"].numpy(), 4)
    np.testing.assert_allclose(mixed["labels"], expected, rtol=0, atol=2e-7)


def test_a_blend_after_a_paste_keeps_the_labels_exact():
    pipeline = keras.layers.Pipeline([CutMix(num_classes=5), MixUp(alpha=8.0, num_classes=5)])
    mixed = pipeline({"images": membership_images(5, 8, 9), "labels": np.arange(5)})
    shares = mixed["images"].numpy().mean(axis=(1, 2))
    np.testing.assert_allclose(mixed["labels"], shares, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        RandomChoice(
            [MixUp(0.4), CutMix(pairing="roll")], probabilities=[0.25, 0.75], num_classes=6
        ),
        RandomApply(RandomChoice([FMix(decay=2)]), rate=0.9, num_classes=6),
    ],
    ids=["RandomChoice", "RandomApply"],
)
def test_saved_and_loaded_it_mixes_alike(layer):
    saved = json.dumps(keras.saving.serialize_keras_object(layer))
    loaded = keras.saving.deserialize_keras_object(json.loads(saved))
    assert loaded.get_config() == layer.get_config()
    batch = random_images(6, 5, 8), np.arange(6)
    for one, other in zip(layer(batch, seed=seed_of()), loaded(batch, seed=seed_of()), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RandomChoice([]), "must be a list of at least one mixer"),
        (lambda: RandomChoice(CutMix(), MixUp()), r"into a list: RandomChoice\(\[MixUp"),
        (lambda: RandomApply([CutMix()]), "`mixer` must be one mixer. .* pass a RandomChoice"),
        (
            lambda: RandomChoice([CutMix(), MixUp()], probabilities=[0.5, 0.6]),
            "2 in all, that sum to 1",
        ),
        (
            lambda: RandomChoice([CutMix()], probabilities=[0.5, 0.5]),
            "1 in all, that sum to 1",
        ),
        (lambda: RandomChoice([CutMix(), MixUp()], probabilities=[1.5, -0.5]), "between 0 and 1"),
        (lambda: RandomChoice([keras.layers.RandomFlip()]), "must hold mixers.*Pipeline"),
        (
            lambda: RandomChoice([CutMix(num_classes=3)]),
            "`num_classes` belongs",
        ),
        (lambda: RandomChoice([CutMix(), FMix(spatial_dims=1)]), "must cut the same axes"),
        (lambda: RandomApply(CutMix(), rate=2), "`rate` must be a finite number between 0 and 1"),
    ],
)
def test_what_cannot_be_composed_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_saliency_is_computed_only_where_it_was_drawn(monkeypatch, mode):
    """One mixer is drawn for the batch: the costly work of the others is left out."""
    done = []
    peaks = fine_grained_saliency.peaks
    monkeypatch.setattr(
        fine_grained_saliency, "peaks", lambda *given: done.append(None) or peaks(*given)
    )
    inner = [SaliencyMix(per="batch", pairing="roll"), CutMix(per="batch", pairing="roll")]
    layer = RandomChoice([inner[0], RandomChoice(inner, per="batch")], per="batch", num_classes=6)
    images = random_images(6, 16, 16)
    call = layer if mode == "eager" else tf.function(layer)
    for seed in SEEDS[:4]:
        before = len(done)
        found = call(tf.constant(images), tf.constant(np.arange(6)), seed=seed_of(seed))
        if mode == "eager":
            assert len(done) - before <= 1
        for one, other in zip(found, layer(images, np.arange(6), seed=seed_of(seed)), strict=True):
            np.testing.assert_array_equal(one, other)
    assert mode != "eager" or 0 < len(done) < 4 * 2
