"""Every mixer keeps the law of the plan, and every bit of what it does not mix."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import (
    FRAGILE,
    SEEDS,
    assert_labels_are_what_is_in_the_pixels,
    bits,
    constant_images,
    every_mixer,
    every_mixer_of_sources,
    mixers_that,
    packed,
    sampled,
    seed_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mix._core.checks import PAIRINGS, PER

# The law of a plan.


@every_mixer
@settings(max_examples=20)
@given(
    size=st.integers(1, 9),
    height=st.integers(1, 33),
    width=st.integers(1, 47),
    pairing=st.sampled_from(PAIRINGS),
    per=st.sampled_from(PER),
    seed=st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2),
    data=st.data(),
)
def test_label_is_what_is_in_the_pixels(row, size, height, width, pairing, per, seed, data):
    def call(layer, x, y):
        return layer(x, y, seed=seed_of(seed))

    options = {name: data.draw(st.sampled_from(v), name) for name, v in row.varied.items()}
    options |= {**row.paired(pairing), "per": per}
    assert_labels_are_what_is_in_the_pixels(row, size, height, width, call, **options)


@every_mixer
def test_label_is_what_is_in_the_pixels_in_xla(row):
    def call(layer, x, y):
        mix = tf.function(layer, jit_compile=True)
        return mix(tf.constant(x), tf.constant(y), seed=seed_of())

    options = {"fill_value": 77} if row.erases else {}
    assert_labels_are_what_is_in_the_pixels(row, 9, 33, 47, call, **options)


@every_mixer
@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_sources_and_weights_are_well_formed(row, per, rate):
    for seed in SEEDS[:3]:
        layer = row.make(per=per, rate=rate, label_mode="pairs")
        sources, weights = packed(layer, 7, seed=seed)
        np.testing.assert_array_equal(sources[:, 0], np.arange(7))
        assert sources.shape == weights.shape == (7, layer.num_sources)
        assert ((sources >= 0) & (sources < 7)).all()
        assert ((weights >= 0) & (weights <= 1)).all()
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=2e-7)


@every_mixer_of_sources
def test_plan_counts_its_weights_from_its_region(row):
    plan = sampled(row.make(**row.strong), size=6, grid=(8, 5))
    if plan.hard:
        counted = oracles.shares(oracles.count(plan.region.dense().numpy(), plan.sources.shape[1]))
        np.testing.assert_array_equal(plan.weights[:, 1:], counted[:, 1:])
        np.testing.assert_allclose(plan.weights, counted, rtol=0, atol=1e-7)
    elif plan.region is not None:
        means = plan.region.dense().numpy().mean(axis=(1, 2))
        np.testing.assert_allclose(plan.weights, means, atol=1e-6)


@every_mixer
@pytest.mark.parametrize("per", PER)
def test_pastes_tells_whether_plans_are_hard(row, per):
    layer = row.make(per=per)
    told = layer.pastes, layer.erases, layer.moves
    assert told == (row.pastes, row.erases, row.moves)
    assert all(sampled(layer, seed=seed).hard == row.pastes for seed in SEEDS)


@mixers_that(lambda row: not (row.erases or row.read))
def test_partners_of_another_batch_are_counted_alike(row):
    size = 5
    layer = row.make(num_classes=2 * size, **row.strong)
    own = constant_images(size, 7, 4, "float32"), np.arange(size)
    donors = own[0] + size, own[1] + size
    images, labels = layer(own, partners=donors, seed=seed_of())
    seen = labels.numpy() @ np.arange(2 * size)
    np.testing.assert_allclose(images.numpy().mean(axis=(1, 2, 3)), seen, rtol=1e-5)
    assert (labels.numpy()[:, size:].sum(axis=1) > 0).all()


# What is not mixed stays as it is, bit for bit.


def assert_nothing_changes(layer, images, function=None):
    labels = np.eye(len(images), dtype="float32") if len(images) > 1 else np.ones((1, 2), "f4")
    for seed in SEEDS[:3]:
        mixed = (function or layer)(tf.constant(images), tf.constant(labels), seed=seed_of(seed))
        np.testing.assert_array_equal(bits(mixed[0]), bits(images))
        np.testing.assert_array_equal(bits(mixed[1]), bits(labels))


def fragile_images(size):
    return np.random.default_rng(0).choice(FRAGILE, (size, 4, 5, 2))


@every_mixer
def test_arguments_that_switch_it_off_keep_every_bit(row):
    assert_nothing_changes(row.make(**row.off), fragile_images(5))


@every_mixer
def test_rate_0_keeps_every_bit(row):
    assert_nothing_changes(row.make(**row.strong | {"rate": 0}), fragile_images(5))


@every_mixer
def test_rate_0_keeps_every_bit_in_xla(row):
    layer = row.make(**row.strong | {"rate": 0})
    assert_nothing_changes(layer, fragile_images(5), tf.function(layer, jit_compile=True))


@mixers_that(lambda row: not (row.erases or row.moves))
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_single_sample_keeps_every_bit(row, pairing):
    assert_nothing_changes(row.make(pairing=pairing, **row.strong), fragile_images(1))


@mixers_that(lambda row: not (row.erases or row.moves))
def test_sample_paired_with_itself_keeps_every_bit(row):
    layer = row.make(label_mode="pairs", pairing="reverse", **row.strong)
    images = fragile_images(5)
    mixed, _ = layer(images, np.arange(5), seed=seed_of())
    np.testing.assert_array_equal(bits(mixed[2]), bits(images[2]))


@every_mixer_of_sources
def test_unmixed_rows_of_a_mixed_batch_keep_every_bit(row):
    layer = row.make(label_mode="pairs", rate=0.5, pairing="roll", **row.strong)
    images = fragile_images(40)
    mixed, pairs = layer(images, np.arange(40), seed=seed_of())
    unmixed = pairs[:, 1, 0] == 1
    assert 0 < np.sum(unmixed) < 40
    np.testing.assert_array_equal(bits(mixed[unmixed]), bits(images[unmixed]))


@every_mixer
@pytest.mark.parametrize("dtype", ["uint8", "float16", "int32", "float64"])
def test_unmixed_rows_keep_every_bit_of_their_dtype(row, dtype):
    images = np.full((3, 2, 2, 1), 2**24 + 1 if dtype in ("int32", "float64") else 201, dtype)
    layer = row.make(rate=0, keep_dtype=True, kinds={"x": "images"})
    mixed, _ = layer(images, np.eye(3, dtype="f4"), seed=seed_of())
    assert mixed.dtype == dtype
    np.testing.assert_array_equal(mixed, images)


@every_mixer_of_sources
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_is_the_fraction_of_samples_mixed(row, rate):
    size = 4000
    layer = row.make(label_mode="pairs", rate=rate, pairing="roll", **row.strong)
    sources, weights = packed(layer, size)
    mixed = weights[:, 0] < 1
    np.testing.assert_array_equal(mixed, sources[:, 1] != np.arange(size))
    assert abs(mixed.mean() - rate) < 4.5 * np.sqrt(rate * (1 - rate) / size)


@every_mixer_of_sources
def test_rate_decides_for_the_whole_batch(row):
    layer = row.make(label_mode="pairs", rate=0.5, per="batch", pairing="roll", **row.strong)
    mixed = [packed(layer, 5, seed=(k, 0))[1][:, 0] < 1 for k in range(10)]
    assert all(len(set(batch)) == 1 for batch in mixed)
    assert 0.1 < np.mean(mixed) < 0.9
