"""One rule for each kind of leaf, against the oracles."""

import numpy as np
import oracles
import pytest
import tensorflow as tf

from keras_mix._core import kinds
from keras_mix._core.batch.region_grid import spatial_axes
from keras_mix._core.leaves import rules
from keras_mix._core.leaves.dense import Dense, DenseOfUnknownSize
from keras_mix._core.leaves.labels import ClassIds, Labels, PackedClassIds
from keras_mix._core.leaves.rule import Passthrough, Pool
from keras_mix._core.leaves.sample_weights import SampleWeights
from keras_mix._core.leaves.segmentation_masks import SegmentationMasks, SoftMasks
from keras_mix._core.leaves.sequences import FrameLabels, Lengths, TokenIds, ValidityMasks
from keras_mix._core.plan.placements import Resize
from keras_mix._core.plan.plan import Plan
from keras_mix._core.plan.regions import Mask, Soft

SIZE, GRID = 5, (6, 7)
DTYPES = ["uint8", "int32", "float16", "bfloat16", "float32", "float64"]
RANDOM = np.random.default_rng(0)
# Shares of eighths, so that sums are exact; the third sample is wholly itself.
WEIGHTS = np.array([[4, 4, 0, 0], [1, 2, 2, 3], [8, 0, 0, 0], [0, 8, 0, 0], [7, 0, 0, 1]]) / 8
SOURCES = np.array([[i, (i + 1) % SIZE, (i + 3) % SIZE, (i + 2) % SIZE] for i in range(SIZE)])
# (top, left, height, width): in place, a crop moved, stretched, shrunk off the centre.
PLACEMENT = np.array([[0, 0, 6, 7], [-2, 3, 6, 7], [-1, -2, 8, 16], [2, 1, 3, 3.5]], "float32")


def images(dtype="float32", channels=(3,), size=SIZE, grid=GRID):
    return RANDOM.integers(0, 256, (size, *grid, *channels)).astype(
        tf.as_dtype(dtype).as_numpy_dtype
    )


def hard_plan(sources=4, placement=None, grid=GRID):
    region = RANDOM.integers(0, sources, (SIZE, *grid), "int32")
    return plan_of(region.astype(bool) if sources == 2 else region, sources, placement)


def soft_plan(sources=4, placement=None, grid=GRID):
    region = RANDOM.random((SIZE, *grid, sources), np.float32)
    return plan_of(region / region.sum(axis=-1, keepdims=True), sources, placement)


def plan_of(region, sources=4, placement=None):
    if placement is not None:
        placement = Resize(tf.constant(np.tile(placement[:sources], (SIZE, 1, 1)), tf.float32))
    if region is not None:
        soft = np.issubdtype(region.dtype, np.floating)
        region = (Soft if soft else Mask)(tf.constant(region))
    return Plan(
        tf.constant(SOURCES[:, :sources], tf.int32),
        tf.constant(WEIGHTS[:, :sources], tf.float32),
        region,
        placement,
    )


def mix(plan, tensor, rule):
    return rules.apply(plan, [Pool(tf.constant(tensor))], [rule])[0].numpy()


def dense(dtype, axes=(1, 2), rule=Dense):
    return rule(axes, tf.as_dtype(dtype))


# Blending.


