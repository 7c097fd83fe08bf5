"""Boxes: they follow the pixels, in every format, under every mixer."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, mixers_that

from keras_mix._core import checks
from keras_mix._core.batch.structure import BoxSet
from keras_mix._core.draw import shapes
from keras_mix._core.leaves import boxes as box_rule
from keras_mix._core.leaves.rule import Pool
from keras_mix._core.plan import plan as plans
from keras_mix._core.plan.regions import Blocks, Box
from keras_mix.layers import BoundingBoxOptions, CutMix, MixUp, Mosaic

SEED = tf.constant([1, 2])
RANDOM = np.random.default_rng(0)
GRID = (12, 17)
HEIGHT, WIDTH = 30, 44


def random_boxes(size, count, grid, step=1.0):
    """float32 [size, count, 4], xyxy, on multiples of `step` pixels and of at least one step."""
    height, width = (int(side / step) for side in grid)
    ends = [
        np.sort(np.stack([RANDOM.choice(n + 1, 2, replace=False) for _ in range(size * count)]))
        for n in (width, height)
    ]
    found = np.stack([ends[0][:, 0], ends[1][:, 0], ends[0][:, 1], ends[1][:, 1]], axis=1)
    return (step * found.reshape(size, count, 4)).astype("float32")


def box_region():
    corner, sides = (tf.constant(RANDOM.integers(0, GRID, (20, 2), "int32")) for _ in range(2))
    return shapes.box(corner, sides, GRID)


def lines():
    """Lines of which each is in or out, whatever its neighbours are."""
    return [tf.constant(RANDOM.random((20, n)) < 0.6) for n in GRID]


def block_lines():
    pairs = zip(lines(), (2, 1), strict=True)
    return Blocks(tuple(tf.cast(line, tf.int32) * bit for line, bit in pairs))


REGIONS = {
    "one box": box_region,
    "lines here and there": lambda: Box(tuple(lines())),
    "four blocks": lambda: shapes.blocks(
        tf.constant(RANDOM.integers(0, GRID, (20, 2), "int32")), GRID
    ),
    "lines of four": block_lines,
    "places": lambda: tf.constant(RANDOM.random((20, *GRID)) < 0.6),
    "one half": lambda: tf.constant(np.tile(np.arange(GRID[1]) < 9, (20, GRID[0], 1))),
}


def rasterized(box, mine, step):
    """The area, and the box around what is left, of a box over a map of fine pixels."""
    left, top, right, bottom = (round(float(end) / step) for end in box)
    ys, xs = np.nonzero(mine[top:bottom, left:right])
    if not len(ys):
        return 0.0, None
    ends = (left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1)
    return len(ys) * step**2, [end * step for end in ends]


@pytest.mark.parametrize("make", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("step", [1.0, 0.25], ids=["whole pixels", "quarters of pixels"])
@pytest.mark.parametrize("name", ["xyxy", "rel_xyxy", "rel_center_xywh"])
def test_what_is_seen_equals_a_rasterized_count(make, step, name):
    """20 samples × 9 boxes × 2 or 4 sources × 36 parametrizations: over 15,000 boxes.

    Relative coordinates in float32 miss the pixels that they mean by a rounding error.
    """
    given, region = random_boxes(20, 9, GRID, step), make()
    number = 4 if isinstance(region, Blocks) else 2
    partners = np.stack([np.roll(np.arange(20), s) for s in range(1, number)], axis=1)
    plan = plans.paste(tf.constant(partners, tf.int32), region)
    places = plan.region.dense().numpy().astype(int)
    places = places.repeat(1 / step, axis=1).repeat(1 / step, axis=2)
    options = box_rule.Options(name, min_visible=0.0, details=True, sources=number)
    labels = np.arange(20 * 9).reshape(20, 9)
    convert = keras.utils.bounding_boxes.convert_format
    written = np.array(convert(given, "xyxy", name, *GRID))
    batch = BoxSet(tf.constant(written), tf.constant(labels), tf.constant(GRID, tf.float32))
    found = box_rule.BoundingBoxes(options).mix(plan, Pool(batch))
    found["boxes"] = tf.constant(convert(found["boxes"], name, "xyxy", *GRID))
    for i in range(20):
        kept = listed(found, i)
        for s, source in enumerate([i, *partners[i]]):
            for n in range(9):
                area, box = rasterized(given[source, n], places[i] == s, step)
                whole = np.prod(given[source, n, 2:] - given[source, n, :2])
                assert (9 * source + n in kept) == (area > 0)
                if area:
                    found_box, visible = kept[9 * source + n]
                    np.testing.assert_allclose(visible, area / whole, rtol=1e-5)
                    np.testing.assert_allclose(found_box, box, atol=1e-5)


@pytest.mark.parametrize("name", ["xyxy", "rel_xyxy", "rel_center_xywh"])
def test_a_box_of_which_just_min_visible_is_seen_is_kept(name):
    convert, grid = keras.utils.bounding_boxes.convert_format, (37, 113)
    frame, labels = tf.constant(grid, tf.float32), tf.constant([[0], [-1]])
    for left, size, seen in ((40, 10, 3), (57, 20, 14), (3, 7, 6), (90, 23, 23)):
        box = np.array([[[left, 29, left + size, 36]]] * 2, "float32")
        written = tf.constant(convert(box, "xyxy", name, *grid), tf.float32)
        hidden = np.broadcast_to(np.arange(113) >= left + seen, (2, *grid))
        plan = plans.paste(tf.constant([[1], [0]]), tf.constant(hidden))
        for least, kept in ((seen / size, True), ((seen + 0.01) / size, False)):
            rule = box_rule.BoundingBoxes(box_rule.Options(name, min_visible=least))
            found = rule.mix(plan, Pool(BoxSet(written, labels, frame)))
            assert (found["labels"][0, 0] == 0) == kept


def listed(found, sample):
    """{label: (box, visible share)} of a sample's boxes."""
    columns = (found[key][sample].numpy() for key in ("labels", "boxes", "visible"))
    return {int(n): (box, share) for n, box, share in zip(*columns, strict=True) if n != -1}


