"""CowMix: patches of filtered noise. The laws of all: test_contract_*. The field: test_fields."""

import numpy as np
import pytest
from contract import sampled, seed_of
from scipy import ndimage, stats

from keras_mix._core.draw import random
from keras_mix.layers import CowMix

UNLIKELY = 1e-4
both = pytest.mark.parametrize("wrap", [False, True])


def borders(sigma, grid=(64, 64)):
    """How many pixels differ from the next of their row, in a mask on a torus on average."""
    layer = CowMix(fraction=(0.5, 0.5), sigma=(sigma, sigma), wrap=True)
    region = sampled(layer, 128, grid).region.dense().numpy()
    return np.mean(np.sum(region != np.roll(region, 1, axis=2), axis=(1, 2)))


@both
@pytest.mark.parametrize("share", [(0.2, 0.8), (0.3, 0.3), (0, 1)])
@pytest.mark.parametrize("grid", [(1, 1), (9, 9), (33, 47), (224, 160)], ids=str)
def test_share_is_that_drawn_rounded_to_pixels(grid, share, wrap):
    region = sampled(CowMix(fraction=share, wrap=wrap), 64, grid).region.dense().numpy()
    _, rest = random.split(seed_of(), 2)
    chance, _, _ = random.split(rest, 3)
    low, high = np.float32(share)
    drawn = low + (high - low) * random.uniform(chance, [64]).numpy()
    expected = drawn.astype("f8") * np.prod(grid)
    # Only where it lies between two numbers may float32 round it either way.
    assert abs(region.sum(axis=(1, 2)) - expected).max() <= 0.5 + 1e-2


def test_share_is_uniform():
    share = sampled(CowMix(), 2000, (64, 64)).weights[:, 1]
    assert stats.kstest(share, "uniform", (0.2, 0.6)).pvalue > UNLIKELY


def test_patches_grow_with_the_filter():
    found = [borders(sigma) for sigma in (0.02, 0.04, 0.08, 0.16, 0.3)]
    assert found == sorted(found, reverse=True)
    # Of filtered noise, twice the width of the filter halves the borders.
    ratios = np.array(found[:2]) / found[1:3]
    np.testing.assert_allclose(ratios, 2, rtol=0.1)


def test_borders_are_as_many_as_those_of_filtered_noise():
    # Rice's formula: a Gaussian field crosses its mean 1 / (√2 π σ) times a unit of length.
    sigma, side = 0.04, 64
    expected = side * side / (np.sqrt(2) * np.pi * sigma * side)
    assert abs(borders(sigma) / expected - 1) < 0.05


def test_filter_is_a_share_of_the_longer_side():
    assert abs(borders(0.04, (32, 64)) / borders(0.04, (64, 64)) - 0.5) < 0.03


@both
def test_patches_have_the_same_width_in_both_directions(wrap):
    region = sampled(CowMix(sigma=(0.05, 0.1), wrap=wrap), 256, (64, 64)).region.dense().numpy()
    across, down = (np.sum(region != np.roll(region, 1, axis=axis), axis=(1, 2)) for axis in (1, 2))
    error = np.hypot(across.std(), down.std()) / np.sqrt(256)
    assert abs(across.mean() - down.mean()) < 4.5 * error


@both
def test_every_pixel_is_reached_as_often(wrap):
    often = sampled(CowMix(wrap=wrap), 4000, (9, 12)).region.dense().numpy().mean(axis=0)
    assert abs(often - 0.5).max() < 5 * 0.5 / np.sqrt(4000)


def mask_of_the_authors(rng, side):
    """bool [side, side], by the steps of the authors' code: noise that ends at the borders."""
    sigma = np.exp(rng.uniform(np.log(4), np.log(16)))
    share = rng.uniform(0.2, 0.8)
    field = ndimage.gaussian_filter(
        rng.normal(size=(side, side)), sigma, mode="constant", truncate=6
    )
    return field <= field.mean() + field.std() * stats.norm.ppf(share)


def test_as_many_masks_are_in_one_piece_as_the_authors():
    count = 1500
    rng = np.random.default_rng(0)
    theirs = [ndimage.label(mask_of_the_authors(rng, 32))[1] == 1 for _ in range(count)]
    for grid in ((32, 32), (50, 50)):
        region = sampled(CowMix(), count, grid).region.dense().numpy()
        ours = [ndimage.label(mask)[1] == 1 for mask in region]
        error = np.sqrt(2 * 0.65 * 0.35 / count)
        assert abs(np.mean(ours) - np.mean(theirs)) < 4.5 * error
    torus = sampled(CowMix(wrap=True), count, (32, 32)).region.dense().numpy()
    assert np.mean([ndimage.label(mask)[1] == 1 for mask in torus]) < 0.45


def test_one_mask_for_the_batch():
    plan = sampled(CowMix(per="batch"), 9, (33, 47))
    assert len(plan.region.dense()) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9


def test_defaults_are_the_authors_choices():
    layer = CowMix()
    assert (layer.fraction, layer.sigma, layer.wrap) == ((0.2, 0.8), (0.125, 0.5), False)
