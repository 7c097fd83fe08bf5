"""CopyPaste: pixels are painted one by one, and what objects are pasted is drawn fairly."""

from typing import NamedTuple

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix.layers import BoundingBoxOptions, CopyPaste, CutMix, Mosaic, RandomChoice

SIZE, COUNT, HEIGHT, WIDTH = 250, 3, 9, 12
KINDS = {"objects": "instance_masks", "points": "keypoints", "pixels": "segmentation_masks"}


class Drawn(CopyPaste):
    """Keeps the plan that it draws."""

    def sample(self, batch, seed):
        self.drawn = super().sample(batch, seed)
        return self.drawn


class Case(NamedTuple):
    """A batch, and what an oracle needs to know of it."""

    images: np.ndarray
    masks: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    points: np.ndarray | None = None

    @property
    def batch(self):
        pixels = np.arange(self.masks[:, 0].size, dtype="int32").reshape(self.masks[:, 0].shape)
        boxes = {"boxes": self.boxes, "labels": self.labels}
        y = {"objects": self.masks, "boxes": boxes, "pixels": pixels}
        return self.images, y if self.points is None else {**y, "points": self.points}


def case(size=SIZE, seed=0):
    """Objects of random pixels in random rectangles; some overlap, some are missing."""
    random = np.random.default_rng(seed)
    masks = np.zeros((size, COUNT, HEIGHT, WIDTH), "uint8")
    boxes = np.zeros((size, COUNT, 4), "float32")
    labels = random.integers(0, 9, (size, COUNT)).astype("int32")
    for i, n in np.ndindex(size, COUNT):
        top, left = random.integers(0, HEIGHT - 2), random.integers(0, WIDTH - 2)
        bottom, right = random.integers(top + 2, HEIGHT + 1), random.integers(left + 2, WIDTH + 1)
        shape = random.random((bottom - top, right - left)) < 0.6
        shape[0] = shape[:, 0] = True  # The rectangle is the box of the object.
        shape[-1] = shape[:, -1] = True
        masks[i, n, top:bottom, left:right] = shape
        boxes[i, n] = left, top, right, bottom
        if random.random() < 0.2:
            masks[i, n], labels[i, n] = 0, -1
    images = random.integers(0, 256, (size, HEIGHT, WIDTH, 3)).astype("uint8")
    points = random.random((size, 4, 2)).astype("float32") * [WIDTH, HEIGHT]
    return Case(images, masks, boxes, labels, points.astype("float32"))


def read_from(frame, row, column):
    """The row and the column of a partner that a pixel shows by the nearest; None outside."""
    found = []
    for place, start, extent, size in zip(
        (row, column), frame[:2], frame[2:], (HEIGHT, WIDTH), strict=True
    ):
        # In float32, where a position may lie between two pixels.
        position = np.float32(place) + np.float32(0.5) - start
        at = position * (np.float32(size) / extent) - np.float32(0.5)
        nearest = int(np.floor(at + np.float32(0.5)))
        if not 0 < position / extent < 1:
            return None
        found.append(min(max(nearest, 0), size - 1))
    return tuple(found)


class Painted(NamedTuple):
    """One sample as the oracle paints it; `origin` is (is partner's, row, column) of each pixel."""

    origin: dict
    masks: np.ndarray
    boxes: list
    weight: float


def painted(given, i, j, frame, chosen, least):
    """Sample i under the chosen objects of sample j, by a loop over its pixels."""
    origin, masks = {}, np.zeros((2 * COUNT, HEIGHT, WIDTH), "uint8")
    for place in np.ndindex(HEIGHT, WIDTH):
        there = read_from(frame, *place)
        pasted = there is not None and any(given.masks[(j, n, *there)] for n in chosen)
        origin[place] = (pasted, *(there if pasted else place))
        for n in range(COUNT):
            if pasted and n in chosen:
                masks[(COUNT + n, *place)] = given.masks[(j, n, *there)]
            if not pasted:
                masks[(n, *place)] = given.masks[(i, n, *place)]
    boxes = []
    stretch = abs(frame[2] * frame[3]) / (HEIGHT * WIDTH)
    for n, mask in enumerate(masks):
        source, factor = (i, 1.0) if n < COUNT else (j, stretch)
        whole = (given.masks[source, n % COUNT] != 0).sum() * factor
        if not mask.any() or mask.sum() / whole < least - 1e-5:
            mask[:] = 0
            continue
        rows, columns = np.nonzero(mask)
        boxes.append(
            (
                [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1],
                given.labels[source, n % COUNT],
            )
        )
    shown = sum(pasted for pasted, *_ in origin.values())
    return Painted(origin, masks, boxes, np.float32(shown / (HEIGHT * WIDTH)))


