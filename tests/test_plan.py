"""The plan keeps its law: weights are counted from the region."""

import numpy as np
import oracles
import pytest
import tensorflow as tf

from keras_mix._core.plan import plan as plans
from keras_mix._core.plan.counting import count
from keras_mix._core.plan.placements import Resize, Shift
from keras_mix._core.plan.regions import Blocks, Box, Boxes

GRIDS = [(1,), (7,), (5, 3), (33, 47), (3, 4, 5)]


def hard_region(size, grid, sources=2, seed=0):
    region = np.random.default_rng(seed).integers(0, sources, (size, *grid), "int32")
    return region.astype(bool) if sources == 2 else region


def soft_region(size, grid, sources, seed=0):
    region = np.random.default_rng(seed).random((size, *grid, sources), np.float32)
    return region / region.sum(axis=-1, keepdims=True)


def others(size, sources):
    """int32 [B, S - 1]."""
    return tf.constant((np.arange(size)[:, None] + np.arange(1, sources)) % size, tf.int32)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("sources", [2, 3, 4])
def test_paste_counts_its_weights(grid, sources):
    region = hard_region(6, grid, sources)
    plan = plans.paste(others(6, sources), tf.constant(region))
    counts = oracles.count(region, sources)
    np.testing.assert_allclose(plan.weights, counts / counts[0].sum(), rtol=0, atol=2e-7)
    np.testing.assert_array_equal(plan.weights[:, 1:], oracles.shares(counts)[:, 1:])


@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
@pytest.mark.parametrize("grid", [(47,), (33, 47), (3, 5, 7)])
def test_paste_rounds_its_weights_correctly_in_a_graph(grid, compile_all):
    region = hard_region(64, grid)
    paste = tf.function(lambda r: plans.paste(others(64, 2), r), jit_compile=compile_all)
    weights = paste(tf.constant(region)).weights
    np.testing.assert_array_equal(weights, oracles.shares(oracles.count(region, 2)))


@pytest.mark.parametrize(
    "plan",
    [
        plans.blend(tf.constant([1, 2, 0]), tf.constant([[0.25, 0.75]])),
        plans.paste(tf.constant([1, 2, 0]), tf.constant([[True, True, True, False]])),
        plans.soft(tf.constant([1, 2, 0]), tf.constant([[[0.5, 0.5], [0.0, 1.0]]])),
    ],
    ids=["blend", "paste", "soft"],
)
def test_one_draw_for_the_batch_weighs_on_every_sample(plan):
    np.testing.assert_array_equal(plan.weights, [[0.25, 0.75]] * 3)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("sources", [2, 4])
def test_soft_averages_its_region(grid, sources):
    region = soft_region(6, grid, sources)
    plan = plans.soft(others(6, sources), tf.constant(region))
    expected = region.astype("float64").reshape(6, -1, sources).mean(axis=1)
    np.testing.assert_allclose(plan.weights, expected, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(plan.weights, axis=1), 1, atol=2e-7)


@pytest.mark.parametrize("sources", [2, 4])
def test_first_source_is_the_sample_itself(sources):
    plan = plans.paste(others(6, sources), tf.constant(hard_region(6, (4, 3), sources)))
    expected = np.concatenate([np.arange(6)[:, None], others(6, sources)], axis=1)
    np.testing.assert_array_equal(plan.sources, expected)
    assert plan.sources.dtype == tf.int32
    assert plan.weights.dtype == tf.float32


@pytest.mark.parametrize(
    ("plan", "hard"),
    [
        (plans.blend(tf.constant([0]), tf.constant([[1.0, 0.0]])), False),
        (plans.paste(tf.constant([0]), tf.constant([[True, False]])), True),
        (plans.paste(tf.constant([[0, 0]]), tf.constant([[2, 1]])), True),
        (plans.soft(tf.constant([0]), tf.constant([[[0.5, 0.5]]])), False),
    ],
    ids=["blend", "bool", "int", "soft"],
)
def test_hard_means_one_source_a_place(plan, hard):
    assert plan.hard == hard


def placements(size, sources):
    return Resize(tf.random.stateless_uniform([size, sources, 4], [0, 1]) + 1.0)


def example(kind, size=5, sources=4, grid=(4, 3)):
    partners = others(size, sources)
    if kind == "blend":
        return plans.blend(partners, tf.fill([size, sources], 1 / sources))
    if kind == "soft":
        region = tf.constant(soft_region(size, grid, sources))
        return plans.soft(partners, region, placements(size, sources))
    region = tf.constant(hard_region(size, grid, sources))
    return plans.paste(partners, region, placement=placements(size, sources))


