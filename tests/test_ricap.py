"""RICAP: four crops around a point. The laws of all: test_contract_*."""

import itertools

import numpy as np
import oracles
import pytest
from contract import sampled, seed_of
from scipy import stats

from keras_mix._core.draw import random
from keras_mix.layers import RICAP

UNLIKELY = 1e-4
GRIDS = [(2, 2), (3, 8), (33, 47)]


def corners(region):
    """int [B, 2], where the lower right block begins, from the sizes of the upper left one."""
    sides = [(region[:, 0] % 2 == 0).sum(axis=1), (region[:, :, 0] < 2).sum(axis=1)]
    return np.stack(sides[::-1], axis=1)


def frames(corner, grid):
    """The four blocks around a point: first and end place of each, [4, 2]."""
    (y, x), (height, width) = corner, grid
    first = np.array([(0, 0), (0, x), (y, 0), (y, x)])
    return first, np.array([(y, x), (y, width), (height, x), (height, width)])


def origins(plan, grid):
    """Of each sample's crops: their origin in the source, and how many places it had."""
    for placement, corner in zip(
        plan.placement.frames.numpy(), corners(plan.region.dense().numpy()), strict=True
    ):
        first, end = frames(corner, grid)
        yield first - placement, np.array(grid) - (end - first) + 1


@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_region_is_four_blocks(grid, alpha):
    plan = sampled(RICAP(alpha=alpha), 64, grid)
    region = plan.region.dense().numpy()
    expected = [oracles.blocks(corner, grid) for corner in corners(region)]
    np.testing.assert_array_equal(region, expected)
    areas = oracles.count(region, 4) / np.prod(grid)
    np.testing.assert_allclose(plan.weights, areas, rtol=0, atol=2e-7)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_sides_are_shares_rounded_to_pixels(grid):
    region = sampled(RICAP(), 64, grid).region.dense().numpy()
    *shares, _, _ = random.split(seed_of(), 4)
    drawn = [random.beta(share, 0.3, 64).numpy() for share in shares]
    expected = [np.rint(part * np.float32(n)) for part, n in zip(drawn, grid, strict=True)]
    np.testing.assert_array_equal(corners(region), np.stack(expected, axis=1))