@pytest.mark.parametrize("shape", [(), (3,), (4, 3), (6, 7, 3), (2, 6, 7, 3)], ids=str)
def test_values_blend_by_their_weights(shape):
    values = RANDOM.normal(size=(SIZE, *shape)).astype("float32")
    mixed = mix(plan_of(None), values, dense("float32", axes=None))
    np.testing.assert_allclose(mixed, oracles.blend(values, SOURCES, WEIGHTS), atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_blends_are_rounded_once_to_their_dtype(dtype):
    values = images(dtype)
    mixed = mix(plan_of(None), values, dense(dtype))
    exact = oracles.blend(values, SOURCES, WEIGHTS)
    whole = np.issubdtype(mixed.dtype, np.integer)
    expected = (np.rint(exact) if whole else exact).astype(mixed.dtype)
    np.testing.assert_array_equal(mixed, expected)


def test_blends_of_doubles_are_doubles():
    values = RANDOM.normal(size=(SIZE, 3))
    mixed = mix(plan_of(None), values, dense("float64", axes=None))
    np.testing.assert_allclose(mixed, oracles.blend(values, SOURCES, WEIGHTS), rtol=0, atol=1e-15)


def test_blends_stay_in_the_range_of_bytes():
    values = RANDOM.choice([0, 255], (SIZE, 4)).astype("uint8")
    mixed = mix(plan_of(None), values, dense("uint8", axes=None))
    np.testing.assert_array_equal(mixed, np.rint(oracles.blend(values, SOURCES, WEIGHTS)))


def test_values_off_the_grid_are_blended_by_the_weights_of_a_region():
    values = RANDOM.random((SIZE, 9), np.float32)
    mixed = mix(hard_plan(), values, dense("float32", axes=None))
    np.testing.assert_allclose(mixed, oracles.blend(values, SOURCES, WEIGHTS), atol=1e-6)


@pytest.mark.parametrize("make", [hard_plan, soft_plan])
@pytest.mark.parametrize("grid", [GRID, (4, 2)])
def test_values_of_unknown_size_are_pasted_on_the_grid_and_blended_off_it(make, grid):
    values, plan = images(grid=grid), make()
    mixed = mix(plan, values, dense("float32", rule=DenseOfUnknownSize))
    expected = mix(plan, values, dense("float32", (1, 2) if grid == GRID else None))
    np.testing.assert_array_equal(mixed, expected)


# Pasting.


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
@pytest.mark.parametrize("sources", [2, 4])
def test_pasting_copies_pixels_of_every_dtype(dtype, sources):
    values, plan = images(dtype), hard_plan(sources)
    expected = oracles.paste(values, SOURCES, plan.region.dense().numpy())
    np.testing.assert_array_equal(mix(plan, values, dense(dtype)), expected)


@pytest.mark.parametrize(
    ("shape", "axes", "grid"),
    [
        ((9,), (1,), (9,)),
        ((9, 2), (1,), (9,)),
        ((6, 7), (1, 2), (6, 7)),
        ((6, 7, 3), (1, 2), (6, 7)),
        ((2, 3, 4, 2), (1, 2, 3), (2, 3, 4)),
    ],
    ids=["B,T", "B,T,C", "B,H,W", "B,H,W,C", "B,T,H,W,C"],
)
def test_pasting_and_soft_regions_on_grids_of_any_rank(shape, axes, grid):
    values = RANDOM.random((SIZE, *shape), np.float32)
    hard, gradual = hard_plan(grid=grid), soft_plan(grid=grid)
    rule = dense("float32", axes)
    pasted = oracles.paste(values, SOURCES, hard.region.dense().numpy())
    np.testing.assert_array_equal(mix(hard, values, rule), pasted)
    blended = oracles.soft(values, SOURCES, gradual.region.dense().numpy())
    np.testing.assert_allclose(mix(gradual, values, rule), blended, atol=1e-6)


@pytest.mark.parametrize("make", [hard_plan, soft_plan])
def test_one_region_serves_the_frames_of_a_video(make):
    videos, plan = RANDOM.random((SIZE, 4, *GRID, 3), np.float32), make()
    mixed = mix(plan, videos, dense("float32", axes=(2, 3)))
    for t in range(4):
        frame = mix(plan, videos[:, t], dense("float32"))
        np.testing.assert_array_equal(mixed[:, t], frame)


@pytest.mark.parametrize("make", [hard_plan, soft_plan])
def test_channels_may_come_first(make):
    values, plan = RANDOM.random((SIZE, *GRID, 3), np.float32), make()
    first = mix(plan, values.transpose(0, 3, 1, 2), dense("float32", axes=(2, 3)))
    last = mix(plan, values, dense("float32"))
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), last)


@pytest.mark.parametrize("make", [hard_plan, soft_plan])
def test_one_region_serves_the_batch(make):
    values, plan = RANDOM.random((SIZE, *GRID, 3), np.float32), make()
    region = plan.region.dense()[:1]
    kind = type(plan.region)
    once = plan._replace(region=kind(region))
    each = plan._replace(region=kind(tf.repeat(region, SIZE, axis=0)))
    rule = dense("float32")
    np.testing.assert_array_equal(mix(once, values, rule), mix(each, values, rule))


# Placement.


@pytest.mark.parametrize("channels", [(), (3,)], ids=["B,H,W", "B,H,W,C"])
def test_placed_images_are_read_linearly(channels):
    values = RANDOM.random((SIZE, *GRID, *channels), np.float32)
    plan = hard_plan(placement=PLACEMENT)
    expected = oracles.paste(
        values, SOURCES, plan.region.dense().numpy(), plan.placement.frames.numpy()
    )
    np.testing.assert_allclose(mix(plan, values, dense("float32")), expected, atol=1e-5)


def test_placed_images_under_a_soft_region():
    values = RANDOM.random((SIZE, *GRID, 3), np.float32)
    plan = soft_plan(placement=PLACEMENT)
    expected = oracles.soft(
        values, SOURCES, plan.region.dense().numpy(), plan.placement.frames.numpy()
    )
    np.testing.assert_allclose(mix(plan, values, dense("float32")), expected, atol=1e-5)