def painted(size=6, count=3):
    """Images whose boxes are filled with the number of the box; boxes side by side."""
    images = np.zeros((size, HEIGHT, WIDTH, 1), "float32")
    boxes = np.full((size, count + 1, 4), -1, "float32")
    labels = np.full((size, count + 1), -1)
    for i in range(size):
        for n in range(count):
            left = 14 * n + RANDOM.integers(0, 4)
            right, top = left + RANDOM.integers(5, 10), RANDOM.integers(0, 15)
            bottom = top + RANDOM.integers(5, 15)
            labels[i, n] = 1 + count * i + n
            images[i, top:bottom, left:right] = labels[i, n]
            boxes[i, n] = left, top, right, bottom
    return images, {"boxes": boxes, "labels": labels}


FOLLOWING = {"bounding_boxes": BoundingBoxOptions("xyxy", min_visible=0.0, details=True)}


@mixers_that(lambda row: row.pastes and not row.resizes)
def test_boxes_follow_the_pixels(row):
    images, given = painted()
    options = {**FOLLOWING, **row.paired("roll"), **row.strong}
    mixed, found = row.make(**options)(images, given, seed=SEED)
    sizes = np.prod(given["boxes"][..., 2:] - given["boxes"][..., :2], axis=-1)
    areas = dict(zip(given["labels"].ravel(), sizes.ravel(), strict=True))
    for i in range(6):
        pixels, kept = mixed[i, ..., 0].numpy(), listed(found, i)
        # What is filled with 77 is no box's number.
        assert set(kept) == {int(v) for v in np.unique(pixels)} - {0, 77}
        for label, (box, visible) in kept.items():
            ys, xs = np.nonzero(pixels == label)
            assert box.tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            np.testing.assert_allclose(visible, len(ys) / areas[label], rtol=1e-6)


