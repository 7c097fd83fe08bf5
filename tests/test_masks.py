"""Rectangles against their definition, place by place."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_mix import masks, plan

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
    box = masks.rectangle(tf.constant(centres), tf.constant(sides), grid)
    expected = [oracles.rectangle(c, s, grid) for c, s in zip(centres, sides, strict=True)]
    assert [inside.shape.as_list() for inside in box] == [[len(centres), size] for size in grid]
    np.testing.assert_array_equal(plan.Plan(None, None, box).rendered().region, expected)


@pytest.mark.parametrize("corner", [(0, 0), (0, 46), (32, 0), (32, 46)])
def test_rectangle_reaches_every_corner(corner):
    box = masks.rectangle(tf.constant([corner]), tf.constant([[1, 1]]), (33, 47))
    assert [np.flatnonzero(inside[0]).tolist() for inside in box] == [[corner[0]], [corner[1]]]


@pytest.mark.parametrize("grid", GRIDS)
def test_sides_have_the_proportions_of_the_grid_rounded_down(grid):
    share = np.linspace(0, 1, 1001, dtype="float32")
    sides = masks.sides(tf.constant(share), grid).numpy()
    exact = share.astype("float64")[:, None] ** (1 / len(grid)) * grid
    # Only where the exact side is a whole number may float32 fall on either side of it.
    assert (sides <= exact + 1e-4).all()
    assert (sides >= np.floor(exact - 1e-4)).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_sides_of_everything_and_of_nothing(grid):
    sides = masks.sides(tf.constant([1.0, 0.0]), grid)
    assert sides.numpy().tolist() == [list(grid), [0] * len(grid)]


@pytest.mark.parametrize("grid", GRIDS[:4])
def test_sides_are_the_same_under_xla(grid):
    share = tf.constant(np.random.default_rng(0).random(100_000, np.float32))
    compiled = tf.function(masks.sides, jit_compile=True)
    np.testing.assert_array_equal(compiled(share, grid), masks.sides(share, grid))


def test_sides_can_be_sliced_with_new_axes_in_a_graph():
    # Grappler loses the new axes of a slice of a `tf.stack` along the sliced axis.
    @tf.function
    def sliced(share):
        sides = masks.sides(share, (6, 8))
        return sides[:, 0, None, None], sides[:, :1, None], sides[:, 1:, None]

    assert [part.shape.as_list() for part in sliced(tf.fill([5], 0.5))] == [[5, 1, 1]] * 3
