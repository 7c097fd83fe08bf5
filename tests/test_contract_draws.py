"""Every mixer draws alike from a seed, in every mode, and pairs and shares as it is told."""

import numpy as np
import pytest
import tensorflow as tf
from contract import (
    SEEDS,
    constant_images,
    every_mixer,
    every_mixer_of_sources,
    mixers_that,
    packed,
    random_images,
    sampled,
    seed_of,
)


@every_mixer
def test_same_seed_same_bits(row):
    images, labels = random_images(6, 9, 5), np.eye(6, dtype="float32")
    results = [row.make()(images, labels, seed=seed_of()) for _ in range(2)]
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


@every_mixer
def test_seeds_all_differ(row):
    images, labels = random_images(6, 9, 5), np.eye(6, dtype="float32")
    layer = row.make(**row.strong)
    seeds = [*SEEDS, (2, 1), (0, 1), (1, 0)]
    seen = {layer(images, labels, seed=seed_of(seed))[0].numpy().tobytes() for seed in seeds}
    assert len(seen) == len(seeds)


@every_mixer
@pytest.mark.parametrize(
    ("options", "compile_all"),
    [({"per": "batch"}, False), ({}, True)],
    ids=["graph", "all in XLA"],
)
def test_plan_is_the_same_in_every_mode(row, options, compile_all):
    layer = row.make(**options, **row.paired("shuffle" if compile_all else "derange"))

    def draw(seed):
        return sampled(layer, 9, (33, 47), seed)

    draw_in_graph = tf.function(draw, jit_compile=compile_all)
    for seed in SEEDS:
        eager, graph = draw(seed_of(seed)), draw_in_graph(seed_of(seed))
        exact = eager.hard or eager.region is None
        pairs = zip(tf.nest.flatten(eager), tf.nest.flatten(graph), strict=True)
        for expected, found in ((e, f) for e, f in pairs if tf.is_tensor(e)):
            tolerance = 0 if exact else 1e-6
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=f"{seed=}")


@every_mixer
@pytest.mark.parametrize("mode", ["all in XLA", "tf.data"])
def test_output_is_the_same_in_every_mode(row, mode):
    layer = row.make(rate=0.8)
    images, labels = random_images(9, 13, 7), np.eye(9, dtype="float32")
    expected = layer(images, labels, seed=seed_of())
    if mode == "tf.data":
        dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(9)
        found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    else:
        mix = tf.function(layer, jit_compile=True)
        found = mix(tf.constant(images), tf.constant(labels), seed=seed_of())
    # A compiler may round a product and a sum once instead of twice; pasted pixels are copies.
    tolerance = 0 if row.pastes and not row.resizes else 1e-6
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=0 if row.pastes else 1e-6)


# Pairings and draws for the batch.


@every_mixer_of_sources
@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize(
    ("pairing", "partner"),
    [
        ("reverse", lambda i, size: size - 1 - i),
        ("roll", lambda i, size: (i + 1) % size),
    ],
    ids=["reverse", "roll"],
)
def test_fixed_pairings_are_as_defined(row, pairing, partner, size):
    sources, _ = packed(row.make(label_mode="pairs", pairing=pairing), size)
    assert sources[:, 1].tolist() == [partner(i, size) for i in range(size)]


@every_mixer_of_sources
@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("pairing", ["shuffle", "derange"])
def test_random_pairings_use_each_sample_once(row, pairing, size):
    layer = row.make(label_mode="pairs", pairing=pairing)
    for seed in SEEDS[:2]:
        partners = packed(layer, size, seed=seed)[0][:, 1]
        assert sorted(partners) == list(range(size))
        assert pairing == "shuffle" or size == 1 or (partners != np.arange(size)).all()


@mixers_that(lambda row: not (row.looks or row.read) and row.sources == 2)
def test_one_draw_serves_the_batch(row):
    layer = row.make(label_mode="pairs", per="batch", pairing="roll", **row.strong)
    images, pairs = layer(constant_images(6, 8, 5, "float32"), np.arange(6), seed=seed_of())
    assert len(np.unique(pairs[:, 1], axis=0)) == 1
    if row.scatters:
        return
    own = np.arange(6)[:, None, None, None]
    taken = (images.numpy() - own) / ((own + 1) % 6 - own)  # The partner's share of each pixel.
    np.testing.assert_allclose(taken, np.broadcast_to(taken[:1], taken.shape), atol=1e-6)


@mixers_that(lambda row: row.sources != 2)
def test_one_draw_of_a_region_serves_the_batch(row):
    region = sampled(row.make(per="batch", **row.strong)).region.dense()
    assert region.shape[0] == 1


@mixers_that(lambda row: not (row.erases or row.fixed))
def test_each_sample_has_its_own_draw(row):
    layer = row.make(label_mode="pairs", pairing="roll", **row.strong)
    assert len(np.unique(packed(layer, 6)[1][:, 0])) > 3


@mixers_that(lambda row: row.erases)
def test_each_sample_is_filled_in_other_places(row):
    region = sampled(row.make(**row.strong)).region.dense().numpy()
    assert len(np.unique(region.reshape(6, -1), axis=0)) > 3
