"""Cutout: filled squares. The laws of all: test_contract_*."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import sampled, seed_of
from scipy import stats

from keras_mix._core.draw import random
from keras_mix.layers import CutMix, Cutout, GridMask, RandomApply, RandomChoice, SpecAugment

UNLIKELY = 1e-4
DTYPES = ["uint8", "float16", "bfloat16", "float32", "float64"]


def squares(layer, size, grid):
    """bool [size, *grid], as the definition has them around the centres drawn."""
    share = layer.size if isinstance(layer.size, float) else None
    side = layer.size if share is None else int(np.float32(share) * np.float32(min(grid)))
    centres = random.points(seed_of(), size * layer.count, grid).numpy()
    region = [oracles.rectangle(centre, [side] * len(grid), grid) for centre in centres]
    return np.reshape(region, (size, layer.count, *grid)).any(axis=1)


def region_of(layer, size, grid):
    return sampled(layer, size, grid).region.dense().numpy()


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("side", [1, 2, 5, 0.5, 1.0])
@pytest.mark.parametrize("grid", [(5, 5), (9, 13), (13, 9)], ids=str)
def test_region_is_the_clipped_squares(grid, side, count):
    layer = Cutout(size=side, count=count)
    np.testing.assert_array_equal(region_of(layer, 8, grid), squares(layer, 8, grid))


def test_a_share_is_that_of_the_shorter_side():
    region = region_of(Cutout(size=0.5), 200, (8, 20))
    assert region.any(axis=2).sum(axis=1).max() == 4
    assert region.any(axis=1).sum(axis=1).max() == 4


def test_centre_is_any_pixel():
    region = region_of(Cutout(size=1), 4000, (5, 8))
    np.testing.assert_array_equal(region.sum(axis=(1, 2)), np.ones(4000))
    assert stats.chisquare(region.sum(axis=0).ravel()).pvalue > UNLIKELY


def test_squares_of_a_sample_are_unrelated():
    plan = sampled(Cutout(size=1, count=2), 2000, (64, 48))
    for line in plan.region.lines:
        first, second = np.argmax(line.numpy(), axis=2).T
        assert stats.spearmanr(first, second).pvalue > UNLIKELY


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fill", [0, 7.6, -3, 300])
def test_squares_are_filled_with_the_number(fill, dtype):
    images = np.random.default_rng(0).integers(0, 256, (6, 9, 13, 3)).astype("float32")
    images = tf.cast(images, dtype)
    layer = Cutout(size=4, count=2, fill_value=fill)
    filled = layer(images, seed=seed_of())
    assert filled.dtype == dtype
    number = np.clip(np.rint(fill), 0, 255) if dtype == "uint8" else fill
    region = squares(layer, 6, (9, 13))[..., None]
    expected = np.where(region, np.array(number, images.numpy().dtype), images)
    np.testing.assert_array_equal(filled, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9, 13, 3), (9, 13, 1)], ids=str)
def test_squares_are_filled_with_the_mean_of_each_sample_and_channel(shape, dtype):
    given = np.random.default_rng(0).integers(0, 256, (6, *shape))
    images = tf.cast(given, dtype)
    layer = Cutout(size=4, fill_value="mean")
    filled = layer(images, seed=seed_of()).numpy().astype("float64")
    mean = images.numpy().astype("float64").mean(axis=(1, 2), keepdims=True)
    expected = np.where(squares(layer, 6, (9, 13))[..., None], mean, images.numpy().astype("f8"))
    step = {"uint8": 0.5, "float16": 0.0625, "bfloat16": 0.5, "float32": 1e-4, "float64": 1e-9}
    assert np.abs(filled - expected).max() <= step[dtype]


def test_channels_may_come_first():
    images = np.random.default_rng(0).random((6, 9, 13, 3), np.float32)
    last = Cutout(size=4, fill_value="mean")(images, seed=seed_of())
    first = Cutout(size=4, fill_value="mean", data_format="channels_first")(
        images.transpose(0, 3, 1, 2), seed=seed_of()
    )
    np.testing.assert_allclose(first.numpy().transpose(0, 2, 3, 1), last, atol=1e-6)


def test_labels_masks_and_weights_stay():
    images = np.ones((6, 9, 13, 3), "float32")
    targets = {
        "id": np.arange(6),
        "mask": np.random.default_rng(0).integers(0, 5, (6, 9, 13)),
        "depth": np.random.default_rng(1).random((6, 9, 13, 1), np.float32),
    }
    weights = np.arange(6, dtype="float32")
    filled, labels, kept = Cutout(num_classes={"id": 6})(images, targets, weights, seed=seed_of())
    assert (filled.numpy() == 0).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(labels["id"], np.eye(6))
    np.testing.assert_array_equal(labels["mask"], targets["mask"])
    np.testing.assert_array_equal(labels["depth"], targets["depth"])
    np.testing.assert_array_equal(kept, weights)


def test_two_inputs_on_one_grid_are_filled_alike():
    images = np.ones((6, 9, 13, 3), "float32")
    left, right = Cutout(size=5)([images, images[..., :1]], seed=seed_of())
    np.testing.assert_array_equal(left[..., :1], right)


def test_the_same_square_for_the_batch():
    region = region_of(Cutout(per="batch", size=3), 6, (9, 13))
    assert region.shape == (1, 9, 13)
    filled = Cutout(per="batch", size=3)(np.ones((6, 9, 13, 1), "f4"), seed=seed_of())
    np.testing.assert_array_equal(filled, np.broadcast_to(filled[:1], filled.shape))


def test_one_square_serves_all_frames_of_a_video():
    videos = np.ones((5, 4, 9, 8, 2), "float32")
    filled = Cutout(size=3)(videos, seed=seed_of()).numpy()
    np.testing.assert_array_equal(filled, np.broadcast_to(filled[:, :1], filled.shape))
    expected = squares(Cutout(size=3), 5, (9, 8))
    np.testing.assert_array_equal(filled[:, 0, :, :, 0] == 0, expected)


def test_a_cube_is_cut_out_of_a_stretch_of_a_video():
    layer = Cutout(size=3, count=2, spatial_dims=3)
    filled = layer(np.ones((5, 6, 9, 8, 2), "float32"), seed=seed_of()).numpy()
    expected = squares(layer, 5, (6, 9, 8))
    np.testing.assert_array_equal(filled, 1.0 - np.repeat(expected[..., None], 2, axis=-1))


def test_a_stretch_is_cut_out_of_a_time_series():
    layer = Cutout(size=7, spatial_dims=1)
    filled = layer(np.ones((5, 30, 2), "float32"), seed=seed_of()).numpy()
    expected = squares(layer, 5, (30,))
    np.testing.assert_array_equal(filled, 1.0 - np.repeat(expected[..., None], 2, axis=-1))


# TensorFlow escapes the apostrophe.
TOO_LARGE = "Cutout: `size` must be at most the shorter side of the images"


def test_a_square_larger_than_the_images():
    images = np.ones((4, 20, 8, 3), "float32")
    with pytest.raises(ValueError, match=TOO_LARGE + r".*size=9, images of \[20, 8\]"):
        Cutout(size=9)(images)
    Cutout(size=8)(images)


def test_a_square_larger_than_images_of_unknown_size():
    layer = Cutout(size=9)
    signature = [tf.TensorSpec([None, None, None, 3])]
    graph = tf.function(lambda x: layer(x), input_signature=signature, autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=TOO_LARGE):
        graph(tf.ones([4, 20, 8, 3]))
    assert graph(tf.ones([4, 20, 9, 3])).shape == (4, 20, 9, 3)


def test_defaults_are_the_papers_choices():
    layer = Cutout()
    assert (layer.size, layer.count, layer.fill_value) == (0.5, 1, 0.0)


FILLING = [
    Cutout(),
    GridMask(),
    SpecAugment(time_width=0.2, frequency_width=0.2),
    RandomChoice([Cutout(), GridMask()]),
    RandomApply(Cutout()),
]


@pytest.mark.parametrize("layer", FILLING, ids=lambda layer: layer.owner)
@pytest.mark.parametrize("training", [True, False])
def test_class_ids_stay_where_their_number_is_not_given(layer, training):
    images, ids = np.ones((4, 8, 8, 3), "float32"), np.array([[3], [1], [0], [2]], "int16")
    labels = layer(images, ids, training=training)[1]
    assert labels.dtype == tf.int16
    np.testing.assert_array_equal(labels, ids)
    dataset = tf.data.Dataset.from_tensor_slices({"images": images, "labels": ids[:, 0]}).batch(4)
    batch = next(iter(dataset.map(lambda batch: layer(batch, training=training))))
    np.testing.assert_array_equal(batch["labels"], ids[:, 0])


def test_ids_are_encoded_only_where_their_number_is_known_and_needed():
    images, ids = np.ones((4, 8, 8, 3), "float32"), np.array([3, 1, 0, 2])
    labels = Cutout(num_classes={"a": 4})(images, {"a": ids, "b": ids})[1]
    np.testing.assert_array_equal(labels["a"], np.eye(4)[ids])
    np.testing.assert_array_equal(labels["b"], ids)
    with pytest.raises(ValueError, match=r"to be smoothed.*or leave out label_smoothing"):
        Cutout(label_smoothing=0.1)(images, ids)
    with pytest.raises(ValueError, match="to be mixed"):
        RandomChoice([Cutout(), CutMix()])(images, ids)