@mixers_that(lambda row: row.resizes)
def test_boxes_follow_the_resized_pixels(row):
    images, given = painted()
    objects = (images > 0).astype("float32")
    # Mosaic, which crops nothing, takes no `min_visible`.
    whole = {"bounding_boxes": BoundingBoxOptions("xyxy", details=True)}
    options = whole if row.make is Mosaic else FOLLOWING
    layer = row.make(pairing="roll", **options, **row.strong)
    mixed, found = layer(objects, given, seed=SEED)
    for i in range(6):
        covered = np.zeros((HEIGHT, WIDTH), bool)
        for box, _ in listed(found, i).values():
            left, top, right, bottom = box
            covered[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
        # Every object lies in its box: linear reading spreads it over half a pixel at most.
        assert (mixed[i, ..., 0].numpy()[~covered] <= 0.5).all()
        # And every box is filled, but for its edges, by an object; those of small ones are much.
        seen = mixed[i, ..., 0].numpy()[covered].sum()
        assert seen > 0.5 * covered.sum()


@pytest.mark.parametrize(
    ("mixer", "name"),
    [*((CutMix, name) for name in checks.BOX_FORMATS), (MixUp, "xywh"), (Mosaic, "rel_yxyx")],
)
def test_every_format_gives_the_same_boxes(mixer, name):
    images, given = painted()
    convert = keras.utils.bounding_boxes.convert_format
    _, expected = mixer(bounding_boxes="xyxy")(images, given, seed=SEED)
    there = np.array(convert(given["boxes"], "xyxy", name, HEIGHT, WIDTH))
    there = {**given, "boxes": there}
    _, found = mixer(bounding_boxes=name.upper())(images, there, seed=SEED)
    back = convert(found["boxes"], name, "xyxy", HEIGHT, WIDTH)
    np.testing.assert_array_equal(found["labels"], expected["labels"])
    real = expected["labels"] != -1
    np.testing.assert_allclose(back[real], expected["boxes"][real], atol=1e-4)
    assert (found["boxes"][~real] == -1).numpy().all()


# But for those that cut time alone.
@mixers_that(lambda row: row.make.grid_rank != 1)
@pytest.mark.parametrize("name", ["xyxy", "rel_center_xywh"])
def test_unmixed_boxes_keep_every_bit(row, name):
    images, given = painted()
    # Numbers that conversions would round.
    there = [0.4, 0.4, 0.3, 0.2] if name == "rel_center_xywh" else [0.1, 0.2, 7.3, 8.4]
    boxes = there + RANDOM.random((6, 4, 4)) / 20
    boxes = np.where(given["labels"][..., None] == -1, -1, boxes).astype("float32")
    layer = row.make(bounding_boxes=name, **row.strong | {"rate": 0})
    for training in (True, False):
        _, found = layer(images, {**given, "boxes": boxes}, seed=SEED, training=training)
        assert found["boxes"].shape == (6, 4 * row.sources, 4)
        np.testing.assert_array_equal(found["boxes"][:, :4], boxes)
        np.testing.assert_array_equal(found["labels"][:, :4], given["labels"])
        assert (found["labels"][:, 4:] == -1).numpy().all()


@pytest.mark.parametrize("mixer", [CutMix, MixUp])
def test_who_is_mixed_with_himself_has_each_box_once(mixer):
    images, given = painted()
    layer = mixer(bounding_boxes="xyxy", pairing="reverse", alpha=8.0)
    odd = {key: value[:5] for key, value in given.items()}
    _, found = layer(images[:5], odd, seed=SEED)
    np.testing.assert_array_equal(found["boxes"][2, :4], given["boxes"][2])
    assert (found["labels"][2, 3:] == -1).numpy().all()


def test_blended_boxes_have_the_weights_of_their_sources():
    images, given = painted()
    layer = MixUp(
        alpha=8.0,
        bounding_boxes=BoundingBoxOptions("xyxy", details=True),
        pairing="roll",
        label_mode="pairs",
    )
    _, y = layer(images, {"boxes": given, "id": np.arange(6)}, seed=SEED)
    found, (own, other) = y["boxes"], y["id"][:, 1].numpy().T
    np.testing.assert_array_equal(found["labels"][:, :3], given["labels"][:, :3])
    np.testing.assert_array_equal(found["labels"][:, 3:6], np.roll(given["labels"], -1, 0)[:, :3])
    np.testing.assert_allclose(found["weights"][:, :3], np.tile(own[:, None], 3))
    np.testing.assert_allclose(found["weights"][:, 3:6], np.tile(other[:, None], 3))


@pytest.mark.parametrize("training", [True, False])
def test_the_largest_boxes_stay_and_the_others_are_counted(training):
    images, given = painted()

    def boxes_of(most):
        options = BoundingBoxOptions("xyxy", max_boxes=most, details=True)
        mix = MixUp(bounding_boxes=options, pairing="roll")
        return mix(images, given, seed=SEED, training=training)[1]

    everything, found = boxes_of(None), boxes_of(2)
    assert found["boxes"].shape == (6, 2, 4)
    sides = everything["boxes"][..., 2:] - everything["boxes"][..., :2]
    areas = np.where(everything["labels"] == -1, -1, np.prod(sides, axis=-1))
    for i in range(6):
        largest = np.sort(np.argsort(-areas[i], kind="stable")[:2])
        np.testing.assert_array_equal(found["labels"][i], everything["labels"][i].numpy()[largest])
        assert found["dropped"][i] == (areas[i] > 0).sum() - 2
    more = boxes_of(20)
    assert more["boxes"].shape == (6, 20, 4)
    np.testing.assert_array_equal(more["boxes"][:, :8], everything["boxes"])
    assert (more["dropped"] == 0).numpy().all()


def test_boxes_of_which_little_is_seen_are_dropped():
    images, given = painted()
    everything, found = (
        CutMix(8.0, bounding_boxes=BoundingBoxOptions("xyxy", min_visible=least, details=True))(
            images, given, seed=SEED
        )[1]
        for least in (0.0, 0.5)
    )
    for i in range(6):
        visible, labels = everything["visible"][i], everything["labels"][i]
        enough = labels[visible >= 0.5].numpy().tolist()
        assert [label for label in found["labels"][i].numpy() if label != -1] == enough


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
def test_dtypes_of_boxes(dtype):
    images, given = painted()
    typed = {"boxes": given["boxes"].astype(dtype), "labels": given["labels"].astype("int16")}
    _, found = CutMix(bounding_boxes="xyxy", dtype="mixed_float16")(images, typed, seed=SEED)
    assert found["boxes"].dtype == ("float32" if dtype == "int32" else dtype)
    assert found["labels"].dtype == tf.int16


# A box, places, blocks of frames, shares.
@pytest.mark.parametrize("name", ["CutMix", "FMix", "Mosaic", "SmoothMix"])
def test_boxes_in_a_dataset_of_any_batch_size(name):
    row = MIXERS[name]
    layer = row.make(bounding_boxes=BoundingBoxOptions("rel_xyxy", details=True), **row.strong)
    images, given = painted()
    relative = given["boxes"] / np.array([WIDTH, HEIGHT] * 2, "f4")
    given["boxes"] = np.where(given["labels"][..., None] == -1, -1, relative)
    batch = {"images": images, "bounding_boxes": given, "labels": np.eye(6, dtype="f4")}
    expected = layer(batch, seed=SEED)
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(6)
    found = next(iter(dataset.map(lambda b: layer(b, seed=SEED))))
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def test_a_second_dataset_gives_its_boxes():
    (images, given), (others, theirs) = painted(), painted()
    theirs["labels"] = np.where(theirs["labels"] == -1, -1, theirs["labels"] + 100)
    layer = CutMix(alpha=8.0, bounding_boxes=BoundingBoxOptions("xyxy", min_visible=0.0))
    mixed, found = layer((images, given), partners=(others + 100, theirs), seed=SEED)
    for i in range(6):
        seen = {int(v) for v in np.unique(mixed[i])} - {0, 100}
        assert set(found["labels"][i].numpy()) - {-1} == seen


def bad(**changes):
    images, given = painted()
    for name, value in changes.items():
        given["boxes"][0, 0, int(name[1])] = value
    return images, given


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (bad(_0=np.nan), "must be finite numbers"),
        (bad(_2=0.0, _0=9.0), "must not have a maximum below its minimum"),
        (bad(_2=99.0), "must lie inside their images"),
        (bad(_1=-3.0), "must lie inside their images"),
    ],
    ids=["NaN", "inverted", "to the right", "above"],
)
@pytest.mark.parametrize("graph", [False, True])
def test_boxes_that_are_none_are_refused(batch, sentence, graph):
    layer = CutMix(bounding_boxes="xyxy", jit_compile=False)
    layer = tf.function(layer) if graph else layer
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=sentence):
        layer(tf.constant(batch[0]), {k: tf.constant(v) for k, v in batch[1].items()})


