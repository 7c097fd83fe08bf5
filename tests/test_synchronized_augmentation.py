"""All modalities are cut at the same second and place: values that tell where they come from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix._core.draw import shared_windows
from keras_mix.layers import BoundingBoxOptions, SynchronizedAugmentation

SEED = tf.constant([5, 6])
SIZE = 200
RATES = {"video": 6, "audio": 20, "sensor": 2.5}


def clocks(seconds=4, size=SIZE, rates=RATES):
    """Each place holds its second."""
    return {
        name: np.tile(np.arange(int(rate * seconds), dtype="float32") / rate, (size, 1))
        for name, rate in rates.items()
    }


def together(duration=2.0, **options):
    return SynchronizedAugmentation(sampling_rates=RATES, duration=duration, **options)


def test_all_modalities_are_cut_at_the_same_second():
    cut = {name: part.numpy() for name, part in together()(clocks(), seed=SEED).items()}
    start = cut["audio"][:, 0]
    for name, rate in RATES.items():
        expected = start[:, None] + np.arange(int(2 * rate)) / rate
        np.testing.assert_allclose(cut[name], expected, atol=1e-5)
    # 6, 20 and 2.5 have 0.5 in common: starts are whole pairs of seconds, 0 and 2, alike often.
    assert set(start) == {0.0, 2.0}
    assert abs((start == 0).mean() - 0.5) < 5 * np.sqrt(0.25 / SIZE)


def test_starts_are_uniform_over_what_the_rates_have_in_common():
    rates = {"video": 4, "audio": 12}
    layer = SynchronizedAugmentation(sampling_rates=rates, duration=1)
    cut = layer(clocks(3, 4000, rates), seed=SEED)
    starts, counts = np.unique(cut["audio"][:, 0].numpy(), return_counts=True)
    np.testing.assert_allclose(starts, np.arange(9) / 4)
    assert (np.abs(counts / 4000 - 1 / 9) < 5 * np.sqrt(8 / 81 / 4000)).all()


def test_one_speed_for_all_modalities():
    rates = {"video": 5, "audio": 20}
    layer = SynchronizedAugmentation(sampling_rates=rates, duration=2.0, speed=(0.5, 1.5))
    cut = {n: part.numpy() for n, part in layer(clocks(4, SIZE, rates), seed=SEED).items()}
    speed = (cut["audio"][:, -1] - cut["audio"][:, 0]) / (39 / 20)
    assert speed.min() >= 0.5 - 1e-4
    assert speed.max() <= 1.5 + 1e-4
    assert abs(speed.mean() - 1) < 5 * np.sqrt(1 / 12 / SIZE)
    for name, rate in rates.items():
        # A clock is a line, so what is read between its places is exact.
        expected = cut["audio"][:, :1] + speed[:, None] * np.arange(int(2 * rate)) / rate
        np.testing.assert_allclose(cut[name], expected, atol=1e-4)
    assert (cut["audio"] <= 4).all()


def test_integers_are_taken_from_the_nearest_place():
    tokens = np.tile(np.arange(20, dtype="int32"), (SIZE, 1))
    layer = SynchronizedAugmentation(
        sampling_rates={"a": 5, "b": 5}, duration=2.0, speed=(0.5, 1.5)
    )
    cut = layer({"a": tokens, "b": tokens.astype("float32")}, seed=SEED)
    assert cut["a"].dtype == tf.int32
    assert np.abs(cut["a"].numpy() - cut["b"].numpy()).max() <= 0.5 + 1e-4


def places(size, height, width, channels=True):
    """Each pixel holds its row and column, as shares of the sides."""
    rows, columns = np.mgrid[:height, :width].astype("float32")
    grid = np.stack([rows / height, columns / width], axis=-1)
    return np.tile(grid, (size, 1, 1, 1))


@pytest.mark.parametrize("flip", [0.0, 0.3, 1.0])
def test_frames_of_every_size_are_cropped_and_flipped_alike(flip):
    image, depth = places(SIZE, 8, 12), places(SIZE, 4, 6)
    video = np.stack([depth, depth + 1], axis=1)
    layer = SynchronizedAugmentation(frames=["image", "depth", "video"], crop=0.5, flip=flip)
    batch = {"image": image, "depth": depth, "video": video, "label": np.arange(SIZE)}
    cut = {name: np.asarray(part) for name, part in layer(batch, seed=SEED).items()}
    assert cut["image"].shape == (SIZE, 4, 6, 2)
    assert cut["video"].shape == (SIZE, 2, 2, 3, 2)
    np.testing.assert_array_equal(cut["label"], np.arange(SIZE))
    np.testing.assert_array_equal(cut["video"][:, 0], cut["depth"])
    np.testing.assert_array_equal(cut["video"][:, 1], cut["depth"] + 1)
    flipped = cut["image"][:, 0, 0, 1] > cut["image"][:, 0, -1, 1]
    assert abs(flipped.mean() - flip) <= 5 * np.sqrt(flip * (1 - flip) / SIZE)
    for name, step in (("image", 1), ("depth", 2)):
        straight = np.where(flipped[:, None, None, None], cut[name][:, :, ::-1], cut[name])
        top, left = straight[:, 0, 0, 0], straight[:, 0, 0, 1]
        rows = top[:, None] + np.arange(4 // step) * step / 8
        columns = left[:, None] + np.arange(6 // step) * step / 12
        np.testing.assert_allclose(straight[:, :, 0, 0], rows, atol=1e-6)
        np.testing.assert_allclose(straight[:, 0, :, 1], columns, atol=1e-6)
        if name == "image":
            first = top, left
        np.testing.assert_allclose([top, left], first, atol=1e-6)
    assert len({*zip(*first, strict=True)}) == 3 * 4


@pytest.mark.parametrize("name", ["xyxy", "rel_center_xywh", "yxyx"])
def test_boxes_move_along(name):
    """Boxes are painted, one a channel; what is left of the paint is the box."""
    corners = np.array([[0, 0, 3, 4], [2, 1, 12, 8], [7, 5, 8, 6], [5, 3, 9, 7]], "float32")
    image = np.zeros((8, 12, 4), "float32")
    for channel, (left, top, right, bottom) in enumerate(corners.astype(int)):
        image[top:bottom, left:right, channel] = 1
    convert = keras.utils.bounding_boxes.convert_format
    given = np.array(convert(corners[None], "xyxy", name, height=8, width=12))
    padding = np.full((1, 1, 4), -1.0, "float32")
    boxes = np.tile(np.concatenate([given, padding], axis=1), (SIZE, 1, 1))
    batch = {
        "images": np.tile(image, (SIZE, 1, 1, 1)),
        "bounding_boxes": {"boxes": boxes, "labels": np.tile([0, 1, 2, 3, -1], (SIZE, 1))},
    }
    layer = SynchronizedAugmentation(
        frames=["images"],
        crop=0.5,
        flip=0.5,
        bounding_boxes=BoundingBoxOptions(name, min_visible=0.2),
    )
    found = layer(batch, seed=SEED)
    images, found = found["images"].numpy(), found["bounding_boxes"]
    labels, boxes = found["labels"].numpy(), found["boxes"].numpy()
    back = np.array(convert(boxes, name, "xyxy", height=4, width=6))
    for sample in range(SIZE):
        assert labels[sample, 4] == -1
        for channel in range(4):
            rows, columns = np.nonzero(images[sample, :, :, channel])
            share = len(rows) / image[..., channel].sum()
            if share < 0.2:
                assert labels[sample, channel] == -1
                assert (boxes[sample, channel] == -1).all()
                continue
            assert labels[sample, channel] == channel
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(back[sample, channel], expected, atol=1e-4)
    assert 0 < (labels[:, :4] == -1).mean() < 1


def test_time_and_space_of_a_video_with_its_sound():
    video = np.tile(np.arange(12.0, dtype="float32")[:, None, None, None], (3, 1, 2, 2, 1))
    layer = SynchronizedAugmentation(
        sampling_rates={"video": 6, "audio": 12}, duration=1.0, frames=["video"], flip=1.0
    )
    audio = np.tile(np.arange(24.0, dtype="float32"), (3, 1))
    cut = layer({"video": video, "audio": audio}, seed=SEED)
    assert cut["video"].shape == (3, 6, 2, 2, 1)
    np.testing.assert_allclose(cut["video"][:, :, 0, 0, 0] / 6, cut["audio"][:, ::2] / 12)


def test_outside_of_training_shapes_are_those_of_training():
    layer = together(frames=["image"], crop=0.5, flip=1.0, speed=(0.5, 1.5))
    batch = {**clocks(size=2), "image": places(2, 8, 12)}
    still, drawn = layer(batch, training=False), layer(batch, seed=SEED)
    for name, rate in RATES.items():
        expected = np.tile(np.arange(int(2 * rate)) / rate, (2, 1))
        np.testing.assert_allclose(still[name], expected, rtol=1e-6)
    np.testing.assert_array_equal(still["image"], places(2, 8, 12)[:, 2:6, 3:9])
    assert {n: p.shape for n, p in still.items()} == {n: p.shape for n, p in drawn.items()}


@pytest.mark.parametrize("speed", [(1, 1), (0.8, 1.25)])
def test_in_every_mode_alike(speed):
    layer = together(frames=["image"], crop=0.5, flip=0.5, speed=speed)
    batch = {**clocks(size=8), "image": places(8, 8, 12)}
    expected = layer(batch, seed=SEED)
    tensors = {name: tf.constant(part) for name, part in batch.items()}
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    found = [
        tf.function(layer)(tensors, seed=SEED),
        tf.function(layer, jit_compile=True)(tensors, seed=SEED),
        next(iter(dataset.map(lambda x: layer(x, seed=SEED)))),
    ]
    for other in found:
        for name, part in expected.items():
            np.testing.assert_allclose(other[name], part, rtol=0, atol=2e-6)


def test_in_a_seeded_dataset_with_labels():
    dataset = tf.data.Dataset.from_tensor_slices((clocks(size=16), np.arange(16))).batch(8)
    runs = [list(data.mix(dataset, together(), seed=3)) for _ in range(2)]
    for (x, y), (other, _) in zip(*runs, strict=True):
        assert y.shape == (8,)
        np.testing.assert_array_equal(x["audio"], other["audio"])
    assert runs[0][0][0]["video"].shape == (8, 12)


@pytest.mark.parametrize("others", [(np.arange(8),), (np.arange(8), np.ones(8))])
def test_what_stands_beside_the_modalities_comes_back_as_it_was(others):
    dataset = tf.data.Dataset.from_tensor_slices((clocks(size=8), *others)).batch(8)
    x, *same = next(iter(dataset.map(together())))
    assert x["audio"].shape == (8, 40)
    assert len(same) == len(others)
    for before, after in zip(others, same, strict=True):
        np.testing.assert_array_equal(before, after)


def test_weights_without_labels_are_refused():
    with pytest.raises(ValueError, match="`sample_weight` needs labels"):
        together()(clocks(size=8), sample_weight=np.ones(8))


def test_what_rates_have_in_common():
    assert shared_windows.common({"a": 25, "b": 16000}, 1.0) == ({"a": 1, "b": 640}, 25)
    assert shared_windows.common({"a": 29.97, "b": 48000}, 100) == ({"a": 999, "b": 1_600_000}, 3)
    assert shared_windows.common({"a": 10, "b": 4}, 0.25).length is None


def test_config_round_trip():
    layer = together(
        frames=["image"], crop=0.5, flip=0.3, speed=(0.9, 1.1), bounding_boxes="xyxy", seed=0
    )
    loaded = keras.layers.deserialize(keras.layers.serialize(layer))
    assert loaded.get_config() == layer.get_config()
    batch = {**clocks(size=4), "image": places(4, 8, 12)}
    for name, part in layer(batch, seed=SEED).items():
        np.testing.assert_array_equal(loaded(batch, seed=SEED)[name], part)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"sampling_rates": {"a": 0}, "duration": 1},
            "`sampling_rates` must be a finite number above 0",
        ),
        ({"sampling_rates": {"a": 10}}, "need a `duration`"),
        ({"speed": (0.5, 1)}, "need a `duration`"),
        ({"duration": 1}, "needs `sampling_rates`"),
        (
            {"sampling_rates": {"a": 10, "b": 4}, "duration": 0.25},
            "must be a whole number. Received: dur",
        ),
        ({"sampling_rates": {"a": 1}, "duration": -1}, "`duration` must be a finite number"),
        (
            {"sampling_rates": {"a": 1}, "duration": 1, "speed": (0, 1)},
            "`speed` must be .* above 0",
        ),
        ({"sampling_rates": {"a": 1}, "duration": 1, "speed": (2, 1)}, "the smaller first"),
        ({"crop": 0}, "`crop` must be"),
        ({"crop": 1.5}, "`crop` must be .* between 0 and 1"),
        ({"flip": 2}, "`flip` must be"),
        ({"frames": "image"}, "`frames` must be a list of strings"),
        ({"seed": 1}, "nothing is changed. Received: neither. Name modalities"),
        ({"crop": 0.5}, "`crop` has no effect, because no `frames`"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        SynchronizedAugmentation(**options)


IMAGES = np.zeros((2, 6, 9, 1), "float32")


@pytest.mark.parametrize(
    ("options", "batch", "match"),
    [
        ({"frames": ["a"]}, {"b": IMAGES}, r"must name modalities. Received: \['a'\]"),
        ({"frames": ["a"]}, IMAGES, "must be a dict"),
        ({"frames": ["a"], "crop": 0.5}, {"a": IMAGES}, "times each side must be a whole number"),
        ({"frames": ["a"]}, {"a": IMAGES[0, 0]}, "must be frames"),
        (
            {"sampling_rates": {"a": 1}, "duration": 1, "frames": ["a"]},
            {"a": IMAGES},
            r"must be a video, \(B, T, H, W, C\)",
        ),
        ({"frames": ["a", "b"]}, {"a": IMAGES, "b": IMAGES[:1]}, "same number of samples as `a`"),
        (
            {"sampling_rates": {"a": 4}, "duration": 2},
            {"a": IMAGES},
            "must last at least 2 seconds",
        ),
        (
            {"sampling_rates": {"a": 3}, "duration": 2, "speed": (1, 1.5)},
            {"a": IMAGES},
            "must last at least 3 seconds. Received: 6 time steps at 3 per second",
        ),
        (
            {"frames": ["a"]},
            {
                "a": IMAGES,
                "bounding_boxes": {"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 1))},
            },
            "boxes need `bounding_boxes`, their format",
        ),
    ],
)
def test_bad_batches_are_refused(options, batch, match):
    with pytest.raises(ValueError, match=match) as caught:
        SynchronizedAugmentation(**options)(batch)
    assert str(caught.value).startswith("SynchronizedAugmentation: ")


def test_what_is_too_short_is_refused_in_a_graph_that_did_not_know_its_size():
    layer = SynchronizedAugmentation(sampling_rates={"a": 4}, duration=2)
    signature = ({"a": tf.TensorSpec((None, None, 9, 1))},)
    graph = tf.function(layer, input_signature=signature, autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must last 2 seconds"):
        graph({"a": IMAGES})


@pytest.mark.parametrize("sizes", [(4, 4, 4), (2, 4, 6)], ids=str)
@pytest.mark.parametrize("tensor", [np.asarray, tf.constant])
def test_the_mask_of_a_video_moves_as_its_frames_do(sizes, tensor):
    video = np.random.default_rng(0).permutation(8 * np.prod(sizes)).reshape(8, *sizes)
    layer = SynchronizedAugmentation(frames=["video", "mask"], crop=0.5, flip=0.5)
    found = layer({"video": tensor(video[..., None]), "mask": video}, seed=SEED)
    assert found["mask"].shape == (8, sizes[0], sizes[1] // 2, sizes[2] // 2)
    np.testing.assert_array_equal(found["mask"], found["video"][..., 0])
    assert not np.array_equal(found["mask"], video[:, :, : sizes[1] // 2, : sizes[2] // 2])


def test_numbers_of_samples_that_turn_out_to_differ_are_named():
    layer = SynchronizedAugmentation(sampling_rates={"a": 1, "b": 1}, duration=2)
    signature = [{name: tf.TensorSpec([None, 4]) for name in "ab"}]
    graph = tf.function(lambda x: layer(x), input_signature=signature, autograph=False)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`b` must have the same number of samples as"
    ):
        graph({"a": np.zeros((3, 4), "float32"), "b": np.zeros((2, 4), "float32")})


def test_boxes_and_classes_keep_their_keys():
    layer = SynchronizedAugmentation(frames=["image"], flip=1.0, bounding_boxes="xyxy")
    batch = {"image": np.zeros((2, 4, 6, 1)), "bounding_boxes": {"classes": np.zeros((2, 1))}}
    batch["bounding_boxes"]["boxes"] = np.tile([0.0, 1, 2, 3], (2, 1, 1))
    found = layer(batch)["bounding_boxes"]
    np.testing.assert_array_equal(found["boxes"][:, 0], [[4, 1, 6, 3]] * 2)
    assert set(found) == {"boxes", "classes"}
    with pytest.raises(ValueError, match="`bounding_boxes` must be a dict"):
        layer({**batch, "bounding_boxes": np.zeros((2, 1, 4))})
