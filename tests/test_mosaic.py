"""Mosaic: four whole images around a point. The laws of all: test_contract_*."""

import numpy as np
import oracles
import pytest
from contract import sampled, seed_of
from scipy import stats

from keras_mix.layers import Mosaic

UNLIKELY = 1e-4
GRIDS = [(2, 2), (3, 8), (33, 47)]


def corners(plan):
    """int [B, 2], where the lower right quarter begins."""
    return plan.placement.frames[:, 3, :2].numpy().astype(int)


@pytest.mark.parametrize("offset", [(0.25, 0.75), (0, 1)])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_quarters_hold_four_whole_sources(grid, offset):
    plan = sampled(Mosaic(offset=offset), 64, grid)
    height, width = grid
    for (y, x), region, placed in zip(
        corners(plan), plan.region.dense(), plan.placement.frames, strict=True
    ):
        assert 1 <= y < height
        assert 1 <= x < width
        np.testing.assert_array_equal(region, oracles.blocks((y, x), grid))
        whole = [
            (0, 0, y, x),
            (0, x, y, width - x),
            (y, 0, height - y, x),
            (y, x, height - y, width - x),
        ]
        np.testing.assert_array_equal(placed, whole)
    areas = oracles.count(plan.region.dense().numpy(), 4) / np.prod(grid)
    np.testing.assert_allclose(plan.weights, areas, rtol=0, atol=2e-7)
    assert (areas > 0).all()


@pytest.mark.parametrize("axis", [0, 1], ids=["y", "x"])
def test_point_is_uniform_between_its_offsets(axis):
    grid = (81, 61)
    found = corners(sampled(Mosaic(offset=(0.2, 0.8)), 2000, grid))[:, axis]
    low, high = 0.2 * grid[axis], 0.8 * grid[axis]
    # Spread over the pixels that were rounded to it.
    spread = found + np.random.default_rng(0).random(2000) - 0.5
    inside = (spread > low + 0.5) & (spread < high - 0.5)
    assert inside.mean() > 0.94
    assert stats.kstest(spread[inside], "uniform", (low + 0.5, high - low - 1)).pvalue > UNLIKELY
    assert found.min() >= np.floor(low)
    assert found.max() <= np.ceil(high)


def test_both_coordinates_are_unrelated():
    y, x = corners(sampled(Mosaic(), 2000, (40, 30))).T
    assert stats.spearmanr(y, x).pvalue > UNLIKELY


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("shape", [(9, 13, 3), (12, 8, 1)], ids=str)
def test_images_are_resized_into_their_quarters_pixel_by_pixel(shape, per):
    layer = Mosaic(per=per)
    images = np.random.default_rng(0).random((5, *shape), np.float32)
    plan = layer.plan(images, seed_of())
    region = np.broadcast_to(plan.region.dense(), (5, *shape[:2]))
    placement = np.broadcast_to(plan.placement.frames, (5, 4, 4))
    mixed, _ = layer(images, np.eye(5, dtype="f4"), seed=seed_of())
    expected = oracles.paste(images, plan.sources.numpy(), region, placement)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)


def test_masks_take_the_nearest_class_of_their_quarters():
    images = np.random.default_rng(0).random((5, 9, 13, 3), np.float32)
    masks = np.random.default_rng(1).integers(0, 50, (5, 9, 13), "int32")
    layer = Mosaic()
    plan = layer.plan(images, seed_of())
    _, mixed = layer(images, masks, seed=seed_of())
    arrays = plan.sources.numpy(), plan.region.dense().numpy(), plan.placement.frames.numpy()
    np.testing.assert_array_equal(mixed, oracles.paste(masks, *arrays, nearest=True))


def test_halves_keep_the_mean_of_every_source():
    # Shrunk to a half, each place is the mean of two pixels along each axis.
    images = np.random.default_rng(0).random((6, 16, 8, 1), np.float32)
    layer = Mosaic(offset=(0.5, 0.5))
    mixed, _ = layer(images, np.eye(6, dtype="f4"), seed=seed_of())
    sources = layer.plan(images, seed_of()).sources.numpy()
    halves = images.reshape(6, 8, 2, 4, 2).mean(axis=(2, 4))
    top, bottom = (np.concatenate([halves[sources[:, s]] for s in row], axis=2) for row in ROWS)
    expected = np.concatenate([top, bottom], axis=1)
    np.testing.assert_allclose(mixed[..., 0], expected, atol=1e-6)


ROWS = (0, 1), (2, 3)


def test_offsets_of_nothing_and_of_everything_leave_a_row_and_a_column():
    for offset, corner in [((0, 0), (1, 1)), ((1, 1), (8, 12))]:
        found = corners(sampled(Mosaic(offset=offset), 4, (9, 13)))
        np.testing.assert_array_equal(found, [corner] * 4)


def test_one_point_for_the_batch():
    plan = sampled(Mosaic(per="batch"), 9, (33, 47))
    assert len(plan.placement.frames) == 1
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9