@pytest.mark.parametrize(
    ("options", "change", "sentence"),
    [
        ({}, {}, r"need a format.*bounding_boxes"),
        ({"bounding_boxes": "xyxy"}, {"labels": np.zeros((6, 9))}, "one label for each box"),
        ({"bounding_boxes": "xyxy"}, {"boxes": np.zeros((6, 4))}, r"boxes \(B, N, 4\)"),
    ],
)
def test_sets_of_boxes_that_cannot_be_read_are_refused(options, change, sentence):
    images, given = painted()
    with pytest.raises(ValueError, match=sentence):
        CutMix(**options)(images, {**given, **change})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "corners"}, "`format` must be one of"),
        ({"max_boxes": 0}, "`max_boxes` must be an integer of at least 1"),
        ({"min_visible": 1.5}, "`min_visible` must be a finite number between 0 and 1"),
        ({"max_boxes": 20}, "`max_boxes` has no effect, .* where their format is given"),
        ({"details": True}, "`details` has no effect, .* where their format is given"),
        ({"most": 3}, "`most` is not an argument"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=f"BoundingBoxOptions: {sentence}|^{sentence}"):
        BoundingBoxOptions(**options)


@pytest.mark.parametrize("value", ["corners", {"format": "xyxy"}, BoundingBoxOptions, 3])
def test_what_is_neither_a_format_nor_options_is_refused(value):
    with pytest.raises(ValueError, match=r"`bounding_boxes` must be .*Received: bounding_boxes="):
        CutMix(bounding_boxes=value)


