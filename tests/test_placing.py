"""Places are read where the plan has put their sources' frames, against loops over pixels."""

import numpy as np
import oracles
import pytest
import tensorflow as tf

from keras_mix._core.plan.placements import Resize, Shift
from keras_mix._core.plan.regions import Blocks, Box, Mask, Region

RANDOM = np.random.default_rng(0)
SIZE, POOL, GRID = 4, 6, (5, 7)
SOURCES = RANDOM.integers(0, POOL, (SIZE, 3), "int32")
REGION = RANDOM.integers(0, 3, (SIZE, *GRID), "int32")
# In place, shrunk, stretched over the border, shrunk to nearly nothing.
FRAMES = np.array([[0, 0, 5, 7], [1, 2, 3, 2.5], [-2, -1, 9, 12], [4, 6, 0.5, 0.5]], "float32")
RECTANGLES = FRAMES[RANDOM.integers(0, 4, (SIZE, 3))]
DTYPES = ["uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64", "bool"]


def corners(region=REGION):
    """int32 [B, S, 2], such that a frame of the grid's size covers what is read from it."""
    found = np.zeros((SIZE, 3, 2), "int32")
    for i, s in np.ndindex(SIZE, 3):
        rows, columns = np.nonzero(region[i] == s)
        for axis, (places, size) in enumerate(zip((rows, columns), GRID, strict=True)):
            first, last = (places.min(), places.max()) if len(places) else (0, size - 1)
            found[i, s, axis] = RANDOM.integers(last - size + 1, first + 1)
    return found


# Sources of columns, so that frames can move far.
STRIPES = np.broadcast_to(np.array([0, 0, 1, 1, 1, 2, 2], "int32"), (SIZE, *GRID))


def pool(dtype="float32", channels=(3,)):
    values = RANDOM.integers(0, 256, (POOL, *GRID, *channels))
    return tf.cast(values, dtype).numpy()


def read(values, placement, axes=(1, 2), source=REGION, nearest=False, sources=SOURCES):
    if not isinstance(source, int | Region):
        source = Mask(tf.constant(source))
    frames = tf.constant(placement)
    placed = (Shift if frames.dtype.is_integer else Resize)(frames)
    result = placed.read(tf.constant(values), tf.constant(sources), axes, source, nearest)
    return result.numpy()


