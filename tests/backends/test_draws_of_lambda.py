"""λ on every backend: the table of its quantiles, its law, and its storage in a model."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import special, stats

from keras_mix._core import incomplete_beta, lambda_quantiles
from keras_mix._core.draw import random
from keras_mix.models import MixingModel

DRAWS = 2**16
ALPHAS = [0.01, 0.2, 1.0, 2.0, 8.0, (0.5, 2.0), (5.0, 0.1)]


def drawn(alpha, **options):
    seed = random.begin(keras.random.SeedGenerator(5))
    return keras.ops.convert_to_numpy(random.beta(seed, alpha, DRAWS, **options))


@pytest.mark.parametrize(
    ("a", "b"),
    [(0.2, 0.2), (0.01, 0.01), (3.0, 3.0), (0.2, 5.0), (5.0, 0.2), (50.0, 0.1), (1e6, 3e6)],
)
def test_the_inverse_is_that_of_scipy(a, b):
    levels = (np.arange(2**14) + 0.5) / 2**14
    x, y = incomplete_beta.inverse(a, b, levels), incomplete_beta.inverse(b, a, levels)[::-1]
    expected, complement = special.betaincinv(a, b, levels), special.betaincinv(b, a, levels)[::-1]
    # Each is accurate near its own end.
    near_0, near_1 = x < 0.5, y < 0.5
    assert (near_0 | near_1).all()
    np.testing.assert_allclose(x[near_0], expected[near_0], rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(y[near_1], complement[near_1], rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("alpha", ALPHAS, ids=str)
def test_lambda_follows_beta(alpha):
    lam = drawn(alpha).astype("float64")
    a, b = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    mean, variance, kurtosis = (float(each) for each in stats.beta.stats(a, b, moments="mvk"))
    assert abs(lam.mean() - mean) < 4.5 * np.sqrt(variance / DRAWS)
    assert abs(lam.var() - variance) < 4.5 * variance * np.sqrt((kurtosis + 2) / DRAWS)
    # Massart's bound of the largest error of the CDF, at 1e-5, and that of the table. Near 1
    # float32 has few numbers, which collect what is nearer to them than to others.
    grid = np.linspace(0.002, 0.998, 499)
    found = np.searchsorted(np.sort(lam), grid, side="right") / DRAWS
    bound = np.sqrt(np.log(2 / 1e-5) / (2 * DRAWS)) + 2.0**-15
    assert np.abs(found - stats.beta.cdf(grid, a, b)).max() < bound


def test_lambda_takes_the_values_of_the_table_and_no_others():
    table = lambda_quantiles.table(0.2, incomplete_beta.inverse)
    lam = drawn(0.2)
    assert lam.dtype == "float32"
    assert np.isin(lam, table).all()
    # Of 2**16 draws e^-4 of the values are missed.
    assert len(np.unique(lam)) > 0.95 * len(np.unique(table))
    np.testing.assert_array_equal(drawn(0.2, keep_major=True), np.maximum(lam, 1 - lam))


@pytest.mark.parametrize("alpha", [5e-324, 1e-30, 1e-7])
def test_a_tiny_concentration_draws_exactly_0_and_1(alpha):
    lam = drawn(alpha)
    assert set(np.unique(lam)) == {0.0, 1.0}
    assert abs(lam.mean() - 0.5) < 4.5 * np.sqrt(0.25 / DRAWS)


def test_0_draws_1_and_a_huge_concentration_one_half():
    assert (drawn(0.0) == 1).all()
    np.testing.assert_allclose(drawn(1e30), 0.5, atol=1e-3)


def test_a_concentration_that_changes_draws_as_one_that_does_not():
    changing = random.Concentration(0.3)
    for alpha in (0.3, 2.0, (0.5, 2.0), 0.0):
        changing.assign(alpha)
        np.testing.assert_array_equal(drawn(changing), drawn(alpha))


def model(alpha):
    base = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    return MixingModel(base, alpha=alpha)


def test_the_table_of_a_model_is_no_weight_and_follows_what_is_loaded(tmp_path):
    one, other = model(0.3), model(2.0)
    assert max(np.prod(weight.shape) for weight in one.weights) == 4
    assert one.count_params() == 6 + 4
    one.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(drawn(other.dials.concentration), drawn(0.3))


def test_training_draws_by_weights_that_were_assigned_one_by_one():
    one, other = model((0.5, 4.0)), model(2.0)
    for variable, source in zip(other.weights, one.weights, strict=True):
        variable.assign(source)
    other.compile("sgd", "mse")
    other.train_on_batch(np.zeros((4, 2), "float32"), np.zeros((4, 2), "float32"))
    np.testing.assert_array_equal(drawn(other.dials.concentration), drawn((0.5, 4.0)))


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="only PyTorch models have a state_dict"
)
def test_the_table_is_not_in_a_state_dict():
    trained = model(0.3)
    trained.compile("sgd", "mse")
    trained.train_on_batch(np.zeros((4, 2), "float32"), np.zeros((4, 2), "float32"))
    assert max(tensor.numel() for tensor in trained.state_dict().values()) == 4
