"""SmoothMix: a partner under a Gaussian spot. The laws of all: test_contract_*."""

import numpy as np
import oracles
import pytest
from contract import sampled, seed_of
from scipy import stats

from keras_mix._core.draw import random
from keras_mix.layers import SmoothMix

UNLIKELY = 1e-4
GRIDS = [(1, 1), (3, 8), (33, 47)]


def spots(layer, size, grid):
    """The spots of the definition, around the centres and of the widths drawn."""
    _, place, width = random.split(seed_of(), 3)
    low, high = layer.sigma
    sigmas = low + (high - low) * random.uniform(width, [size]).numpy()
    centres = random.points(place, size, grid).numpy()
    return np.array([oracles.spot(c, float(s), grid) for c, s in zip(centres, sigmas, strict=True)])


@pytest.mark.parametrize("sigma", [(0.25, 0.5), (0.05, 0.05), (0.01, 3.0)])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_region_is_the_gaussian_of_the_definition(grid, sigma):
    layer = SmoothMix(sigma=sigma)
    plan = sampled(layer, 12, grid)
    expected = spots(layer, 12, grid)
    np.testing.assert_allclose(plan.region.dense()[..., 1], expected, atol=1e-6)
    np.testing.assert_allclose(plan.region.dense()[..., 0], 1 - expected, atol=1e-6)
    np.testing.assert_allclose(plan.weights[:, 1], expected.mean(axis=(1, 2)), atol=1e-6)


def test_label_is_the_mean_of_the_spot():
    images = np.random.default_rng(0).random((6, 9, 13, 3), np.float32)
    layer = SmoothMix(num_classes=6)
    mixed, labels = layer(images, np.arange(6), seed=seed_of())
    partner = np.eye(6)[layer.plan(images, seed_of()).sources[:, 1].numpy()]
    spot = spots(layer, 6, (9, 13))[..., None]
    expected = (1 - spot) * images + spot * np.tensordot(partner, images, 1)
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    mean = spot.mean(axis=(1, 2))
    np.testing.assert_allclose(labels, (1 - mean) * np.eye(6) + mean * partner, atol=1e-6)


def test_centre_is_any_pixel():
    region = sampled(SmoothMix(), 4000, (5, 8)).region.dense().numpy()[..., 1].reshape(4000, -1)
    counts = np.bincount(region.argmax(axis=1), minlength=40)
    assert stats.chisquare(counts).pvalue > UNLIKELY
    np.testing.assert_array_equal(region.max(axis=1), 1)


def test_width_is_uniform():
    region = sampled(SmoothMix(sigma=(0.1, 0.3)), 2000, (40, 40)).region.dense().numpy()[..., 1]
    # Next to the centre a spot is exp(-1 / (2 (40 σ)²)).
    rows = region.max(axis=2)
    beside = np.sort(rows, axis=1)[:, -2].astype("float64")
    sigma = np.sqrt(-1 / (2 * np.log(beside))) / 40
    assert stats.kstest(sigma, "uniform", (0.1, 0.2)).pvalue > UNLIKELY


def test_one_spot_for_the_batch():
    plan = sampled(SmoothMix(per="batch"), 9, (33, 47))
    assert plan.region.dense().shape == (1, 33, 47, 2)
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9


def test_default_is_the_papers_choice():
    assert SmoothMix().sigma == (0.25, 0.5)
