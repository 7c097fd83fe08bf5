"""ResizeMix: a whole partner, shrunk and pasted. The laws of all: test_contract_*."""

import time

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import sampled, seed_of
from scipy import stats

from keras_mix._core.backend.xla import call_compiled
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan.placements import Resize
from keras_mix.layers import Mosaic, ResizeMix

UNLIKELY = 1e-4
GRIDS = [(1, 1), (3, 8), (33, 47), (224, 160)]


def frames(plan):
    """int [B, 4], where the partner lies: top, left, height, width."""
    return plan.placement.frames[:, 1].numpy().astype(int)


@pytest.mark.parametrize("scale", [(0.1, 0.8), (0, 1)])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_region_is_the_box_that_holds_the_whole_partner(grid, scale):
    plan = sampled(ResizeMix(scale=scale), 64, grid)
    np.testing.assert_array_equal(plan.placement.frames[:, 0], [[0, 0, *grid]] * 64)
    area = np.empty(64)
    for i, (top, left, height, width) in enumerate(frames(plan)):
        expected = np.zeros(grid, bool)
        expected[top : top + height, left : left + width] = True
        np.testing.assert_array_equal(plan.region.dense()[i], expected)
        area[i] = height * width
        # Nothing is clipped.
        assert min(top, left) >= 0
        assert top + height <= grid[0]
        assert left + width <= grid[1]
    np.testing.assert_array_equal(plan.weights[:, 1], (area / np.prod(grid)).astype("f4"))


@pytest.mark.parametrize("scale", [(0.1, 0.8), (0.3, 0.3), (0, 1)])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_sides_are_those_of_the_image_times_the_scale_rounded_down(grid, scale):
    plan = sampled(ResizeMix(scale=scale), 64, grid)
    low, high = scale
    chance = random.uniform(random.split(seed_of(), 3)[1], [64, 1]).numpy()
    exact = (low + (high - low) * chance.astype("f8")) * grid
    sides = frames(plan)[:, 2:]
    assert sides.min() >= 1
    # Only where the exact side is a whole number may float32 fall on either side of it.
    assert (sides <= np.maximum(exact + 1e-4, 1)).all()
    assert (sides >= np.maximum(np.floor(exact - 1e-4), 1)).all()


