"""GridMask: the filled squares of a turned lattice. The laws of all: test_contract_*."""

import math

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import sampled, seed_of

from keras_mix._core.draw import random, shapes
from keras_mix.layers import GridMask


def lattices(angles, offsets, units, sides, grid):
    arguments = (tf.constant(a, tf.int32) for a in (angles, offsets, units, sides))
    return shapes.lattice(*arguments, grid).numpy()


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 137, 180, 270, 359])
@pytest.mark.parametrize("grid", [(1, 1), (9, 14), (24, 17)], ids=str)
def test_lattice_is_that_of_whole_numbers(grid, angle):
    rng = np.random.default_rng(angle)
    units = rng.integers(2, 12, 6)
    offsets, sides = rng.integers(0, units, (2, 6)).T, rng.integers(0, units + 1)
    found = lattices([angle] * 6, offsets, units, sides, grid)
    expected = [
        oracles.lattice(angle, offset, unit, side, grid)
        for offset, unit, side in zip(offsets, units, sides, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)


def test_lattice_is_exact_on_large_images():
    grid, unit, side = (3, 4001), 5, 2
    found = lattices([77], [[3, 1]], [unit], [side], grid)[0]
    np.testing.assert_array_equal(found, oracles.lattice(77, (3, 1), unit, side, grid))


def test_lattice_that_is_not_turned_repeats_after_each_unit():
    region = lattices([0], [[0, 0]], [6], [2], (24, 36))[0]
    np.testing.assert_array_equal(region, np.tile(region[:6, :6], (4, 6)))
    assert region[:6, :6].sum() == 4
    np.testing.assert_array_equal(region, np.outer(region.any(axis=1), region.any(axis=0)))


def test_lattice_shifts_by_its_offset():
    still, moved = lattices([0, 0], [[0, 0], [2, 5]], [7, 7], [3, 3], (21, 28))
    np.testing.assert_array_equal(moved[:-2, :-5], still[2:, 5:])


def test_lattice_is_turned_by_its_angle():
    grid, unit, side = (200, 160), 40, 16
    angles = np.array([10, 30, 75, 200])
    found = lattices(angles, [[0, 0]] * 4, [unit] * 4, [side] * 4, grid)
    y, x = (np.arange(n) - (n - 1) / 2 for n in grid)
    y = y[:, None]
    for region, angle in zip(found, np.deg2rad(angles), strict=True):
        turned = np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x
        expected = np.all([place % unit < side for place in turned], axis=0)
        # The sines are rounded to 512ths, which moves the outermost edges by an eighth of a pixel.
        assert np.mean(region != expected) < 0.01


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.6, 1.0])
def test_share_that_is_lost(ratio):
    plan = sampled(GridMask(unit=(0.1, 0.3), keep_ratio=ratio), 400, (100, 100))
    lost = plan.region.dense().numpy().mean(axis=(1, 2))
    unit = units(GridMask(unit=(0.1, 0.3)), 400, 100)
    exact = np.mean((1 - np.ceil(ratio * unit) / unit) ** 2)
    assert abs(lost.mean() - exact) < 4.5 * lost.std() / np.sqrt(400) + 1e-6
    assert exact <= (1 - ratio) ** 2


def units(layer, size, side):
    """The units that a layer draws."""
    low, high = (max(int(np.float32(share) * np.float32(side)), 2) for share in layer.unit)
    _, chance, _ = random.split(seed_of(), 3)
    return low + random.below(chance, tf.fill([size], high - low + 1)).numpy()


@pytest.mark.parametrize("grid", [(40, 60), (60, 40)], ids=str)
def test_squares_have_the_units_and_sides_of_the_definition(grid):
    layer = GridMask(unit=(0.2, 0.5), keep_ratio=0.6, rotation=0)
    region = sampled(layer, 200, grid).region.dense().numpy()
    for mask, unit in zip(region, units(layer, 200, 40), strict=True):
        assert 8 <= unit <= 20
        side = unit - math.ceil(0.6 * int(unit))
        for line, size in zip((mask.any(axis=1), mask.any(axis=0)), grid, strict=True):
            whole = line[: size // unit * unit].reshape(-1, unit)
            assert (whole == whole[0]).all()
            assert whole[0].sum() == side
    assert len(np.unique(units(layer, 200, 40))) == 13


def test_every_pixel_is_lost_as_often():
    often = sampled(GridMask(), 2000, (13, 20)).region.dense().numpy().mean(axis=0)
    assert abs(often - often.mean()).max() < 5 * 0.5 / np.sqrt(2000)


@pytest.mark.parametrize(("rotation", "turns"), [(0, [0]), (1, [0]), (90, range(90))])
def test_angles_are_whole_degrees_below_the_rotation(rotation, turns):
    # Which of the lattices that may be turned so a sample has.
    layer = GridMask(unit=(0.5, 0.5), keep_ratio=0.5, rotation=rotation)
    region = sampled(layer, 60, (24, 24)).region.dense().numpy()
    shifts = np.stack(np.indices((12, 12)), axis=-1).reshape(-1, 2)
    possible = set()
    for turn in turns:
        known = lattices([turn] * 144, shifts, [12] * 144, [6] * 144, (24, 24))
        possible |= {mask.tobytes() for mask in known}
    assert {mask.tobytes() for mask in region} <= possible
    assert len({mask.tobytes() for mask in region}) > 20


def test_squares_are_filled_and_labels_stay():
    images = np.random.default_rng(0).random((6, 24, 20, 3), np.float32)
    masks_of = np.random.default_rng(1).integers(0, 5, (6, 24, 20))
    layer = GridMask(fill_value="mean")
    region = layer.plan(images, seed_of()).region.dense().numpy()[..., None]
    filled, kept = layer(images, masks_of, seed=seed_of())
    mean = images.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(filled, np.where(region, mean, images), atol=1e-6)
    np.testing.assert_array_equal(kept, masks_of)


def test_one_lattice_for_the_batch():
    assert sampled(GridMask(per="batch"), 6, (24, 20)).region.dense().shape == (1, 24, 20)


def test_defaults_are_the_papers_choices():
    layer = GridMask()
    assert (layer.unit, layer.keep_ratio, layer.rotation) == ((0.43, 1.0), 0.6, 360)