def test_placed_bytes_are_rounded_once():
    values, plan = images("uint8"), hard_plan(placement=PLACEMENT)
    exact = oracles.paste(
        values, SOURCES, plan.region.dense().numpy(), plan.placement.frames.numpy()
    )
    mixed = mix(plan, values, dense("uint8")).astype("float64")
    assert np.abs(mixed - exact).max() <= 0.5 + 1e-3


def test_placed_masks_take_the_nearest_class():
    masks, plan = images("int32", channels=()), hard_plan(placement=PLACEMENT)
    arrays = plan.region.dense().numpy(), plan.placement.frames.numpy()
    expected = oracles.paste(masks, SOURCES, *arrays, nearest=True)
    rule = dense("int32", rule=SegmentationMasks)
    np.testing.assert_array_equal(mix(plan, masks, rule), expected)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_frames_moved_by_whole_pixels_are_copies(dtype):
    values = images(dtype)
    moved = np.array([[2, 3, 6, 7], [-2, 3, 6, 7], [2, -3, 6, 7], [-1, -1, 6, 7]], "float32")
    plan = hard_plan(placement=moved)
    expected = oracles.paste(
        values, SOURCES, plan.region.dense().numpy(), moved[None].repeat(SIZE, 0)
    )
    np.testing.assert_array_equal(mix(plan, values, dense(dtype)), expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("make", [hard_plan, soft_plan])
def test_sources_without_a_place_leave_no_trace(make, dtype):
    nowhere = PLACEMENT.copy()
    nowhere[3] = 3, 3, 0, 0
    values, plan = images(dtype), make(placement=nowhere)
    if plan.hard:
        plan = plan._replace(region=Mask(plan.region.source % 3))
    else:
        plan = plan._replace(region=Soft(plan.region.values * [1.0, 1.0, 1.0, 0.0]))
    somewhere = np.concatenate([nowhere[:3], PLACEMENT[3:]])
    clean = plan._replace(placement=Resize(tf.constant(np.tile(somewhere, (SIZE, 1, 1)))))
    rule = dense(dtype)
    np.testing.assert_array_equal(mix(plan, values, rule), mix(clean, values, rule))


# Masks, labels, weights.


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
@pytest.mark.parametrize("channels", [(), (1,)], ids=["B,H,W", "B,H,W,1"])
def test_masks_are_cut_along(dtype, channels):
    masks, plan = images(dtype, channels), hard_plan()
    expected = oracles.paste(masks, SOURCES, plan.region.dense().numpy())
    mixed = mix(plan, masks, dense(dtype, rule=SegmentationMasks))
    np.testing.assert_array_equal(mixed, expected)
    assert mixed.dtype == dtype


@pytest.mark.parametrize("shape", [(SIZE,), (SIZE, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_class_ids_become_mixed_one_hot_labels(shape, dtype):
    ids = np.array([3, 0, 2, 6, 2]).reshape(shape).astype(dtype)
    mixed = mix(plan_of(None), ids, ClassIds(tf.float32, num_classes=7))
    expected = oracles.blend(oracles.one_hot(ids.astype(int), 7), SOURCES, WEIGHTS)
    np.testing.assert_allclose(mixed, expected, atol=1e-7)
    assert mixed.dtype == "float32"


def test_large_class_ids_are_not_rounded():
    ids = np.array([300, 20_999, 257, 0, 16_777])
    mixed = mix(plan_of(None), ids, ClassIds(tf.float32, num_classes=21_000))
    assert [set(np.flatnonzero(row)) for row in mixed] == [
        {ids[s] for s, w in zip(*pair, strict=True) if w}
        for pair in zip(SOURCES, WEIGHTS, strict=True)
    ]


@pytest.mark.parametrize("shape", [(SIZE,), (SIZE, 1)])
def test_pairs_hold_sources_and_weights(shape):
    ids = np.array([3, 20_999, 2, 6, 2])
    mixed = mix(plan_of(None), ids.reshape(shape), PackedClassIds(4))
    np.testing.assert_array_equal(mixed, np.stack([ids[SOURCES], WEIGHTS], axis=1))
    assert mixed.dtype == "float32"


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("dtype", ["int32", "float16", "float32"])
def test_smoothing_spreads_a_share_of_the_mixed_label(smoothing, dtype):
    labels = np.eye(SIZE, dtype=dtype)
    mixed = mix(plan_of(None), labels, Labels(tf.float32, smoothing=smoothing))
    sharp = oracles.blend(labels, SOURCES, WEIGHTS)
    np.testing.assert_allclose(mixed, (1 - smoothing) * sharp + smoothing / SIZE, atol=1e-6)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)


def test_sample_weights_are_averaged_by_the_plan():
    weights = RANDOM.random(SIZE, np.float32)
    mixed = mix(plan_of(None), weights, SampleWeights(None, tf.float32))
    np.testing.assert_allclose(mixed, oracles.blend(weights, SOURCES, WEIGHTS), atol=1e-7)


def test_passthrough_stays():
    names = np.array([b"a", b"b", b"c", b"d", b"e"])
    assert mix(plan_of(None), names, Passthrough()).tolist() == names.tolist()


FORMS = {
    "images": (images("uint8"), dense("float32")),
    "values": (RANDOM.random((SIZE, 3)), dense("float16", None)),
    "values_of_unknown_size": (
        images(channels=(2,)),
        dense("float16", rule=DenseOfUnknownSize),
    ),
    "labels": (np.eye(SIZE, dtype="int32"), Labels(tf.float32)),
    "class_ids": (np.arange(SIZE)[:, None], ClassIds(tf.float32, num_classes=7)),
    "pairs": (np.arange(SIZE), PackedClassIds(4)),
    "segmentation_masks": (images("int64", ()), dense("int64", rule=SegmentationMasks)),
    "sample_weights": (np.ones(SIZE), SampleWeights(None, tf.float32)),
    "soft_masks": (images("uint8", ()) % 5, SoftMasks((1, 2), tf.float32, num_classes=5)),
    "lengths": (np.arange(SIZE, dtype="int32"), Lengths(tf.int32)),
    "masks": (RANDOM.random((SIZE, GRID[0])) < 0.5, ValidityMasks((1,), tf.bool)),
    "token_ids": (images("int64", ()), dense("int64", rule=TokenIds)),
    "frame_labels": (np.ones((SIZE, GRID[0], 3)), FrameLabels(tf.float32, axes=(1,))),
    "passthrough": (np.arange(SIZE), Passthrough()),
}


def test_every_kind_is_tried():
    # Boxes, which are two tensors and more, are tried in test_boxes.py, texts in test_mix_gen.py.
    bound = {*FORMS} - {"values_of_unknown_size", "pairs", "soft_masks"}
    elsewhere = {"bounding_boxes", "instance_masks", "keypoints", "texts"}
    assert bound | elsewhere == set(rules.KINDS)
    # The columns of a table are bound together, not one by one.
    assert {*rules.KINDS, "columns"} == set(kinds.ALL)


@pytest.mark.parametrize("kind", FORMS)
def test_unmixed_leaves_have_the_form_of_mixed_ones(kind):
    tensor, rule = FORMS[kind]
    formed, mixed = rule.form(tf.constant(tensor)), mix(hard_plan(), tensor, rule)
    assert (formed.dtype, formed.shape) == (mixed.dtype, mixed.shape)


@pytest.mark.parametrize("kind", FORMS)
def test_plan_of_oneself_alone_gives_the_unmixed_form(kind):
    tensor, rule = FORMS[kind]
    alone = plan_of(np.zeros((SIZE, *GRID), "int32"))
    alone = alone._replace(weights=tf.constant([[1.0, 0, 0, 0]] * SIZE))
    formed = rule.form(tf.constant(tensor)).numpy()
    found = mix(alone, tensor, rule)
    if kind == "pairs":  # Donors of no weight may be named.
        formed, found = (pairs[:, [0, 1], [0, 0]] for pairs in (formed, found))
    np.testing.assert_array_equal(found, formed)


@pytest.mark.parametrize(
    ("rank", "grid_rank", "data_format", "axes"),
    [
        (1, 1, "channels_last", None),
        (2, 1, "channels_last", (1,)),  # B, T
        (3, 1, "channels_last", (1,)),  # B, T, C
        (3, 1, "channels_first", (2,)),  # B, C, T
        (4, 1, "channels_last", (1,)),  # B, T, F, C
        (5, 1, "channels_last", (1,)),  # B, T, H, W, C
        (2, 2, "channels_last", None),
        (3, 2, "channels_last", (1, 2)),  # B, H, W
        (3, 2, "channels_first", (1, 2)),
        (4, 2, "channels_last", (1, 2)),  # B, H, W, C
        (4, 2, "channels_first", (2, 3)),  # B, C, H, W
        (5, 2, "channels_last", (2, 3)),  # B, T, H, W, C
        (5, 3, "channels_last", (1, 2, 3)),
        (5, 3, "channels_first", (2, 3, 4)),
    ],
)
def test_axes_under_the_grid(rank, grid_rank, data_format, axes):
    assert spatial_axes(rank, grid_rank, data_format) == axes