def frame_of(plan, i):
    whole = np.array([0, 0, HEIGHT, WIDTH], "float32")
    return whole if plan.placement is None else plan.placement.frames[i, 1].numpy()


def assert_images(images, given, i, j, frame, right):
    """Pasted pixels are read between those of the partner, others are the sample's own."""
    partner = oracles.placed(given.images[j], frame, nearest=False)
    for place, (pasted, *_) in right.origin.items():
        if pasted:
            np.testing.assert_allclose(images[place], partner[place], rtol=0, atol=0.51)
        else:
            np.testing.assert_array_equal(images[place], given.images[(i, *place)])


def assert_points(found, given, i, j, frame, right):
    for s, source in enumerate((i, j)):
        for n, point in enumerate(given.points[source]):
            moved = np.float32(point)
            if s:
                stretch = frame[2:] / np.float32([HEIGHT, WIDTH])
                moved = frame[1::-1] + np.float32(point) * stretch[::-1]
            column, row = np.floor(moved).astype(int)
            shown = right.origin.get((row, column), (None,))[0] == bool(s)
            expected = moved if shown and (s == 0 or right.weight) else (-1, -1)
            np.testing.assert_allclose(found[s * len(given.points[0]) + n], expected, rtol=1e-6)


def assert_painted(given, layer, least, seed=(1, 2)):
    """Compares a mixed batch with the oracle, and returns the number of samples that changed."""
    images, y = layer(*given.batch, seed=seed_of(seed))
    plan, changed = layer.drawn, 0
    found = {name: each.numpy() for name, each in y.items() if name != "boxes"}
    boxes, labels = y["boxes"]["boxes"].numpy(), y["boxes"]["labels"].numpy()
    for i, (_, j) in enumerate(plan.sources.numpy()):
        chosen = np.flatnonzero(plan.region.objects[1].visible[i])
        frame = frame_of(plan, i)
        right = painted(given, i, j, frame, chosen, least)
        changed += right.weight > 0
        np.testing.assert_array_equal(found["objects"][i], right.masks)
        assert plan.weights[i, 1] == right.weight
        kept = labels[i] != -1
        assert [list(box) for box in boxes[i][kept]] == [box for box, _ in right.boxes]
        assert labels[i][kept].tolist() == [label for _, label in right.boxes]
        for place, (pasted, row, column) in right.origin.items():
            number = ((j if pasted else i) * HEIGHT + row) * WIDTH + column
            assert found["pixels"][(i, *place)] == number
        assert_images(images[i].numpy(), given, i, j, frame, right)
        if given.points is not None:
            assert_points(found["points"][i], given, i, j, frame, right)
    return changed


def made(kinds=KINDS, least=0.3, pairing="derange", **arguments):
    boxes = BoundingBoxOptions("xyxy", min_visible=least)
    return Drawn(kinds=kinds, bounding_boxes=boxes, pairing=pairing, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"max_objects": 1}, {"scale": (0.3, 2.0)}, {"scale": (0.8, 1.25), "flip": 0.5}],
    ids=["in place", "one", "scaled", "mirrored"],
)
def test_pixels_are_painted_and_targets_follow(arguments):
    given, kinds = case(), KINDS
    if "flip" in arguments:
        given, kinds = given._replace(points=None), {**KINDS}
        del kinds["points"]
    changed = assert_painted(given, made(kinds, **arguments), least=0.3)
    assert changed > SIZE / 3