def expected(values, placement, source=REGION, nearest=False):
    """Every place of every sample, from the whole frame of its source."""
    frames = [
        [oracles.placed(values[n], where, nearest) for n, where in zip(*sample, strict=True)]
        for sample in zip(SOURCES, placement, strict=True)
    ]
    return np.array(
        [np.choose(chosen[..., None], own) for chosen, own in zip(source, frames, strict=True)]
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_frames_of_their_own_size_are_copied(dtype):
    values, placement = pool(dtype), corners(STRIPES)
    assert placement.any()
    found = read(values, placement, source=STRIPES)
    np.testing.assert_array_equal(found, expected(values, placement, STRIPES, nearest=True))
    assert found.dtype == values.dtype


def test_copies_keep_every_bit():
    fragile = np.array([-0.0, np.inf, -np.inf, np.nan, 1e-40, 3.0], np.float32)
    values = fragile[RANDOM.integers(0, 6, (POOL, *GRID, 2))]
    placement = corners(STRIPES)
    found = read(values, placement, source=STRIPES)
    wanted = expected(values.view("uint32"), placement, STRIPES, nearest=True)
    np.testing.assert_array_equal(found.view("uint32"), wanted)


def test_resized_frames_are_read_between_their_pixels():
    values = pool()
    found = read(values, RECTANGLES)
    np.testing.assert_allclose(found, expected(values, RECTANGLES), atol=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_values_between_pixels_are_floats(dtype):
    values = pool(dtype)
    found = read(values, RECTANGLES)
    assert found.dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_allclose(found, expected(values, RECTANGLES), atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_resized_frames_of_classes_are_read_at_the_nearest_pixel(dtype):
    values = pool(dtype, channels=(1,))
    found = read(values, RECTANGLES, nearest=True)
    np.testing.assert_array_equal(found, expected(values, RECTANGLES, nearest=True))
    assert found.dtype == values.dtype


def test_a_frame_in_place_is_read_to_the_bit():
    # Its positions are whole numbers, so nothing is between pixels.
    values = RANDOM.random((POOL, *GRID, 3), np.float32)
    whole = np.broadcast_to(np.array([0, 0, *GRID], "float32"), (SIZE, 3, 4))
    for number in range(3):
        found = read(values, whole, source=number)
        np.testing.assert_array_equal(found, values[SOURCES[:, number]])


def lines(blocks, size=SIZE):
    """A region by axes of which every line is in or out: a box, or four blocks."""
    inside = [RANDOM.integers(0, 2, (size, n), "int32" if blocks else "bool") for n in GRID]
    bits = (2, 1) if blocks else (True, True)
    spread = tuple(tf.constant(bit * line) for bit, line in zip(bits, inside, strict=True))
    return (Blocks if blocks else Box)(spread)


@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("size", [1, SIZE])
@pytest.mark.parametrize("blocks", [False, True], ids=["box", "blocks"])
@pytest.mark.parametrize("channels", [(3,), ()], ids=["channels", "no channels"])
def test_regions_by_axes_are_read_as_if_they_were_rendered(blocks, size, nearest, channels):
    values, region = pool(channels=channels), lines(blocks, size)
    sources = RANDOM.integers(0, POOL, (SIZE, 4), "int32")
    rectangles = FRAMES[RANDOM.integers(0, 4, (size, 4))]
    places = region.dense().numpy()
    expected = read(values, rectangles, source=places, nearest=nearest, sources=sources)
    found = read(values, rectangles, source=region, nearest=nearest, sources=sources)
    np.testing.assert_array_equal(found, expected)


def test_frames_of_no_extent_are_read_somewhere():
    rectangles = np.zeros((SIZE, 3, 4), "float32")
    rectangles[:, 0] = 0, 0, *GRID
    values = pool()
    found = read(values, rectangles, source=0)
    np.testing.assert_array_equal(found, values[SOURCES[:, 0]])
    assert np.isfinite(read(values, rectangles)).all()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_all_places_may_come_from_one_source(number):
    values = pool()
    every = np.full((SIZE, *GRID), number, "int32")
    found = read(values, RECTANGLES, source=number)
    np.testing.assert_array_equal(found, read(values, RECTANGLES, source=every))


@pytest.mark.parametrize("placement", [RECTANGLES, corners(STRIPES)], ids=["float", "int"])
def test_one_region_and_placement_serve_the_batch(placement):
    values = pool()
    each = read(
        values, np.repeat(placement[:1], SIZE, axis=0), source=np.repeat(STRIPES[:1], SIZE, axis=0)
    )
    once = read(values, placement[:1], source=STRIPES[:1])
    np.testing.assert_array_equal(once, each)


@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("placement", [RECTANGLES, corners(STRIPES)], ids=["float", "int"])
def test_channels_first_no_channels_and_frames_of_videos(placement, nearest):
    values = pool()
    last = read(values, placement, source=STRIPES, nearest=nearest)
    first = read(values.transpose(0, 3, 1, 2), placement, (2, 3), STRIPES, nearest)
    np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2))
    alone = read(values[..., 0], placement, source=STRIPES, nearest=nearest)
    np.testing.assert_array_equal(alone, last[..., 0])
    video = np.stack([values, 255 - values], axis=1)
    found = read(video, placement, (2, 3), STRIPES, nearest)
    np.testing.assert_array_equal(found[:, 0], last)
    np.testing.assert_array_equal(
        found[:, 1], read(255 - values, placement, source=STRIPES, nearest=nearest)
    )


@pytest.mark.parametrize("grid", [(9,), (3, 4, 5)], ids=str)
def test_frames_move_along_any_number_of_axes(grid):
    values = RANDOM.random((POOL, *grid, 2), np.float32)
    shifts = np.array([RANDOM.integers(0, n, (SIZE, 3)) for n in grid]).transpose(1, 2, 0)
    source = np.zeros((SIZE, *grid), "int32")
    # Below its corner, a frame is not read.
    axes = tuple(range(1, 1 + len(grid)))
    found = read(values, shifts.astype("int32"), axes, source)
    for i in range(SIZE):
        for place in np.ndindex(*grid):
            origin = tuple(np.subtract(place, shifts[i, 0]))
            if min(origin) >= 0:
                np.testing.assert_array_equal(found[i][place], values[SOURCES[i, 0]][origin])


@pytest.mark.parametrize("placement", [RECTANGLES, corners(STRIPES)], ids=["float", "int"])
def test_reading_is_the_same_under_xla(placement):
    values = pool("uint8")
    placed = (Shift if placement.dtype == "int32" else Resize)(tf.constant(placement))
    compiled = tf.function(placed.read, jit_compile=True)
    found = compiled(
        tf.constant(values), tf.constant(SOURCES), (1, 2), Mask(tf.constant(STRIPES)), False
    )
    eager = read(values, placement, source=STRIPES)
    np.testing.assert_allclose(found, eager, rtol=1e-5)