def test_sides_follow_their_beta_independently():
    grid = (101, 61)
    found = corners(sampled(RICAP(), 2000, grid).region.dense().numpy())
    for side, size in zip(found.T, grid, strict=True):
        edges = (np.arange(0, size + 2) - 0.5) / size
        expected = np.diff(stats.beta.cdf(edges, 0.3, 0.3))
        # The ends, which have the most mass, and ten parts between them.
        groups = np.r_[0, 1 + np.arange(size - 1) * 10 // (size - 1), 11]
        expected = np.bincount(groups, expected) * 2000
        counts = np.bincount(groups[side], minlength=12)
        assert stats.chisquare(counts, expected).pvalue > UNLIKELY
    assert stats.spearmanr(*found.T).pvalue > UNLIKELY


@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_crops_lie_within_their_sources(grid, alpha):
    plan = sampled(RICAP(alpha=alpha), 512, grid)
    for origin, places in origins(plan, grid):
        assert (origin >= 0).all()
        assert (origin < places).all()


def test_origins_are_uniform_over_the_places_where_a_crop_fits():
    grid = (50, 40)
    found = list(origins(sampled(RICAP(alpha=1.0), 2000, grid), grid))
    rng = np.random.default_rng(0)
    # Spread over its pixel, an origin is uniform from 0 to 1.
    spread = np.array([(origin + rng.random((4, 2))) / places for origin, places in found])
    for block in range(4):
        for axis in range(2):
            assert stats.kstest(spread[:, block, axis], "uniform").pvalue > UNLIKELY
    flat = spread.reshape(len(spread), -1)
    unrelated = [stats.spearmanr(flat[:, a], flat[:, b]).pvalue for a in range(8) for b in range(a)]
    assert min(unrelated) > UNLIKELY / len(unrelated)


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("shape", [(9, 13, 3), (9, 13), (13, 6, 1)], ids=str)
def test_images_are_pasted_pixel_by_pixel_as_the_plan_says(shape, per):
    layer = RICAP(alpha=2.0, per=per)
    images = np.random.default_rng(0).random((6, *shape), np.float32)
    plan = layer.plan(images[..., None] if len(shape) == 2 else images, seed_of())
    region = np.broadcast_to(plan.region.dense(), (6, *shape[:2]))
    placement = np.broadcast_to(plan.placement.frames, (6, 4, 2))
    mixed, _ = layer(images, np.eye(6, dtype="f4"), seed=seed_of())
    expected = oracles.paste(images, plan.sources.numpy(), region, placement, nearest=True)
    np.testing.assert_array_equal(mixed, expected)


def test_every_block_is_a_piece_of_its_source():
    # A pixel names its sample, row and column.
    grid, size = (12, 17), 7
    named = np.stack(np.meshgrid(*map(np.arange, (size, *grid)), indexing="ij"), axis=-1)
    layer = RICAP(alpha=2.0)
    mixed, _ = layer(named.astype("uint8"), np.eye(size, dtype="f4"), seed=seed_of())
    plan = layer.plan(named.astype("uint8"), seed_of())
    for image, sources, corner in zip(
        mixed.numpy(), plan.sources.numpy(), corners(plan.region.dense().numpy()), strict=True
    ):
        for source, first, end in zip(sources, *frames(corner, grid), strict=True):
            piece = image[first[0] : end[0], first[1] : end[1]].astype(int)
            if piece.size:
                assert (piece[..., 0] == source).all()
                origin = piece[0, 0, 1:]
                steps = np.stack(np.indices(piece.shape[:2]), axis=-1)
                np.testing.assert_array_equal(piece[..., 1:], origin + steps)


def test_masks_are_cropped_with_their_images():
    images = np.random.default_rng(0).integers(0, 256, (7, 12, 9, 1), "uint8")
    masks = images[..., 0].astype("int32")
    mixed, cropped = RICAP(alpha=2.0)(images, masks, seed=seed_of())
    np.testing.assert_array_equal(cropped, mixed[..., 0])


def test_four_partners_are_drawn_independently():
    sources = sampled(RICAP(), 2000, (4, 4)).sources.numpy()
    np.testing.assert_array_equal(sources[:, 0], np.arange(2000))
    for a in range(1, 4):
        np.testing.assert_array_equal(np.sort(sources[:, a]), np.arange(2000))
        for b in range(a):
            assert stats.spearmanr(sources[:, a], sources[:, b]).pvalue > UNLIKELY


def test_one_point_for_the_batch():
    plan = sampled(RICAP(per="batch"), 9, (33, 47))
    assert len(plan.placement.frames) == len(plan.region.dense()) == 1
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9


def test_default_is_the_papers_choice():
    assert RICAP().alpha == 0.3


def sources_of_the_authors(rng, size):
    """int [size, 4], from which samples four independent shuffles take the crops."""
    return np.stack([rng.permutation(size) for _ in range(4)], axis=1)


def coincidences(sources):
    """In how many pairs of crops of a sample both are of one source."""
    return sum((a == b).sum() for a, b in itertools.combinations(sources.T, 2))


def test_batches_have_the_law_of_the_authors_but_for_their_order():
    # In the order of their upper left crops, which are the samples' own here.
    size, count = 64, 20
    rng = np.random.default_rng(0)
    found = np.zeros((2, count))
    for number in range(count):
        theirs = sources_of_the_authors(rng, size)
        theirs = theirs[np.argsort(theirs[:, 0])]
        ours = sampled(RICAP(), size, (4, 4), seed=(number, 7)).sources.numpy()
        np.testing.assert_array_equal(theirs[:, 0], ours[:, 0])
        for sources in (theirs, ours):
            every = np.tile(np.arange(size)[:, None], 4)
            np.testing.assert_array_equal(np.sort(sources, axis=0), every)
        found[:, number] = coincidences(theirs), coincidences(ours)
    # Two shuffles have one element in common on average, with a variance of 1: here six pairs.
    assert (abs(found.mean(axis=1) - 6) < 4.5 * np.sqrt(6 / count)).all()