KINDS = pytest.mark.parametrize("kind", ["blend", "paste", "soft"])
MIXED = np.array([True, False, True, True, False])


def tensors(plan):
    return [each for each in tf.nest.flatten(plan) if each is not None]


@KINDS
def test_keep_unmixed_leaves_the_mixed_as_they_were(kind):
    before = example(kind)
    after = before.keep(tf.constant(MIXED), (4, 3))
    tf.nest.assert_same_structure(before, after)
    for old, new in zip(tensors(before), tensors(after), strict=True):
        np.testing.assert_array_equal(new[MIXED], old[MIXED])


@KINDS
def test_keep_unmixed_makes_the_rest_of_themselves_alone(kind):
    plan = example(kind).keep(tf.constant(MIXED), (4, 3))
    alone = ~MIXED
    np.testing.assert_array_equal(plan.sources[alone], [[1] * 4, [4] * 4])
    np.testing.assert_array_equal(plan.weights[alone], [[1, 0, 0, 0]] * 2)
    if kind == "paste":
        assert not np.any(plan.region.dense()[alone])
    if kind == "soft":
        own = np.broadcast_to([1, 0, 0, 0], (2, 4, 3, 4))
        np.testing.assert_array_equal(plan.region.dense()[alone], own)
    if kind != "blend":
        whole = np.broadcast_to([0, 0, 4, 3], (2, 4, 4))
        np.testing.assert_array_equal(plan.placement.frames[alone], whole)


@KINDS
@pytest.mark.parametrize("mixed", [True, False])
def test_keep_unmixed_decides_for_the_batch(kind, mixed):
    before = example(kind)
    once, each = (before.keep(tf.fill([count], mixed), (4, 3)) for count in (1, 5))
    for one, other in zip(tensors(once), tensors(each), strict=True):
        np.testing.assert_array_equal(one, other)


def test_keep_unmixed_keeps_a_batch_wide_region_for_the_mixed():
    before = plans.paste(others(5, 2)[:, 0], tf.constant([[True, False, True]]))
    after = before.keep(tf.constant(MIXED))
    expected = MIXED[:, None] & np.array([[True, False, True]])
    np.testing.assert_array_equal(after.region.dense(), expected)


def test_a_box_is_the_product_of_its_sides():
    rng = np.random.default_rng(7)
    box = tuple(tf.constant(rng.random((5, size)) < 0.5) for size in (4, 3, 6))
    region = np.einsum("bi,bj,bk->bijk", *(inside.numpy() for inside in box))
    drawn = plans.paste(others(5, 2)[:, 0], Box(box))
    assert drawn.hard
    np.testing.assert_array_equal(drawn.region.dense(), region)
    counted = oracles.shares(oracles.count(region, 2))
    np.testing.assert_array_equal(drawn.weights, counted)
    kept = drawn.keep(tf.constant(MIXED))
    np.testing.assert_array_equal(kept.region.dense(), region & MIXED[:, None, None, None])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_line_is_counted_by_its_places(size):
    line = np.random.default_rng(7).random((5, size)) < 0.5
    drawn = plans.paste(others(5, 2)[:, 0], Box((tf.constant(line),)))
    np.testing.assert_array_equal(drawn.weights, oracles.shares(oracles.count(line, 2)))


def test_blocks_are_the_sums_of_their_numbers():
    rng = np.random.default_rng(7)
    rows, columns = 2 * rng.integers(0, 2, (5, 6), "int32"), rng.integers(0, 2, (5, 9), "int32")
    region = rows[:, :, None] + columns[:, None]
    drawn = plans.paste(others(5, 4), Blocks((tf.constant(rows), tf.constant(columns))))
    assert drawn.hard
    np.testing.assert_array_equal(drawn.region.dense(), region)
    counted = oracles.count(region, 4)
    np.testing.assert_allclose(drawn.weights, counted / counted[0].sum(), rtol=0, atol=2e-7)
    np.testing.assert_array_equal(drawn.weights[:, 1:], oracles.shares(counted)[:, 1:])
    kept = drawn.keep(tf.constant(MIXED))
    np.testing.assert_array_equal(kept.region.dense(), region * MIXED[:, None, None])


