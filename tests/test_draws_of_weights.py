"""λ and the weights of several sources: Beta and Dirichlet, of every concentration."""

import fractions
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from distributions import ALPHAS, DRAWS, PAIRS, SEVERAL, STANDARD_ERRORS, UNLIKELY, is_near, seed_of
from scipy import stats

from keras_mix._core import incomplete_beta, lambda_quantiles
from keras_mix._core.draw import random

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("least", [5e-324, 1e-320, 1e-308, 1e-300, 1e-100, 1e-10])
@pytest.mark.parametrize("most", [5e-324, 1e-320, 1e-300, 1.0, 1e100, 1e300])
def test_beta_of_absurd_pairs_has_its_mean(least, most):
    for a, b in ((least, most), (most, least)):
        mean = float(fractions.Fraction(a) / (fractions.Fraction(a) + fractions.Fraction(b)))
        lam = random.beta(seed_of(4, 2), (a, b), DRAWS).numpy().astype("float64")
        # The variance of a λ of 0 or 1 is the largest of all.
        assert abs(lam.mean() - mean) <= 1e-4 + STANDARD_ERRORS * np.sqrt(mean * (1 - mean) / DRAWS)
        assert ((lam >= 0) & (lam <= 1)).all()


def test_beta_of_0_mixes_nothing():
    assert np.all(random.beta(seed_of(1, 2), 0, 1000) == 1)


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


@pytest.mark.parametrize("alpha", [1e-300, 1e-6, 0.003, *ALPHAS, 1.5, 100.0, 1e5])
def test_the_table_of_other_backends_is_that_of_tensorflow_probability(alpha):
    table = lambda_quantiles.table(alpha, incomplete_beta.inverse)
    np.testing.assert_array_equal(table, random._quantiles(alpha))


@pytest.mark.parametrize(
    "pair", [*PAIRS, (1e-3, 5.0), (0.1, 50.0), (3.0, 1e4), (1.0, 0.2)], ids=str
)
def test_the_table_of_a_pair_on_other_backends_is_the_nearest(pair):
    table = lambda_quantiles.table(pair, incomplete_beta.inverse)
    np.testing.assert_array_max_ulp(table, random._quantiles(pair), maxulp=1)
    assert np.mean(table != random._quantiles(pair)) < 1e-3


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
