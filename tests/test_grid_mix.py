"""GridMix: whole cells of a partner. The laws of all: test_contract_*."""

import numpy as np
import pytest
from contract import sampled, seed_of
from scipy import stats

from keras_mix._core.draw import random
from keras_mix.layers import GridMix

UNLIKELY = 1e-4


def cut(size, count):
    """The first place of each of `count` parts, and the end: as equal as places allow."""
    return [-(-cell * size // count) for cell in range(count + 1)]


def owners(region, rows, columns):
    """bool [B, rows, columns], who has each cell; that it is one of the two for all places."""
    down, across = cut(region.shape[1], rows), cut(region.shape[2], columns)
    result = np.empty((len(region), rows, columns), bool)
    for row, column in np.ndindex(rows, columns):
        cell = region[:, down[row] : down[row + 1], across[column] : across[column + 1]]
        cell = cell.reshape(len(region), -1)
        assert (cell == cell[:, :1]).all()
        result[:, row, column] = cell[:, 0]
    return result


@pytest.mark.parametrize("cells", [1, 3, 4, (2, 7)])
@pytest.mark.parametrize("grid", [(7, 7), (33, 47), (32, 64)], ids=str)
def test_cells_are_whole_and_as_many_as_drawn(grid, cells):
    layer = GridMix(cells=cells)
    plan = sampled(layer, 64, grid)
    found = owners(plan.region.dense().numpy(), *layer.cells)
    _, share, _ = random.split(seed_of(), 3)
    ratio = random.beta(share, 1.0, 64).numpy()
    count = np.rint((1 - ratio) * np.float32(np.prod(layer.cells)))
    np.testing.assert_array_equal(found.sum(axis=(1, 2)), count)
    area = plan.region.dense().numpy().mean(axis=(1, 2))
    np.testing.assert_allclose(plan.weights[:, 1], area, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("size", "count"), [(32, 4), (33, 4), (7, 7), (47, 5)])
def test_cells_differ_by_a_pixel_at_most(size, count):
    assert np.ptp(np.diff(cut(size, count))) <= 1


def test_every_cell_is_as_likely_and_none_depends_on_the_next():
    found = owners(sampled(GridMix(alpha=1e6, cells=4), 2000, (8, 8)).region.dense().numpy(), 4, 4)
    # Nearly λ = ½, so 8 of 16.
    np.testing.assert_array_equal(found.sum(axis=(1, 2)), np.full(2000, 8))
    assert abs(found.mean(axis=0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(2000)
    together = found.reshape(2000, 16).astype("f8")
    together = (together.T @ together / 2000)[~np.eye(16, dtype=bool)]
    # Of 8 in 16, a second one is one of the 7 left in 15.
    expected = 0.5 * 7 / 15
    assert abs(together - expected).max() < 5 * np.sqrt(expected * (1 - expected) / 2000)


def test_more_cells_than_pixels_are_those_that_have_a_pixel():
    plan = sampled(GridMix(cells=50), 64, (5, 8))
    area = plan.region.dense().numpy().mean(axis=(1, 2))
    np.testing.assert_allclose(plan.weights[:, 1], area, rtol=0, atol=1e-7)


def test_share_of_many_cells_is_uniform():
    share = sampled(GridMix(cells=40), 2000, (40, 40)).weights[:, 1]
    assert stats.kstest(share, "uniform").pvalue > UNLIKELY


def test_one_choice_for_the_batch():
    plan = sampled(GridMix(per="batch"), 9, (33, 47))
    assert len(plan.region.dense()) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9