@pytest.mark.parametrize("sizes", [(6,), (4, 6), (4, 3, 6)], ids=str)
def test_blocks_along_any_number_of_axes_are_counted(sizes):
    rng = np.random.default_rng(7)
    bits = 2 ** np.arange(len(sizes))[::-1]
    lines = [
        bit * rng.integers(0, 2, (5, size), "int32") for bit, size in zip(bits, sizes, strict=True)
    ]
    drawn = plans.paste(others(5, 2 ** len(sizes)), Blocks(tuple(map(tf.constant, lines))))
    region = drawn.region.dense().numpy()
    for i, *place in np.ndindex(5, *sizes):
        numbers = [line[i, at] for line, at in zip(lines, place, strict=True)]
        assert region[(i, *place)] == sum(numbers)
    counted = oracles.count(region, 2 ** len(sizes))
    np.testing.assert_array_equal(drawn.weights[:, 1:], oracles.shares(counted)[:, 1:])


def several(size=5, count=3):
    """Boxes by axes, bool [B, N, size], and the places that any of them covers."""
    rng = np.random.default_rng(7)
    lines = [rng.random((size, count, n)) < 0.4 for n in (6, 9)]
    return Boxes(tuple(map(tf.constant, lines))), np.einsum("bni,bnj->bij", *lines)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_boxes_are_what_any_of_them_covers(count):
    lines, region = several(count=count)
    drawn = plans.paste(others(5, 2), lines)
    assert drawn.hard
    np.testing.assert_array_equal(drawn.region.dense(), region)
    # What two of them cover counts once.
    np.testing.assert_array_equal(drawn.weights, oracles.shares(oracles.count(region, 2)))
    kept = drawn.keep(tf.constant(MIXED))
    np.testing.assert_array_equal(kept.region.dense(), region & MIXED[:, None, None])


@pytest.mark.parametrize("by_axes", [False, True])
@pytest.mark.parametrize("fill", [0.0, "mean"])
def test_erase_fills_places_and_leaves_the_sample_whole(fill, by_axes):
    lines, region = several()
    plan = plans.erase(5, lines if by_axes else tf.constant(region), fill)
    assert plan.hard
    assert plan.combine.value == fill
    np.testing.assert_array_equal(plan.sources, np.arange(5)[:, None])
    np.testing.assert_array_equal(plan.weights, np.ones((5, 1)))
    np.testing.assert_array_equal(plan.region.dense(), region)


def test_erase_serves_the_batch_with_one_region():
    plan = plans.erase(5, tf.constant([[True, False, True]]), 0.0)
    assert plan.sources.shape == plan.weights.shape == (5, 1)
    assert plan.region.dense().shape == (1, 3)


def test_keep_unmixed_fills_nothing_of_the_rest():
    lines, region = several()
    plan = plans.erase(5, lines, "mean").keep(tf.constant(MIXED))
    assert plan.combine.value == "mean"
    np.testing.assert_array_equal(plan.weights, np.ones((5, 1)))
    np.testing.assert_array_equal(plan.region.dense(), region & MIXED[:, None, None])


@pytest.mark.parametrize("mixed", [MIXED, [True], [False]], ids=str)
def test_keep_unmixed_moves_frames_of_their_own_size_back(mixed):
    corners = np.random.default_rng(7).integers(-3, 4, (5, 4, 2), "int32")
    region = tf.constant(hard_region(5, (4, 3), 4))
    before = plans.paste(others(5, 4), region, Shift(tf.constant(corners)))
    after = before.keep(tf.constant(mixed))
    assert after.placement.frames.dtype == tf.int32
    moved = np.where(np.broadcast_to(mixed, 5)[:, None, None], corners, 0)
    np.testing.assert_array_equal(after.placement.frames, moved)


@pytest.mark.parametrize("mode", ["eager", "graph", "unknown size", "all in XLA"])
def test_a_count_is_exact_where_float32_is_not(mode):
    size = 2**25 + 19
    places = np.ones((2, size), bool)
    places[0, ::7] = False
    places[1, -1] = False
    options = {"jit_compile": mode == "all in XLA"}
    if mode == "unknown size":
        options["input_signature"] = [tf.TensorSpec([None, None], tf.bool)]
    counted = count if mode == "eager" else tf.function(count, **options)
    # 28,760,917 and 33,554,450: neither is a float32.
    np.testing.assert_array_equal(counted(tf.constant(places)), places.sum(axis=1))


def test_the_share_of_millions_of_soft_places_does_not_drift():
    def share(other):
        region = tf.fill([1, 2**24], other)
        return plans.soft(tf.constant([0]), tf.stack([1 - region, region], axis=-1)).weights

    for call in (share, tf.function(share, jit_compile=True)):
        np.testing.assert_allclose(call(tf.constant(0.7)), [[0.3, 0.7]], rtol=0, atol=1e-6)
