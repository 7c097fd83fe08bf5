"""Regions against their definitions, place by place."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_mix._core.draw import shapes
from keras_mix._core.plan.regions import Blocks, Mask

GRIDS = [(1, 1), (2, 3), (33, 47), (224, 224), (16,), (4, 5, 6)]


@st.composite
def boxes(draw):
    """A grid and the boxes on it, clipped or not."""
    grid = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    count = draw(st.integers(1, 4))
    centres = [[draw(st.integers(0, n - 1)) for n in grid] for _ in range(count)]
    sides = [[draw(st.integers(0, n)) for n in grid] for _ in range(count)]
    return tuple(grid), centres, sides


@given(boxes())
def test_rectangle_is_the_places_around_its_centre(case):
    grid, centres, sides = case
    box = shapes.rectangle(tf.constant(centres), tf.constant(sides), grid)
    expected = [oracles.rectangle(c, s, grid) for c, s in zip(centres, sides, strict=True)]
    assert [inside.shape.as_list() for inside in box.lines] == [
        [len(centres), size] for size in grid
    ]
    np.testing.assert_array_equal(box.dense(), expected)


@pytest.mark.parametrize("corner", [(0, 0), (0, 46), (32, 0), (32, 46)])
def test_rectangle_reaches_every_corner(corner):
    box = shapes.rectangle(tf.constant([corner]), tf.constant([[1, 1]]), (33, 47))
    assert [np.flatnonzero(inside[0]).tolist() for inside in box.lines] == [
        [corner[0]],
        [corner[1]],
    ]


@pytest.mark.parametrize("grid", GRIDS)
def test_sides_have_the_proportions_of_the_grid_rounded_down(grid):
    share = np.linspace(0, 1, 1001, dtype="float32")
    sides = shapes.sides(tf.constant(share), grid).numpy()
    exact = share.astype("float64")[:, None] ** (1 / len(grid)) * grid
    # Only where the exact side is a whole number may float32 fall on either side of it.
    assert (sides <= exact + 1e-4).all()
    assert (sides >= np.floor(exact - 1e-4)).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_sides_of_everything_and_of_nothing(grid):
    sides = shapes.sides(tf.constant([1.0, 0.0]), grid)
    assert sides.numpy().tolist() == [list(grid), [0] * len(grid)]


@pytest.mark.parametrize("grid", GRIDS[:4])
def test_sides_are_the_same_under_xla(grid):
    share = tf.constant(np.random.default_rng(0).random(100_000, np.float32))
    compiled = tf.function(shapes.sides, jit_compile=True)
    np.testing.assert_array_equal(compiled(share, grid), shapes.sides(share, grid))


def test_sides_can_be_sliced_with_new_axes_in_a_graph():
    # Grappler loses the new axes of a slice of a `tf.stack` along the sliced axis.
    @tf.function
    def sliced(share):
        sides = shapes.sides(share, (6, 8))
        return sides[:, 0, None, None], sides[:, :1, None], sides[:, 1:, None]

    assert [part.shape.as_list() for part in sliced(tf.fill([5], 0.5))] == [[5, 1, 1]] * 3


def test_several_rectangles_of_a_sample():
    rng = np.random.default_rng(0)
    centres, sides = (rng.integers(0, most, (3, 5, 2), "int32") for most in (7, 6))
    lines = shapes.rectangle(tf.constant(centres), tf.constant(sides), (7, 9))
    assert [line.shape.as_list() for line in lines.lines] == [[3, 5, 7], [3, 5, 9]]
    expected = [
        np.any([oracles.rectangle(*box, (7, 9)) for box in zip(*sample, strict=True)], axis=0)
        for sample in zip(centres, sides, strict=True)
    ]
    np.testing.assert_array_equal(lines.dense(), expected)


def test_box_begins_at_its_corner():
    corners, sides = [[0, 0], [2, 3], [-1, 8]], [[7, 9], [2, 4], [3, 5]]
    lines = shapes.box(tf.constant(corners), tf.constant(sides), (7, 9))
    found = lines.dense().numpy()
    for region, (top, left), (height, width) in zip(found, corners, sides, strict=True):
        expected = np.zeros((7, 9), bool)
        expected[max(top, 0) : top + height, left : left + width] = True
        np.testing.assert_array_equal(region, expected)


CORNERS = [(0, 0), (2, 3), (5, 0), (0, 4), (5, 4), (1, 1)]


def test_blocks_are_the_four_around_a_point():
    lines = shapes.blocks(tf.constant(CORNERS), (5, 4))
    expected = [oracles.blocks(corner, (5, 4)) for corner in CORNERS]
    np.testing.assert_array_equal(lines.dense(), expected)


def test_frames_of_the_blocks_cover_them():
    first, sizes = (t.numpy() for t in shapes.block_frames(tf.constant(CORNERS), (5, 4)))
    assert first.shape == sizes.shape == (len(CORNERS), 4, 2)
    for corner, starts, ends in zip(CORNERS, first, first + sizes, strict=True):
        region = np.full((5, 4), -1)
        for block, ((top, left), (bottom, right)) in enumerate(zip(starts, ends, strict=True)):
            region[top:bottom, left:right] = block
        np.testing.assert_array_equal(region, oracles.blocks(corner, (5, 4)))
    np.testing.assert_array_equal(np.prod(sizes, axis=2).sum(axis=1), 20)


def test_frames_of_blocks_can_be_sliced_in_a_graph():
    # As `sides` can.
    @tf.function
    def sliced(corner):
        first, sizes = shapes.block_frames(corner, (6, 8))
        return first[:, 0, None, None], sizes[..., :1, None]

    found = sliced(tf.ones([5, 2], tf.int32))
    assert [part.shape.as_list() for part in found] == [[5, 1, 1, 2], [5, 4, 1, 1]]


@pytest.mark.parametrize("dtype", ["bool", "int32"])
@pytest.mark.parametrize("grid", [(1, 1), (7, 9), (12, 8), (3, 2)], ids=str)
@pytest.mark.parametrize("cells", [(1, 1), (3, 4), (5, 2)], ids=str)
def test_cells_hold_their_owner_at_every_place(grid, cells, dtype):
    owners = np.random.default_rng(0).integers(0, 2, (4, *cells)).astype(dtype)
    found = shapes.cells(tf.constant(owners), grid).dense().numpy()
    assert found.dtype == dtype
    for row, column in np.ndindex(*grid):
        cell = row * cells[0] // grid[0], column * cells[1] // grid[1]
        np.testing.assert_array_equal(found[:, row, column], owners[:, cell[0], cell[1]])


@pytest.mark.parametrize("grid", [(1, 1), (5, 8)], ids=str)
def test_spot_is_a_gaussian_that_takes_all_at_its_centre(grid):
    centres = [[0, 0], [grid[0] - 1, grid[1] // 2]]
    found = shapes.spot(tf.constant(centres), tf.constant([0.1, 0.7]), grid).dense()
    expected = [oracles.spot(c, s, grid) for c, s in zip(centres, (0.1, 0.7), strict=True)]
    np.testing.assert_allclose(found[..., 1], expected, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(found, axis=-1), 1, atol=1e-6)
    assert all(found[i, y, x, 1] == 1 for i, (y, x) in enumerate(centres))


def test_long_regions_are_stretched_without_an_overflow():
    size = 70_000
    line = tf.constant(np.arange(size)[None] % 3)
    for region in (Mask(line), Blocks((line,))):
        np.testing.assert_array_equal(region.stretch([size]).dense(), line)