def test_the_number_of_objects_is_uniform_and_each_is_as_likely():
    size = 4000
    masks = np.zeros((size, COUNT, 2, 4), "uint8")
    for n in range(COUNT):
        masks[:, n, :, n] = 1
    layer = Drawn(kinds={"y": "instance_masks"}, pairing="roll")
    layer(np.zeros((size, 2, 4, 1), "float32"), masks, seed=seed_of())
    chosen = layer.drawn.region.objects[1].visible.numpy() > 0
    counts = np.bincount(chosen.sum(axis=1), minlength=COUNT + 1) / size
    np.testing.assert_allclose(counts, 1 / (COUNT + 1), rtol=0, atol=0.03)
    np.testing.assert_allclose(chosen.mean(axis=0), 0.5, rtol=0, atol=0.03)


def test_one_draw_serves_the_batch():
    masks = np.tile(np.eye(4, dtype="uint8")[:, None], (6, 1, 1, 1))
    layer = Drawn((0.5, 1.5), kinds={"y": "instance_masks"}, per="batch", flip=0.5)
    layer(np.zeros((6, 1, 4, 1), "float32"), masks, seed=seed_of())
    assert len(np.unique(layer.drawn.placement.frames[:, 1, 2:], axis=0)) == 1
    layer = Drawn(kinds={"y": "instance_masks"}, per="batch", pairing="roll")
    layer(np.zeros((6, 1, 4, 1), "float32"), masks, seed=seed_of())
    assert len(np.unique(layer.drawn.region.objects[1].visible, axis=0)) == 1


def test_results_are_the_same_in_every_mode():
    x, y = case(9).batch
    layer = made(scale=(0.4, 2.0), rate=0.7, blur=1.0)

    def mix(x, y):
        return layer(x, y, seed=seed_of())

    expected = mix(x, y)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(9)
    x, y = tf.nest.map_structure(tf.constant, (x, y))
    compiled = tf.function(mix, jit_compile=True)
    for images, found in (compiled(x, y), next(iter(dataset.map(mix)))):
        # A blended pixel may be rounded to the next level.
        difference = np.abs(images.numpy().astype(int) - expected[0].numpy())
        assert difference.max() <= 1
        # So may the last bit of a keypoint that is moved.
        points = found.pop("points"), {**expected[1]}.pop("points")
        np.testing.assert_allclose(*points, rtol=1e-6)
        for name, value in found.items():
            tf.nest.map_structure(np.testing.assert_array_equal, value, expected[1][name])


def test_edges_are_blended_and_targets_stay_hard():
    given = case(8)
    hard, soft = made(), made(blur=1.5)
    images, y = soft(*given.batch, seed=seed_of())
    hard_images, hard_y = hard(*given.batch, seed=seed_of())
    tf.nest.map_structure(np.testing.assert_array_equal, y, hard_y)
    assert images.dtype == tf.uint8
    covered = hard.drawn.region.dense().numpy().astype(float)
    rows, columns = (gaussian(size, 1.5) for size in (HEIGHT, WIDTH))
    alpha = np.einsum("rs,bsc,dc->brd", rows, covered, columns)[..., None]
    partner = given.images[hard.drawn.sources[:, 1]]
    right = (1 - alpha) * given.images + alpha * partner
    np.testing.assert_allclose(images, right, rtol=0, atol=0.51)
    assert np.any(np.abs(right - hard_images) > 1)


def gaussian(size, sigma):
    """The rows of a Gaussian filter of a line, that ends at 3 σ and at the line's ends."""
    found = np.zeros((size, size))
    for one, other in np.ndindex(size, size):
        if abs(one - other) <= 3 * sigma:
            found[one, other] = np.exp(-((one - other) ** 2) / (2 * sigma**2))
    return found / found.sum(axis=1, keepdims=True)


