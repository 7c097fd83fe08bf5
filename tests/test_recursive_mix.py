"""RecursiveMix: the previous mixed batch as partner. The laws of all: test_contract_*."""

import numpy as np
import pytest
import tensorflow as tf
from contract import sampled, seed_of
from scipy import stats

from keras_mix import data
from keras_mix._core.draw import random
from keras_mix.data import _seed_stream
from keras_mix.layers import BoundingBoxOptions, RandomApply, RecursiveMix
from keras_mix.pairings import InOrder

UNLIKELY = 1e-4
STEPS, SIZE, SIDE = 5, 4, 48
SAMPLES = STEPS * SIZE


def painted(samples=SAMPLES, side=SIDE):
    """Channel i of sample i is 1, all others 0; and the ids."""
    return np.tile(np.eye(samples, dtype="f4")[:, None, None], (1, side, side, 1)), np.arange(
        samples
    )


def batches(*arrays, sizes=(SIZE,) * STEPS):
    """A dataset of batches of the given sizes."""
    ends = np.cumsum(sizes)
    parts = [
        tf.data.Dataset.from_tensors(tuple(a[end - size : end] for a in arrays))
        for size, end in zip(sizes, ends, strict=True)
    ]
    joined = tf.data.Dataset.from_tensor_slices(tuple(a[:0] for a in arrays)).batch(1)
    for part in parts:
        joined = joined.concatenate(part)
    return joined


def arrays(dataset):
    return [[part.numpy() for part in tf.nest.flatten(batch)] for batch in dataset]


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for got, want in zip(one, other, strict=True):
            np.testing.assert_array_equal(got, want)


def assert_labels_are_counted(mixed, first_id=0):
    """Over all steps: a sample's own pixels, counted, and for the rest the previous label."""
    previous, first = None, first_id
    for images, labels in mixed:
        size = len(images)
        own = np.eye(labels.shape[1], dtype="f4")[first : first + size]
        counts = (images[np.arange(size), ..., np.arange(first, first + size)] > 0).sum((1, 2))
        weight = (counts / np.float32(images[0, ..., 0].size))[:, None]
        partner = own if previous is None else previous[np.arange(size) % len(previous)]
        np.testing.assert_allclose(labels, weight * own + (1 - weight) * partner, atol=1e-6)
        # Shrunk sources are read between their pixels.
        np.testing.assert_allclose(images.mean((1, 2)), labels, atol=0.03)
        previous, first = labels, first + size


def test_labels_are_counted_pixels_over_five_steps():
    layer = RecursiveMix((0.3, 0.6), num_classes=SAMPLES, pairing=InOrder())
    mixed = arrays(data.mix(batches(*painted()), layer, seed=1))
    assert_labels_are_counted(mixed)
    classes = [(labels > 0).sum(1).min() for _, labels in mixed]
    assert classes == [1, 2, 3, 4, 5]


def test_partners_are_drawn_from_the_previous_batch():
    layer = RecursiveMix(num_classes=SAMPLES, jit_compile=False)
    mixed = arrays(data.mix(batches(*painted(side=16)), layer, seed=1))
    first, second = mixed[0][1], mixed[1][1]
    assert (first[:, SIZE:] == 0).all()
    assert ((second[:, :SIZE] > 0).any(1) | (second[:, SIZE : 2 * SIZE] == 1).any(1)).all()
    assert (second[:, SIZE : 2 * SIZE] * (1 - np.eye(SIZE)) == 0).all()


def test_batches_may_differ_in_size():
    sizes = (5, 2, 7)
    layer = RecursiveMix((0.3, 0.6), num_classes=SAMPLES, pairing=InOrder(), jit_compile=False)
    mixed = arrays(data.mix(batches(*painted(), sizes=sizes), layer, seed=1))
    assert [len(images) for images, _ in mixed] == list(sizes)
    assert_labels_are_counted(mixed)


