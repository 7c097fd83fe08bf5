"""Every draw against its distribution, and the same bits in every mode."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_mix._core.draw import random

DRAWS = 100_000
ALPHAS = [0.01, 0.1, 0.2, 1.0, 8.0]
SEEDS = [(0, 0), (1, 9), (-1, 7), (3, -5), (-(2**31), 2**31 - 1)]
UNLIKELY = 1e-4  # Seeds are fixed, so a test below this stays red and is no bad luck.
STANDARD_ERRORS = 4.5


def seed_of(*seed):
    return tf.constant(seed, tf.int32)


def for_seeds(draw, count):
    """What `draw` gives for each of `count` seeds."""
    seeds = tf.stack([tf.range(count), 7 * tf.range(count) - count], axis=1)
    signature = tf.TensorSpec(draw(seeds[0]).shape, draw(seeds[0]).dtype)
    return tf.function(lambda: tf.map_fn(draw, seeds, fn_output_signature=signature))().numpy()


def is_near(found, expected, count):
    """Whether a proportion among `count` draws is near its probability."""
    error = np.sqrt(expected * (1 - expected) / count)
    return abs(found - expected) <= STANDARD_ERRORS * error + 1e-9


# λ: Acceptance 4.


@pytest.fixture(scope="module", params=ALPHAS)
def drawn(request):
    return request.param, random.beta(seed_of(4, 2), request.param, DRAWS).numpy()


def test_beta_follows_its_distribution(drawn):
    # Nearer to 0 float32 has no normal numbers, nearer to 1 few: the next test weighs those.
    alpha, ratio = drawn
    low, high = np.finfo("float32").tiny, 1 - 2.0**-12
    below, above = stats.beta.cdf([low, high], alpha, alpha)
    interior = ratio[(ratio >= low) & (ratio <= high)]

    def cdf(x):
        return (stats.beta.cdf(x, alpha, alpha) - below) / (above - below)

    assert stats.kstest(interior, cdf).pvalue > UNLIKELY


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.0, float(np.finfo("float32").tiny)),  # What becomes 0.
        (0.0, 2.0**-12),
        (1 - 2.0**-12, 1.0),
        (1 - 2.0**-25, 1.0),  # What becomes 1.
    ],
)
def test_beta_has_its_mass_at_the_ends(drawn, low, high):
    alpha, ratio = drawn
    expected = stats.beta.cdf(high, alpha, alpha) - stats.beta.cdf(low, alpha, alpha)
    if high == 1.0:  # By symmetry, for the CDF near 1 has lost its digits.
        expected = stats.beta.cdf(1 - low, alpha, alpha)
    found = np.mean((ratio >= np.float32(low)) & (ratio <= np.float32(high)))
    # λ takes 2**14 equally likely values, so an end's mass is rounded to one of them.
    assert is_near(found, expected, DRAWS) or abs(found - expected) < 2.0**-15


def test_beta_is_symmetric(drawn):
    _, ratio = drawn
    assert is_near(np.mean(ratio < 0.5), 0.5, DRAWS)
    assert abs(ratio.mean() - 0.5) < STANDARD_ERRORS * ratio.std() / np.sqrt(DRAWS)


def test_beta_is_a_number_between_0_and_1(drawn):
    _, ratio = drawn
    assert ratio.dtype == "float32"
    assert np.isfinite(ratio).all()
    assert (ratio >= 0).all()
    assert (ratio <= 1).all()


def test_beta_does_not_pile_up_at_one_half(drawn):
    _, ratio = drawn
    assert np.mean(ratio == 0.5) < 1e-3


@pytest.mark.parametrize("alpha", [1e-30, 1e-4, 0.003, 50.0, 1e3, 1e6])
def test_beta_of_extreme_concentrations_keeps_its_variance(alpha):
    ratio = random.beta(seed_of(4, 2), alpha, DRAWS).numpy()
    assert np.isfinite(ratio).all()
    expected = 1 / (4 * (2 * alpha + 1))
    spread = np.sqrt(2 / DRAWS) if alpha > 1 else np.sqrt(1 / DRAWS)
    assert abs(ratio.astype("float64").var() / expected - 1) < STANDARD_ERRORS * spread + 1e-3


def test_beta_of_an_absurd_concentration_is_one_half():
    np.testing.assert_allclose(random.beta(seed_of(4, 2), 1e30, DRAWS), 0.5, atol=1e-3)


def test_beta_of_0_mixes_nothing():
    assert np.all(random.beta(seed_of(1, 2), 0, 1000) == 1)


PAIRS = [(0.2, 0.5), (2.0, 5.0), (5.0, 1.0), (0.01, 3.0)]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_beta_of_a_pair_has_its_quantiles(pair):
    found = np.sort(random._quantiles(pair))
    levels = (np.arange(2**14) + 0.5) / 2**14
    np.testing.assert_allclose(found, stats.beta.ppf(levels, *pair), rtol=1e-6, atol=2e-38)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_beta_of_a_pair_has_its_moments(pair):
    lam = random.beta(seed_of(4, 2), pair, DRAWS).numpy().astype("float64")
    mean, variance, kurtosis = (float(each) for each in stats.beta.stats(*pair, moments="mvk"))
    assert abs(lam.mean() - mean) < STANDARD_ERRORS * np.sqrt(variance / DRAWS)
    spread = variance * np.sqrt((kurtosis + 2) / DRAWS)
    assert abs(lam.var() - variance) < STANDARD_ERRORS * spread


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_beta_of_a_pair_seen_from_the_other_end_is_that_of_the_reversed_pair(pair):
    there, back = (np.sort(random._quantiles(each)) for each in (pair, pair[::-1]))
    np.testing.assert_allclose(there, 1 - back[::-1], rtol=0, atol=2.0**-24)


def test_beta_of_two_equal_concentrations_is_that_of_one():
    once, twice = (random.beta(seed_of(4, 2), each, DRAWS) for each in (0.3, (0.3, 0.3)))
    np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize(
    ("pair", "mean"),
    [((1e30, 2e30), 1 / 3), ((1e-30, 1.0), 0.0), ((1.0, 1e-30), 1.0), ((1e30, 1.0), 1.0)],
    ids=str,
)
def test_beta_of_an_absurd_pair_is_its_mean(pair, mean):
    np.testing.assert_allclose(random.beta(seed_of(4, 2), pair, DRAWS), mean, atol=1e-3)


@pytest.mark.parametrize("alpha", [*ALPHAS, *PAIRS], ids=str)
def test_the_major_weight_is_the_larger_of_the_two(alpha):
    lam = random.beta(seed_of(4, 2), alpha, DRAWS).numpy()
    major = random.beta(seed_of(4, 2), alpha, DRAWS, keep_major=True).numpy()
    np.testing.assert_array_equal(major, np.where(lam < 0.5, 1 - lam, lam))


# Weights of several sources: Dirichlet(a, b, …, b).

SEVERAL = [(0.2, 3), (1.0, 3), (4.0, 5), ((2.0, 0.5), 4)]


@pytest.fixture(scope="module", params=SEVERAL, ids=str)
def several(request):
    alpha, sources = request.param
    a, b = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    concentrations = np.array([a] + [b] * (sources - 1))
    weights = random.dirichlet(seed_of(4, 2), alpha, DRAWS, sources).numpy()
    return concentrations, weights


def test_dirichlet_weights_sum_to_1(several):
    concentrations, weights = several
    assert weights.shape == (DRAWS, len(concentrations))
    assert weights.dtype == "float32"
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1, dtype="float64"), 1, rtol=0, atol=2e-7)


def test_each_dirichlet_weight_has_its_beta_distribution(several):
    concentrations, weights = several
    for source, concentration in enumerate(concentrations):
        # Weights are 1 minus others, so float32 tells them apart down to 2**-24 and no further.
        low, high = 2.0**-12, 1 - 2.0**-12
        exact = stats.beta(concentration, concentrations.sum() - concentration)
        below, above = exact.cdf([low, high])
        inside = weights[(weights[:, source] > low) & (weights[:, source] < high), source]

        def cdf(x, exact=exact, below=below, above=above):
            return (exact.cdf(x) - below) / (above - below)

        assert stats.kstest(inside, cdf).pvalue > UNLIKELY
        assert is_near(np.mean(weights[:, source] <= low), below, DRAWS)


def test_dirichlet_weights_have_their_covariances(several):
    concentrations, weights = several
    mean = concentrations / concentrations.sum()
    expected = (np.diag(mean) - np.outer(mean, mean)) / (concentrations.sum() + 1)
    deviations = weights - mean
    products = deviations[:, :, None] * deviations[:, None]
    error = STANDARD_ERRORS * products.std(axis=0) / np.sqrt(DRAWS)
    assert (np.abs(products.mean(axis=0) - expected) < error).all()


def test_two_dirichlet_weights_are_lambda_and_the_rest():
    for alpha in (0.4, (2.0, 5.0)):
        lam = random.beta(seed_of(4, 2), alpha, 1000).numpy()
        weights = random.dirichlet(seed_of(4, 2), alpha, 1000, 2)
        np.testing.assert_array_equal(weights, np.stack([lam, 1 - lam], axis=1))


def test_dirichlet_of_0_mixes_nothing():
    weights = random.dirichlet(seed_of(1, 2), 0.0, 100, 3)
    np.testing.assert_array_equal(weights, np.tile([1, 0, 0], (100, 1)))


@pytest.mark.parametrize("sources", [2, 3, 5])
def test_the_largest_dirichlet_weight_comes_first_and_the_others_stay(sources):
    drawn, major = (
        random.dirichlet(seed_of(4, 2), 1.0, 5000, sources, keep_major).numpy()
        for keep_major in (False, True)
    )
    for before, after in zip(drawn, major, strict=True):
        expected = before.copy()
        largest = before.argmax()
        expected[[0, largest]] = before[[largest, 0]]
        np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("alphas", [(0.2, 1.5), (1.0, (2.0, 5.0)), ((3.0, 1.0), 0.0)], ids=str)
def test_a_concentration_changes_without_a_new_trace(alphas):
    traces = []
    changing = random.Concentration(alphas[0])
    changing.prepare(4)

    @tf.function
    def draw(seed):
        traces.append(seed)
        return random.beta(seed, changing, 50), random.dirichlet(seed, changing, 50, 4)

    for alpha in alphas:
        changing.assign(alpha)
        lam, weights = draw(seed_of(3, 4))
        np.testing.assert_array_equal(lam, random.beta(seed_of(3, 4), alpha, 50))
        np.testing.assert_array_equal(weights, random.dirichlet(seed_of(3, 4), alpha, 50, 4))
    assert len(traces) == 1


# Bits, and what is made of them.


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


# Pairings.

PAIRINGS = ["shuffle", "derange", "reverse", "roll"]


def pair(seed, pairing, size, donors=None, has_second_batch=False):
    return random.partners(seed, pairing, size, donors or size, has_second_batch)


@pytest.mark.parametrize("size", [3, 4, 7])
@pytest.mark.parametrize("pairing", ["shuffle", "derange"])
def test_partners_are_equally_likely(pairing, size):
    partners = for_seeds(partial(pair, pairing=pairing, size=size), 4000)
    for i, column in enumerate(partners.T):
        counts = np.bincount(column, minlength=size)
        allowed = [j for j in range(size) if j != i or pairing == "shuffle"]
        assert counts.sum() == counts[allowed].sum()
        assert stats.chisquare(counts[allowed]).pvalue > UNLIKELY / size


@pytest.mark.parametrize(("pairing", "possible"), [("shuffle", 24), ("derange", 6)])
def test_permutations_are_equally_likely(pairing, possible):
    # Of 4 samples there are 4! permutations, and 3! cycles through all.
    partners = for_seeds(partial(pair, pairing=pairing, size=4), 4000)
    _, counts = np.unique(partners, axis=0, return_counts=True)
    assert len(counts) == possible
    assert stats.chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("size", range(1, 10))
def test_derange_pairs_nobody_with_itself(size):
    partners = for_seeds(partial(pair, pairing="derange", size=size), 200)
    assert (np.sort(partners, axis=1) == np.arange(size)).all()
    assert size == 1 or (partners != np.arange(size)).all()


@pytest.mark.parametrize(
    ("pairing", "expected"), [("reverse", [4, 3, 2, 1, 0]), ("roll", [1, 2, 3, 4, 0])]
)
def test_fixed_pairings(pairing, expected):
    assert pair(seed_of(1, 2), pairing, 5).numpy().tolist() == expected


@pytest.mark.parametrize(
    ("pairing", "expected"),
    [
        ("reverse", [[4, 3, 2, 1, 0], [3, 2, 1, 0, 4], [2, 1, 0, 4, 3]]),
        ("roll", [[1, 2, 3, 4, 0], [2, 3, 4, 0, 1], [3, 4, 0, 1, 2]]),
    ],
)
def test_fixed_pairings_go_one_sample_further_for_each_partner(pairing, expected):
    found = [random.partners(seed_of(1, 2), pairing, 5, 5, False, n) for n in (1, 2, 3)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("pairing", ["reverse", "roll"])
def test_further_partners_of_few_donors_are_all_in_their_batch(pairing):
    found = [random.partners(seed_of(1, 2), pairing, 5, 2, True, n) for n in (1, 2, 3)]
    assert set(np.ravel(found)) == {0, 1}


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(("size", "donors"), [(5, 3), (3, 5), (4, 4), (1, 1), (3, 1)])
def test_donors_of_another_batch_are_all_in_it(pairing, size, donors):
    partners = for_seeds(
        partial(pair, pairing=pairing, size=size, donors=donors, has_second_batch=True), 20
    )
    assert partners.shape == (20, size)
    assert ((partners >= 0) & (partners < donors)).all()
    # Nobody is taken twice before all others have been taken once.
    counts = [np.bincount(row, minlength=donors) for row in partners]
    assert np.ptp(counts, axis=1).max() <= 1


@pytest.mark.parametrize("pairing", ["shuffle", "derange"])
def test_donors_of_another_batch_are_equally_likely(pairing):
    draw = partial(pair, pairing=pairing, size=3, donors=5, has_second_batch=True)
    for column in for_seeds(draw, 2000).T:
        assert stats.chisquare(np.bincount(column, minlength=5)).pvalue > UNLIKELY


def test_probability_library_is_imported_at_the_first_draw():
    script = """
        import sys, keras_mix.layers, tensorflow as tf
        tfp = lambda: "tensorflow_probability" in sys.modules
        layer = keras_mix.layers.MixUp(alpha=0.3)
        before = tfp()
        layer(tf.ones([2, 3]))
        print(before, tfp())
    """.replace("\n        ", "\n")
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["False", "True"]
