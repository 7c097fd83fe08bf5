"""Weights of samples, and of the places of a target."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import layers
from keras_mix.layers import CrossModalMix, CutMix, MixUp, RandomChoice

N = 8
ONE_HOT = np.eye(N, dtype="float32")
IMAGES = np.broadcast_to(np.arange(N, dtype="float32").reshape(-1, 1, 1, 1), (N, 16, 16, 3))
MASKS = IMAGES[..., 0].astype("int32")
# Weights that tell sources apart, so that those of a place name its source.
WEIGHTS = 10 + IMAGES[..., 0]
CUTTING = [CutMix, layers.RICAP, layers.Mosaic, layers.ResizeMix, layers.FMix, layers.GridMix]


@pytest.mark.parametrize("make", CUTTING)
@pytest.mark.parametrize("column", [(), (1,)])
@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_a_place_has_the_weight_of_its_source(make, column, form):
    weights = WEIGHTS.reshape(N, 16, 16, *column)
    if form == "tuple":
        _, masks, weights = make(seed=1)(IMAGES, MASKS, weights)
    else:
        batch = {"images": IMAGES, "segmentation_masks": MASKS, "sample_weights": weights}
        masks, weights = (make(seed=1)(batch)[name] for name in list(batch)[1:])
    assert weights.shape == (N, 16, 16, *column)
    np.testing.assert_array_equal(weights.numpy().reshape(masks.shape), masks + 10)


def test_a_step_of_time_has_the_weight_of_its_source():
    x = IMAGES[:, :, 0]
    _, y, weights = CutMix(spatial_dims=1, seed=1)(x, x, WEIGHTS[:, :, 0])
    np.testing.assert_array_equal(weights, y[..., 0] + 10)
    assert len(np.unique(weights[0])) > 1


def test_frames_under_bands_have_the_mean_weight_of_their_places():
    kinds = {"y": "frame_labels"}
    frames = np.broadcast_to(ONE_HOT[:, None], (N, 16, N))
    _, y, weights = layers.SpecMix(seed=1, kinds=kinds)(IMAGES[..., 0], frames, WEIGHTS[:, :, 0])
    np.testing.assert_allclose(weights, y.numpy() @ (10 + np.arange(N)), rtol=1e-6)


def test_erased_places_keep_their_weights():
    _, _, weights = layers.Cutout(seed=1, fill_value=77)(IMAGES, MASKS, WEIGHTS)
    np.testing.assert_array_equal(weights, WEIGHTS)


def test_soft_places_have_the_mean_weight_of_their_sources():
    layer = layers.SmoothMix(seed=1, soft_masks=True, num_classes=N)
    _, shares, weights = layer(IMAGES, MASKS, WEIGHTS)
    np.testing.assert_allclose(weights, shares.numpy() @ (10 + np.arange(N)), rtol=1e-5)


@pytest.mark.parametrize("layer", [CutMix(seed=1), RandomChoice([MixUp(), CutMix()], seed=1)])
def test_weights_of_the_entries_of_a_label_follow_the_label(layer):
    weights = np.broadcast_to(10 + np.arange(N, dtype="float32")[:, None], (N, N))
    _, y, found = layer(IMAGES, ONE_HOT, weights)
    expected = y.numpy() @ (10 + np.arange(N))
    np.testing.assert_allclose(found, np.repeat(expected[:, None], N, axis=1), rtol=1e-6)


def test_heads_have_weights_of_their_own():
    y = {"mask": MASKS, "class": ONE_HOT}
    weights = {"mask": WEIGHTS, "class": WEIGHTS[:, 0, 0]}
    _, y, weights = CutMix(seed=1)(IMAGES, y, weights)
    np.testing.assert_array_equal(weights["mask"], y["mask"] + 10)
    np.testing.assert_allclose(weights["class"], y["class"].numpy() @ (10 + np.arange(N)), 1e-6)


def test_weights_follow_a_modality_that_is_cut():
    layer = CrossModalMix(cuts={"image": CutMix(), "y": "image"}, seed=1)
    _, masks, weights = layer({"image": IMAGES}, MASKS, WEIGHTS)
    np.testing.assert_array_equal(weights, masks + 10)


@pytest.mark.parametrize(
    ("y", "third"),
    [
        (ONE_HOT, np.arange(N)),
        (ONE_HOT, np.ones(N, bool)),
        (ONE_HOT, IMAGES[..., 0]),
        (ONE_HOT, IMAGES),
        (MASKS, WEIGHTS[:, :5]),
        (MASKS, WEIGHTS[:, 0]),
        (MASKS, MASKS),
    ],
    ids=["ids", "booleans", "maps", "images", "another size", "rows", "masks"],
)
@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_what_is_no_weight_is_refused(y, third, form):
    batch = (IMAGES, y, third)
    if form == "dict":
        names = "images", "labels" if y is ONE_HOT else "segmentation_masks", "sample_weights"
        batch = dict(zip(names, batch, strict=True))
    with pytest.raises(ValueError, match=r"^CutMix: `sample_weights?` must hold sample weights"):
        CutMix()(batch)


@pytest.mark.parametrize("third", [np.arange(N), IMAGES], ids=["ids", "images"])
def test_what_is_no_weight_is_refused_where_all_is_blended(third):
    with pytest.raises(ValueError, match=r"^MixUp: `sample_weight` must hold sample weights"):
        MixUp()(IMAGES, ONE_HOT, third)


def test_weights_of_unknown_size_are_checked_as_the_graph_runs():
    layer = CutMix(seed=1)
    signature = [
        tf.TensorSpec([None, None, None, 3]),
        tf.TensorSpec([None, None, None], tf.int32),
        tf.TensorSpec([None, None, None]),
    ]
    graph = tf.function(layer, input_signature=signature, autograph=False)
    _, masks, weights = graph(IMAGES, MASKS, WEIGHTS)
    np.testing.assert_array_equal(weights, masks + 10)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`sample_weight` must have the size"):
        graph(IMAGES, MASKS, WEIGHTS[:, 1:])
