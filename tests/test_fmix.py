"""FMix: the partner shows where a smooth field is highest. The fields: test_fields."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import sampled, seed_of
from scipy import stats

from keras_mix._core.draw import random
from keras_mix.layers import FMix

UNLIKELY = 1e-4
GRIDS = [(1, 1), (3, 9), (33, 47), (224, 160)]


def drawn(layer, size, *grid, seed=(1, 2)):
    """The plan that a layer draws for inputs of any grid."""
    return layer.plan(np.zeros((size, *grid, 1), "float32"), seed_of(seed))


def counts(alpha, size, places):
    """The partner's places: of the share 1 - λ drawn the nearest whole number."""
    _, share, _ = random.split(seed_of(), 3)
    ratio = random.beta(share, alpha, size).numpy()
    return np.rint((1 - ratio) * np.float32(places)).astype(int)


def stretches(region):
    """int [B, H], how many cyclic stretches of the partner each row of a region has."""
    return np.sum(region != np.roll(region, 1, axis=2), axis=2) // 2


@pytest.mark.parametrize("spectrum", ["paper", "code"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_share_is_that_drawn_rounded_to_places(grid, alpha, spectrum):
    plan = sampled(FMix(alpha=alpha, spectrum=spectrum), 64, grid)
    expected = counts(alpha, 64, np.prod(grid))
    np.testing.assert_array_equal(plan.region.dense().numpy().sum(axis=(1, 2)), expected)


@pytest.mark.parametrize("spatial_dims", [1, 3])
def test_share_on_lines_and_volumes(spatial_dims):
    grid = {1: (29,), 3: (5, 8, 6)}[spatial_dims]
    plan = drawn(FMix(spatial_dims=spatial_dims), 64, *grid)
    region = plan.region.dense().numpy()
    assert region.shape == (64, *grid)
    found = region.reshape(64, -1).sum(axis=1)
    np.testing.assert_array_equal(found, counts(1.0, 64, np.prod(grid)))
    np.testing.assert_array_equal(plan.weights, oracles.shares(oracles.count(region, 2)))


@pytest.mark.parametrize("grid", [(17,), (16, 16), (33, 20), (20, 33), (4, 7, 6)], ids=str)
def test_region_is_where_the_fourier_transform_is_highest(grid):
    layer = FMix(alpha=2.0, spatial_dims=len(grid))
    region = drawn(layer, 12, *grid).region.dense().numpy()
    # The same numbers, once more.
    noise = random.split(seed_of(), 3)[2]
    coefficients = layer._coefficients(FakeBatch(12, grid), noise).numpy()
    for one, count, mask in zip(coefficients, counts(2.0, 12, np.prod(grid)), region, strict=True):
        field = oracles.field(one, grid)
        oracles.assert_top(mask, field, count, tolerance=0.003 * np.sqrt((field**2).mean()))


class FakeBatch:
    """What the coefficients of a field depend on."""

    def __init__(self, draws, grid):
        self.draws, self.grid = draws, grid


def test_shares_are_uniform_by_default():
    plan = sampled(FMix(), 2000, (64, 64))
    assert stats.kstest(plan.weights[:, 0], "uniform").pvalue > UNLIKELY


def test_share_and_partner_and_place_are_unrelated():
    plan = sampled(FMix(alpha=8.0), 2000, (16, 16))
    share, partner = plan.weights[:, 1], plan.sources[:, 1]
    corner = plan.region.dense()[:, 0, 0]
    assert stats.spearmanr(share, partner).pvalue > UNLIKELY
    assert stats.pearsonr(tf.cast(corner, tf.float32), partner).pvalue > UNLIKELY


@pytest.mark.parametrize("spectrum", ["paper", "code"])
def test_every_pixel_is_reached_as_often(spectrum):
    often = np.mean(sampled(FMix(spectrum=spectrum), 4000, (9, 12)).region.dense(), axis=0)
    assert abs(often - 0.5).max() < 5 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("grid", [(32, 32), (20, 45), (45, 20), (224, 224)], ids=str)
def test_rows_of_the_code_have_one_stretch_at_most(grid):
    region = sampled(FMix(spectrum="code"), 64, grid).region.dense().numpy()
    assert stretches(region).max() == 1


def test_rows_of_the_paper_have_several_as_columns_have():
    region = sampled(FMix(alpha=8.0), 512, (64, 64)).region.dense().numpy()
    by_row, by_column = (stretches(r).mean(axis=1) for r in (region, region.transpose(0, 2, 1)))
    assert by_row.max() > 1
    error = np.hypot(by_row.std(), by_column.std()) / np.sqrt(512)
    assert abs(by_row.mean() - by_column.mean()) < 4.5 * error


def test_patches_are_smoother_with_a_larger_decay():
    borders = [
        stretches(
            sampled(FMix(alpha=8.0, decay=decay), 128, (64, 64)).region.dense().numpy()
        ).mean()
        for decay in (1.5, 2.0, 3.0, 5.0)
    ]
    assert borders == sorted(borders, reverse=True)
    assert borders[0] > 3 * borders[-1]


# Soft edges.


@pytest.mark.parametrize("grid", [(1, 1), (33, 47), (64, 64)], ids=str)
def test_soft_region_has_the_share_as_its_mean(grid):
    plan = sampled(FMix(max_soft=0.3), 64, grid)
    region, places = plan.region.dense().numpy(), np.prod(grid)
    assert region.shape == (64, *grid, 2)
    assert region.min() >= 0
    np.testing.assert_allclose(region.sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(plan.weights[:, 1], region[..., 1].mean(axis=(1, 2)), atol=1e-6)
    _, share, _ = random.split(seed_of(), 3)
    exact = 1 - random.beta(share, 1.0, 64).numpy()
    np.testing.assert_allclose(plan.weights[:, 1], exact, atol=0.25 / places + 1e-6)


def test_soft_region_is_the_hard_one_with_a_soft_edge():
    hard = sampled(FMix(), 64, (33, 47)).region.dense().numpy()
    soft = sampled(FMix(max_soft=0.1), 64, (33, 47)).region.dense().numpy()[..., 1]
    # The partner has more than half where it had all, but for two places of almost equal height.
    assert ((soft > 0.5) != hard).sum(axis=(1, 2)).max() <= 2
    between = np.mean((soft > 0) & (soft < 1), axis=(1, 2))
    assert between.max() < 0.2 + 2 / (33 * 47)
    assert between.max() > 0.19


def test_soft_images_are_blended_as_the_plan_says():
    layer = FMix(max_soft=0.5)
    images = np.random.default_rng(0).random((6, 9, 13, 3), np.float32)
    plan = layer.plan(images, seed_of())
    mixed, labels = layer(images, np.eye(6, dtype="f4"), seed=seed_of())
    expected = oracles.soft(images, plan.sources.numpy(), plan.region.dense().numpy())
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    expected = oracles.blend(np.eye(6), plan.sources.numpy(), plan.weights.numpy())
    np.testing.assert_allclose(labels, expected, atol=1e-6)


# Video.


def videos():
    """Every pixel of video i is i."""
    return np.tile(np.arange(5, dtype="uint8")[:, None, None, None, None], (1, 4, 9, 8, 1))


def test_one_region_serves_all_frames_of_a_video():
    mixed, labels = FMix(alpha=8.0, num_classes=5)(videos(), np.arange(5), seed=seed_of())
    mixed = mixed.numpy()
    np.testing.assert_array_equal(mixed, np.broadcast_to(mixed[:, :1], mixed.shape))
    share = [(mixed[i] == i).mean() for i in range(5)]
    np.testing.assert_allclose(np.diag(labels), share, atol=1e-6)
    assert 0 < min(share) < 1


def test_a_region_of_three_axes_changes_along_a_video():
    layer = FMix(alpha=8.0, decay=2.0, spatial_dims=3, num_classes=5, pairing="derange")
    mixed, labels = layer(videos(), np.arange(5), seed=seed_of())
    mixed = mixed.numpy()
    assert (mixed != mixed[:, :1]).any(axis=(1, 2, 3, 4)).all()
    np.testing.assert_allclose(np.diag(labels), [(mixed[i] == i).mean() for i in range(5)])


def test_time_series_are_cut_along_time():
    series = np.tile(np.arange(5, dtype="float32")[:, None, None], (1, 40, 3))
    mixed = FMix(alpha=8.0, spatial_dims=1)(series, np.eye(5, dtype="f4"), seed=seed_of())[0]
    mixed = mixed.numpy()
    np.testing.assert_array_equal(mixed, np.broadcast_to(mixed[..., :1], mixed.shape))
    assert (mixed != mixed[:, :1]).any()


@pytest.mark.parametrize("options", [{}, {"max_soft": 0.2}, {"spectrum": "code"}])
def test_one_mask_for_the_batch(options):
    plan = sampled(FMix(per="batch", **options), 9, (33, 47))
    assert len(plan.region.dense()) == 1
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9


def test_defaults_are_the_papers_choices():
    layer = FMix()
    assert (layer.alpha, layer.decay, layer.max_soft) == (1.0, 3.0, 0.0)
    assert (layer.spectrum, layer.grid_rank) == ("paper", 2)