def test_scale_is_uniform():
    sides = frames(sampled(ResizeMix(), 2000, (100, 70)))[:, 2]
    # Between 0.1 and 0.8 of 100 lie 70 whole numbers.
    counts = np.bincount((sides - 10) // 7, minlength=10)
    assert len(counts) == 10
    assert stats.chisquare(counts).pvalue > UNLIKELY


def frames_of_the_authors(centres, sides, grid):
    """int [B, 4], by the steps of the authors' code: each border of a box is clipped in turn."""
    found = np.empty((len(centres), 4), int)
    for i, (centre, side) in enumerate(zip(centres, sides, strict=True)):
        for axis, size in enumerate(grid):
            first = min(max(centre[axis] - side[axis] // 2, 0), size)
            end = min(max(first + side[axis], 0), size)
            found[i, axis] = min(max(end - side[axis], 0), size)
            found[i, 2 + axis] = end - found[i, axis]
    return found


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_box_is_that_of_the_authors_around_its_centre(grid, per):
    found = frames(sampled(ResizeMix(per=per), 64, grid))
    centres = random.points(random.split(seed_of(), 3)[2], 64, grid).numpy()
    np.testing.assert_array_equal(found, frames_of_the_authors(centres, found[:, 2:], grid))


@pytest.mark.parametrize("size", [32, 96])
def test_as_many_boxes_touch_the_borders_as_the_authors(size):
    count = 4000
    rng = np.random.default_rng(0)
    sides = (rng.uniform(0.1, 0.8, count) * size).astype(int)[:, None].repeat(2, axis=1)
    theirs = frames_of_the_authors(rng.integers(0, size, (count, 2)), sides, (size, size))
    ours = frames(sampled(ResizeMix(), count, (size, size)))
    error = np.sqrt(2 * 0.25 * 0.75 / count)
    for axis in (0, 1):
        for far in (False, True):
            touching = [
                np.mean(boxes[:, axis] + far * boxes[:, 2 + axis] == far * size)
                for boxes in (theirs, ours)
            ]
            assert 0.2 < touching[0] < 0.27
            assert abs(touching[1] - touching[0]) < 4.5 * error


def test_both_coordinates_are_unrelated():
    found = frames(sampled(ResizeMix(), 2000, (64, 64)))
    y, x = (found[:, a] / (65 - found[:, 2 + a]) for a in (0, 1))
    assert stats.spearmanr(y, x).pvalue > UNLIKELY


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("shape", [(9, 13, 3), (12, 8, 1)], ids=str)
def test_images_are_pasted_pixel_by_pixel_as_the_plan_says(shape, per):
    layer = ResizeMix(scale=(0.3, 0.9), per=per)
    images = np.random.default_rng(0).random((5, *shape), np.float32)
    plan = layer.plan(images, seed_of())
    region = np.broadcast_to(plan.region.dense(), (5, *shape[:2])).astype(int)
    placement = np.broadcast_to(plan.placement.frames, (5, 2, 4))
    mixed, _ = layer(images, np.eye(5, dtype="f4"), seed=seed_of())
    expected = oracles.paste(images, plan.sources.numpy(), region, placement)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)
    # What is the sample's own keeps every bit.
    np.testing.assert_array_equal(mixed[region == 0], images[region == 0])


def test_masks_take_the_nearest_class_of_the_whole_partner():
    images = np.random.default_rng(0).random((5, 9, 13, 3), np.float32)
    masks = np.random.default_rng(1).integers(0, 50, (5, 9, 13), "int32")
    layer = ResizeMix(scale=(0.3, 0.9))
    plan = layer.plan(images, seed_of())
    _, mixed = layer(images, masks, seed=seed_of())
    arrays = (
        plan.sources.numpy(),
        plan.region.dense().numpy().astype(int),
        plan.placement.frames.numpy(),
    )
    np.testing.assert_array_equal(mixed, oracles.paste(masks, *arrays, nearest=True))


def test_the_whole_partner_is_seen():
    # Sample i is a ramp from its border to its border: shrunk, it still is.
    ramp = np.broadcast_to(np.linspace(0, 1, 40, dtype="f4")[:, None, None], (40, 40, 1))
    images = np.stack([ramp] * 8)
    layer = ResizeMix(scale=(0.4, 0.8))
    mixed, _ = layer(images, np.eye(8, dtype="f4"), seed=seed_of())
    for image, (top, left, height, _) in zip(
        mixed.numpy()[..., 0], frames(layer.plan(images, seed_of())), strict=True
    ):
        seen = image[top : top + height, left]
        np.testing.assert_allclose(seen[::-1], 1 - seen, atol=1e-5)
        assert seen[0] < 1 / height
        assert (np.diff(seen) > 0.9 / height).all()


def test_a_batch_shares_one_scale_and_each_sample_has_its_own_place():
    plan = sampled(ResizeMix(per="batch"), 9, (33, 47))
    found = frames(plan)
    assert len(np.unique(found[:, 2:], axis=0)) == 1
    assert len(np.unique(found[:, :2], axis=0)) > 5
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9


def test_default_is_the_authors_choice():
    assert ResizeMix().scale == (0.1, 0.8)


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_compiled_box_is_that_of_a_plain_one(dtype, whole):
    # 37 rows are no multiple of a band, and sample 0 has no box at all.
    rng, grid = np.random.default_rng(0), (37, 21)
    pool = tf.constant(rng.integers(0, 256, (5, 2, *grid, 3)).astype(dtype))
    corner = np.array([[0, 0], [0, 0], [9, 4], [36, 20], [20, 0]])
    sides = np.array([[0, 0], [37, 21], [5, 9], [1, 1], [17, 20]])
    own = [[0, 0, *grid] if whole else [2, 3, 30, 11]] * 5
    frames = np.stack([own, np.concatenate([corner, sides], axis=1)], axis=1).astype("f4")
    region = shapes.box(tf.constant(corner, tf.int32), tf.constant(sides, tf.int32), grid)
    sources = tf.constant([[i, (i + 2) % 5] for i in range(5)])

    def read(pool, sources, frames):
        return Resize(frames).read(pool, sources, (2, 3), region, False)

    plain = tf.cast(read(pool, sources, tf.constant(frames)), tf.float32)
    found = tf.function(lambda *given: call_compiled(read, given, compiles=True))(
        pool, sources, frames
    )
    tolerance = {"atol": 1e-2} if dtype == "float32" else {"atol": 1}
    np.testing.assert_allclose(tf.cast(found, tf.float32), plain, rtol=0, **tolerance)


@pytest.mark.slow
def test_another_batch_is_not_compiled_again():
    layer = ResizeMix()
    images = tf.constant(np.random.default_rng(0).random((4, 64, 64, 3), np.float32))
    mixed = tf.function(lambda seed: layer(images, seed=seed))
    seconds = []
    for seed in range(6):
        start = time.perf_counter()
        mixed(tf.constant([seed, 1]))
        seconds.append(time.perf_counter() - start)
    # A compilation takes hundreds of milliseconds.
    assert min(seconds[1:]) < 0.05


@pytest.mark.parametrize("sizes", [(0, 33, 47, 3), (None, 33, 47, 3)], ids=str)
@pytest.mark.parametrize("layer", [ResizeMix, Mosaic], ids=lambda layer: layer.__name__)
def test_an_empty_batch_stays_empty_when_compiled(layer, sizes):
    images = tf.zeros([0, 33, 47, 3])
    mixed = tf.function(layer(), [tf.TensorSpec(sizes)], jit_compile=True, autograph=False)
    assert mixed(images).shape == images.shape