def test_options_are_compared_shown_and_saved_by_value():
    options = BoundingBoxOptions("XYXY", max_boxes=3)
    assert repr(options) == "BoundingBoxOptions(format='xyxy', max_boxes=3)"
    assert options == BoundingBoxOptions("xyxy", max_boxes=3) != BoundingBoxOptions("xyxy")
    assert len({options, BoundingBoxOptions("xyxy", max_boxes=3)}) == 1
    layer = CutMix(bounding_boxes=options)
    assert repr(layer) == f"CutMix(bounding_boxes={options!r})"
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert keras.saving.deserialize_keras_object(saved).bounding_boxes == options
    # A format alone is shown and saved as it is written.
    assert (
        repr(CutMix(bounding_boxes=BoundingBoxOptions("xyxy"))) == "CutMix(bounding_boxes='xyxy')"
    )
    assert CutMix(bounding_boxes=BoundingBoxOptions()).bounding_boxes is None


def test_batches_of_any_size_are_mixed_eagerly_without_a_new_trace(monkeypatch):
    layer = Mosaic(bounding_boxes="xywh")

    def mix(size, number):
        labels = np.zeros((size, number), "int32")
        given = np.tile(np.array([2, 2, 7, 7], "float32"), (size, number, 1))
        sets = {"boxes": given, "labels": labels}
        return layer({"images": np.zeros((size, 16, 16, 1), "f4"), "bounding_boxes": sets})

    mix(2, 1)
    traced = []
    convert = keras.utils.bounding_boxes.convert_format

    def counted(*args, **kwargs):
        traced.append(args)
        return convert(*args, **kwargs)

    monkeypatch.setattr(keras.utils.bounding_boxes, "convert_format", counted)
    for size, number in ((2, 3), (3, 1), (5, 2)):
        mixed = mix(size, number)
        assert mixed["bounding_boxes"]["boxes"].shape == (size, 4 * number, 4)
    assert not traced
