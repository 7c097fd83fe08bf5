"""Bits, and the numbers made of them: their distributions, and the same in every mode."""

import numpy as np
import pytest
import tensorflow as tf
from distributions import (
    ALPHAS,
    DRAWS,
    PAIRS,
    SEEDS,
    SEVERAL,
    STANDARD_ERRORS,
    UNLIKELY,
    is_near,
    seed_of,
)
from scipy import stats

from keras_mix._core.draw import random

pytestmark = pytest.mark.slow


def all_draws(seed):
    chance, *others = random.split(seed, 6)
    pairs = [
        random.partners(others[0], pairing, 9, 9, False)
        for pairing in ("shuffle", "derange", "reverse", "roll")
    ]
    return [
        random.bits(seed, [9]),
        random.bits(chance, [9]),
        random.uniform(others[1], [3, 3]),
        random.coin(others[3], 0.5, 9),
        random.points(others[4], 9, (5, 7, 9)),
        random.below(others[4], tf.constant([[1, 2], [7, 2**31 - 1]])),
        random.normal(others[4], [9, 2]),
        *(random.beta(chance, alpha, 9) for alpha in (*ALPHAS, *PAIRS)),
        random.beta(chance, 0.3, 9, keep_major=True),
        *(random.dirichlet(chance, alpha, 9, sources) for alpha, sources in SEVERAL),
        random.dirichlet(chance, 1.0, 9, 4, keep_major=True),
        *pairs,
    ]


@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
def test_draws_are_the_same_in_every_mode(compile_all):
    draw = tf.function(all_draws, jit_compile=compile_all)
    for seed in SEEDS:
        for eager, found in zip(all_draws(seed_of(*seed)), draw(seed_of(*seed)), strict=True):
            np.testing.assert_array_equal(found, eager, f"seed {seed}")


def test_seeds_split_into_seeds_that_all_differ():
    parts = [tuple(s.numpy()) for seed in SEEDS for s in random.split(seed_of(*seed), 50)]
    assert len(set(parts)) == 50 * len(SEEDS)


def test_bits_are_even():
    pattern = random.bits(seed_of(1, 2), [DRAWS]).numpy().view("uint32")
    ones = [np.mean(pattern >> shift & 1) for shift in range(32)]
    assert all(is_near(share, 0.5, DRAWS) for share in ones)


@pytest.mark.parametrize("alone", [(0, 1), (1, 0), (1, 1)])
def test_neighbouring_seeds_are_unrelated(alone):
    first, second = (random.uniform(s, [DRAWS]) for s in (seed_of(0, 0), seed_of(*alone)))
    assert stats.pearsonr(first, second).pvalue > UNLIKELY


def test_uniform_is_uniform_and_below_1():
    values = random.uniform(seed_of(1, 2), [DRAWS]).numpy()
    assert stats.kstest(values, "uniform").pvalue > UNLIKELY
    assert values.max() < 1


@pytest.mark.parametrize("probability", [0.0, 1e-3, 0.25, 0.5, 0.999, 1.0])
def test_coin_falls_with_its_probability(probability):
    found = np.mean(random.coin(seed_of(1, 2), probability, DRAWS))
    assert is_near(found, probability, DRAWS)


def test_points_reach_every_place_equally():
    places = random.points(seed_of(1, 2), DRAWS, (5, 8)).numpy()
    counts = np.bincount(places[:, 0] * 8 + places[:, 1], minlength=40)
    assert len(counts) == 40
    assert stats.chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 225])
def test_below_is_equally_likely_below_each_limit(limit):
    # One of the limits, which other ones stand beside.
    limits = np.tile([limit, 5], (DRAWS // 2, 1))
    values = random.below(seed_of(1, 2), tf.constant(limits, tf.int32)).numpy()
    for column, most in zip(values.T, limits[0], strict=True):
        counts = np.bincount(column, minlength=most)
        assert len(counts) == most
        assert most == 1 or stats.chisquare(counts).pvalue > UNLIKELY


def test_below_has_the_shape_of_its_limits_and_its_own_limit_for_each():
    limits = np.random.default_rng(0).integers(1, 9, (4000, 3, 2))
    values = random.below(seed_of(1, 2), tf.constant(limits, tf.int32)).numpy()
    assert values.shape == limits.shape
    assert values.dtype == "int32"
    assert (values >= 0).all()
    for limit in range(1, 9):
        counts = np.bincount(values[limits == limit])
        assert len(counts) == limit
        assert limit == 1 or stats.chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("limit", [2**24 + 1, 2**31 - 1])
def test_below_reaches_all_of_a_large_limit(limit):
    values = random.below(seed_of(1, 2), tf.fill([DRAWS], limit)).numpy() / limit
    assert stats.kstest(values, "uniform").pvalue > UNLIKELY
    assert values.max() < 1
    assert len(np.unique(values)) > 0.99 * DRAWS


def test_normal_is_normal():
    values = random.normal(seed_of(1, 2), [DRAWS // 4, 4]).numpy()
    assert values.dtype == "float32"
    assert stats.kstest(values.ravel(), "norm").pvalue > UNLIKELY
    assert abs(values.mean()) < STANDARD_ERRORS / np.sqrt(DRAWS)
    assert abs(values.astype("f8").var() - 1) < STANDARD_ERRORS * np.sqrt(2 / DRAWS)
    # The tails end at the outermost of 2**14 quantiles.
    assert abs(np.abs(values).max() - stats.norm.ppf(1 - 2.0**-15)) < 1e-5


def test_normal_is_symmetric_and_its_columns_unrelated():
    values = random.normal(seed_of(1, 2), [DRAWS // 2, 2]).numpy()
    assert is_near(np.mean(values < 0), 0.5, DRAWS)
    assert stats.pearsonr(*values.T).pvalue > UNLIKELY
    assert stats.pearsonr(*np.abs(values).T).pvalue > UNLIKELY


def test_points_can_be_sliced_with_new_axes_in_a_graph():
    # Grappler loses the new axes of a slice of a `tf.stack` along the sliced axis.
    @tf.function
    def sliced(seed):
        points = random.points(seed, 5, (6, 8))
        return points[:, 0, None, None], points[:, :1, None], points[:, 1:, None]

    assert [part.shape.as_list() for part in sliced(seed_of(1, 2))] == [[5, 1, 1]] * 3