def test_what_is_not_touched_keeps_its_box():
    """Also one that is drawn loosely around its object, and one of an object without a mask."""
    given = case(4)
    given.masks[:, :, 4:] = 0
    given.masks[:, 2] = 0
    given.boxes[:] = [0.25, 0.5, 11.5, 8.75]
    given.labels[:] = [0, 1, 2]
    found = made(rate=0)(*given.batch, seed=seed_of())[1]["boxes"]
    np.testing.assert_array_equal(found["boxes"][:, :COUNT], given.boxes)
    given.masks[1:, :2, :, :6] = 0
    given.masks[:1, :2, :, 6:] = 0
    layer = made(pairing="roll")
    found = layer(*given.batch, seed=seed_of())[1]["boxes"]
    assert layer.drawn.weights[0, 1] > 0
    np.testing.assert_array_equal(found["boxes"][0, :COUNT], given.boxes[0])


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_boxes_are_listed_where_masks_are(rate):
    """Also in a sample that the rate leaves unmixed: nothing of its partner is listed."""
    given = case(12)
    found = made(rate=rate, pairing="roll")(*given.batch, seed=seed_of())[1]
    listed = (np.asarray(found["boxes"]["labels"]) >= 0).sum(axis=1)
    own = (given.labels >= 0) & given.masks.any(axis=(2, 3))
    if not rate:
        np.testing.assert_array_equal(listed, (given.labels >= 0).sum(axis=1))
    shown = np.asarray(found["objects"]).any(axis=(2, 3)).sum(axis=1)
    without = (given.labels >= 0).sum(axis=1) - own.sum(axis=1)
    np.testing.assert_array_equal(listed - without, shown)


def test_partners_from_a_second_batch_and_samples_without_objects():
    given, second = case(6), case(6, seed=1)
    layer = made()
    second.masks[:3] = 0
    layer(*given.batch, partners=second.batch, seed=seed_of())
    empty = layer.drawn.sources[:, 1].numpy() - 6 < 3
    assert not np.any(layer.drawn.weights[:, 1][empty])
    assert np.any(layer.drawn.weights[:, 1] > 0)


def test_one_of_several_mixers():
    given = case(12)
    mixers = [CopyPaste((0.5, 2.0), blur=1.0, pairing="roll"), CutMix(), Mosaic()]
    layer = RandomChoice(mixers, kinds=KINDS, bounding_boxes="xyxy")
    images, y = layer(*given.batch, seed=seed_of())
    assert y["objects"].shape == (12, 4 * COUNT, HEIGHT, WIDTH)
    assert images.dtype == tf.uint8


def test_a_saved_layer_is_the_same():
    layer = CopyPaste((0.1, 2.0), flip=0.5, max_objects=3, blur=2.0, kinds=KINDS)
    again = CopyPaste.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


IMAGES, MASKS = np.zeros((2, 4, 4, 3), "uint8"), np.zeros((2, 3, 4, 4), "uint8")
BOXES = {"boxes": np.zeros((2, 2, 4), "float32"), "labels": np.full((2, 2), -1)}
NAMED = {"masks": "instance_masks"}


@pytest.mark.parametrize(
    ("options", "y", "sentence"),
    [
        ({}, np.zeros((2, 4, 4), "int32"), "regions are drawn from instance masks, so a batch"),
        ({"kinds": NAMED, "bounding_boxes": "xyxy"}, BOXES, "3 masks and 2 boxes"),
        ({"kinds": {**NAMED, "p": "keypoints"}, "flip": 0.5}, None, "keypoints cannot be mirrored"),
    ],
    ids=["no masks", "another number", "mirrored keypoints"],
)
def test_what_cannot_be_pasted_is_refused(options, y, sentence):
    if options.get("bounding_boxes"):
        y = {"masks": MASKS, "boxes": y}
    elif y is None:
        y = {"masks": MASKS, "p": np.zeros((2, 1, 2), "float32")}
    for layer in (
        CopyPaste(**options),
        RandomChoice([CopyPaste(flip=options.pop("flip", 0))], **options),
    ):
        with pytest.raises(ValueError, match=sentence):
            layer(IMAGES, y)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": (0.0, 1.0)}, "`scale` must be a finite number above 0"),
        ({"scale": 2.0}, r"`scale` must be a pair \(low, high\)"),
        ({"flip": 1.5}, "`flip` must be a finite number between 0 and 1"),
        ({"max_objects": 0}, "`max_objects` must be an integer of at least 1"),
        ({"blur": -1}, "`blur` must be a finite number of at least 0"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        CopyPaste(**options)