def test_an_epoch_resumes_in_the_middle_whatever_runs_in_parallel(tmp_path):
    images, ids = painted(side=8)
    dataset = tf.data.Dataset.from_tensor_slices((images, ids)).batch(6)

    def pipeline(calls):
        layer = RecursiveMix(num_classes=SAMPLES)
        return data.mix(dataset, layer, seed=3, num_parallel_calls=calls).prefetch(2).repeat(2)

    expected = arrays(pipeline(1))
    half = len(expected) // 2
    # Each epoch begins with a batch that has no previous one, and draws anew.
    assert (expected[half][1][:, 6:] == 0).all()
    assert not np.array_equal(expected[half][1], expected[0][1])
    begun = iter(pipeline(8))
    read = [next(begun) for _ in range(half + 2)]
    kept = tf.train.Checkpoint(it=begun).write(str(tmp_path / "checkpoint"))
    assert_equal(arrays([*read, *begun]), expected)
    resumed = iter(pipeline(1))
    tf.train.Checkpoint(it=resumed).read(kept).assert_consumed()
    assert_equal(arrays(resumed), expected[half + 2 :])


def test_a_loop_that_passes_the_previous_batch_is_what_the_dataset_does():
    images, ids = painted(side=16)
    layer = RecursiveMix(num_classes=SAMPLES, jit_compile=False)
    seeds = _seed_stream.seeds(1).take(STEPS)
    previous, found = None, []
    for seed, batch in zip(seeds, batches(images, ids), strict=True):
        seed = tf.cast(seed, tf.int32)
        previous = layer(batch, seed=seed, partners=batch if previous is None else previous)
        found.append(previous)
    expected = arrays(data.mix(batches(images, ids), layer, seed=1))
    for one, other in zip(arrays(found), expected, strict=True):
        for got, want in zip(one, other, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("known", [True, False])
def test_every_target_is_carried_along(known):
    rng = np.random.default_rng(0)
    batch = {
        "images": rng.integers(0, 256, (12, 8, 9, 3)).astype("u1"),
        "labels": np.arange(12) % 5,
        "segmentation_masks": np.tile(np.arange(12)[:, None, None], (1, 8, 9)),
        "sample_weights": rng.random(12).astype("f4"),
        "bounding_boxes": {
            "boxes": np.tile(np.array([[[1, 1, 7, 7]]], "f4"), (12, 1, 1)),
            "labels": np.ones((12, 1), "i4"),
        },
    }
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(4)
    if not known:
        shapes = tf.nest.map_structure(lambda spec: [None] * len(spec.shape), dataset.element_spec)
        shapes["bounding_boxes"]["boxes"][-1] = 4
        dataset = dataset.map(lambda each: _of_shapes(each, shapes))
    boxes = BoundingBoxOptions("xyxy", max_boxes=3, min_visible=0)
    options = {"bounding_boxes": boxes, "rate": 0.9, "jit_compile": False}
    layer = RecursiveMix((0.4, 0.8), num_classes=5, **options)
    found = list(data.mix(dataset, layer, seed=1))
    assert [each["images"].shape for each in found] == [(4, 8, 9, 3)] * 3
    for number, each in enumerate(found):
        masks, seen = each["segmentation_masks"].numpy(), 4 * (number + 1)
        assert each["images"].dtype == tf.uint8
        assert masks.max() < seen
        assert each["bounding_boxes"]["boxes"].shape == (4, 3, 4)
        np.testing.assert_allclose(tf.reduce_sum(each["labels"], 1), 1, atol=1e-6)
    assert (found[2]["segmentation_masks"].numpy() < 8).any()
    assert (found[2]["bounding_boxes"]["labels"].numpy() >= 0).sum() > 4


def _of_shapes(batch, shapes):
    flat = zip(tf.nest.flatten(batch), _flat_shapes(shapes), strict=True)
    return tf.nest.pack_sequence_as(
        batch, [tf.ensure_shape(tf.identity(_hidden(t)), s) for t, s in flat]
    )


def _hidden(tensor):
    """The tensor with unknown sizes."""
    return tf.py_function(lambda given: given, [tensor], tensor.dtype)


def _flat_shapes(shapes):
    if isinstance(shapes, dict):
        return [shape for key in sorted(shapes) for shape in _flat_shapes(shapes[key])]
    return [shapes]


def test_the_fraction_is_uniform_and_the_box_is_clipped_as_the_authors_clip():
    grid, count = (40, 60), 3000
    plan = sampled(RecursiveMix(), count, grid)
    _, share, place = random.split(seed_of(), 3)
    fraction = random.between(share, (0.0, 0.5), [count]).numpy()
    assert stats.kstest(fraction, stats.uniform(0, 0.5).cdf).pvalue > UNLIKELY
    centers = random.points(place, count, grid).numpy()
    region = plan.region.dense().numpy()
    area = np.empty(count)
    for i, center in enumerate(centers):
        box = np.zeros(grid, bool)
        lines = []
        for axis, size in enumerate(grid):
            side = int(np.sqrt(np.float32(fraction[i])) * np.float32(size))
            first = max(center[axis] - side // 2, 0)
            lines.append((first, min(center[axis] - side // 2 + side, size)))
        (top, bottom), (left, right) = lines
        box[top:bottom, left:right] = True
        np.testing.assert_array_equal(region[i], box)
        area[i] = box.sum()
        frame = plan.placement.frames.numpy()[i, 1]
        expected = [top, left, max(bottom - top, 1), max(right - left, 1)]
        np.testing.assert_array_equal(frame, expected)
    np.testing.assert_array_equal(plan.weights[:, 1], (area / 2400).astype("f4"))
    assert stats.spearmanr(*centers.T).pvalue > UNLIKELY


def test_a_batch_shares_one_box_with_per_batch():
    plan = sampled(RecursiveMix(per="batch"), 9, (33, 47))
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(plan.region.lines[0]) == 1


IMAGES = np.zeros((4, 8, 8, 3), "u1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_mode": "pairs"}, "so it cannot be packed"),
        ({"label_smoothing": 0.1}, "would be smoothed each time"),
        ({"bounding_boxes": "xyxy"}, "their number must be set"),
        ({"bounding_boxes": BoundingBoxOptions("xyxy", max_boxes=3, details=True)}, "details"),
    ],
    ids=str,
)
def test_what_cannot_be_mixed_again_is_refused(options, message):
    layer = RecursiveMix(**{"num_classes": 4, **options})
    batch = {"images": IMAGES, "labels": np.arange(4)}
    with pytest.raises(ValueError, match=message):
        data.mix(tf.data.Dataset.from_tensors(batch), layer)
    with pytest.raises(ValueError, match=message):
        layer(batch, partners=batch)


def test_calls_that_would_not_be_recursive_are_refused():
    layer = RecursiveMix(num_classes=4)
    dataset = tf.data.Dataset.from_tensors((IMAGES, np.arange(4)))
    with pytest.raises(ValueError, match=r"a graph keeps no batch .*keras_mix\.data\.mix"):
        dataset.map(layer)
    with pytest.raises(ValueError, match="are the previous mixed batch"):
        data.mix(dataset, layer, partners=dataset)
    with pytest.raises(ValueError, match="must see all of it"):
        RandomApply(RecursiveMix())
    with pytest.raises(ValueError, match="fraction"):
        RecursiveMix((0.2, 1.1))
    with pytest.raises(ValueError, match="cannot be mixed again"):
        RecursiveMix(kinds={"points": "keypoints"})
    # Validation is not mixed, so it needs no previous batch.
    _, labels = next(iter(dataset.map(lambda x, y: layer(x, y, training=False))))
    np.testing.assert_array_equal(labels, np.eye(4))
