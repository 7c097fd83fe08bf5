"""A second batch without boxes, keypoints or instance masks shows no objects, and hides some."""

import numpy as np
import pytest
import tensorflow as tf
from contract import membership_images, seed_of
from objects import (
    HEIGHT,
    SIZE,
    WIDTH,
    instance_masks,
    keypoints,
    numbered,
    shown_keypoints,
    shown_masks,
)

import keras_mix
from keras_mix.layers import RICAP, CutMix, MixUp, Mosaic, SmoothMix

KINDS = {"points": "keypoints", "flagged": "keypoints", "objects": "instance_masks"}
DONORS = 4


def targets():
    """All kinds of objects; each box is the pixel of a keypoint."""
    flagged, masks = keypoints(), instance_masks()
    corners = np.floor(flagged[:, :-1, :2])
    names = np.arange(corners.shape[0] * corners.shape[1]).reshape(corners.shape[:2])
    return {
        "points": flagged[..., :2],
        "flagged": flagged,
        "objects": masks,
        "boxes": {"boxes": np.concatenate([corners, corners + 1], axis=-1), "labels": names},
        "id": np.arange(SIZE),
    }


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize(
    ("make", "options"),
    [(MixUp, {"alpha": 8.0}), (CutMix, {"alpha": 8.0}), (SmoothMix, {"sigma": (0.3, 0.6)})],
    ids=["MixUp", "CutMix", "SmoothMix"],
)
def test_what_they_hide_is_gone_and_they_show_nothing(make, options, graph):
    shared = {"kinds": KINDS, "bounding_boxes": "xyxy", "num_classes": SIZE, "pairing": "roll"}
    layer = make(**options, **shared)
    everything = membership_images(SIZE + DONORS, HEIGHT, WIDTH)
    given = targets()
    call = tf.function(layer, autograph=False) if graph else layer
    x, y = call(everything[:SIZE], given, partners=everything[SIZE:], seed=seed_of())
    least = 0.0 if make is MixUp else 0.1
    for i in range(SIZE):
        covered = x[i, ..., i].numpy()
        for name, show in (
            ("points", shown_keypoints),
            ("flagged", shown_keypoints),
            ("objects", shown_masks),
        ):
            count = given[name].shape[1]
            right = show(given[name][i], covered, least)
            np.testing.assert_array_equal(y[name][i, :count], right)
            nothing = show(given[name][i], np.zeros_like(covered))
            np.testing.assert_array_equal(y[name][i, count:], nothing)
        shown = shown_keypoints(given["flagged"][i], covered, least)[:-1, 2] > 0
        names = given["boxes"]["labels"][i][shown]
        seen = y["boxes"]["labels"][i].numpy()
        np.testing.assert_array_equal(seen[seen != -1], names)
    # Class ids have no position: those of the first batch are kept.
    np.testing.assert_array_equal(y["id"], np.eye(SIZE))
    hidden = (given["flagged"][..., 2] > 0).sum() - (y["flagged"].numpy()[..., 2] > 0).sum()
    assert (hidden > 0) == (make is not MixUp)


@pytest.mark.parametrize("make", [RICAP, Mosaic])
def test_they_are_as_partners_whose_objects_are_none(make):
    """Also where sources move."""
    layer = make(kinds=KINDS, bounding_boxes="xyxy", label_mode="pairs", pairing="roll")
    given, x = targets(), numbered()
    none = {
        "points": np.full((DONORS, *given["points"].shape[1:]), -1, "float32"),
        "flagged": np.tile(np.float32([-1, -1, 0]), (DONORS, given["flagged"].shape[1], 1)),
        "objects": np.zeros((DONORS, *given["objects"].shape[1:]), "uint8"),
        "boxes": {
            "boxes": np.zeros((DONORS, *given["boxes"]["boxes"].shape[1:]), "float32"),
            "labels": np.full((DONORS, given["boxes"]["labels"].shape[1]), -1),
        },
    }
    donors = numbered(DONORS, first=SIZE)
    found = layer(x, given, partners=donors, seed=seed_of())
    right = layer(x, given, partners=(donors, none), seed=seed_of())
    tf.nest.map_structure(np.testing.assert_array_equal, found, right)


def test_a_second_dataset_without_labels_shows_no_objects():
    layer = CutMix(8.0, kinds={"y": "keypoints"})
    given = tf.data.Dataset.from_tensor_slices((numbered(), keypoints())).batch(SIZE)
    noise = tf.data.Dataset.from_tensors(np.full((SIZE, HEIGHT, WIDTH, 1), -1, "float32"))
    mixed = keras_mix.data.mix(given, layer, seed=1, partners=noise, partner_labels="kept")
    (x, y), *_ = mixed
    for i in range(SIZE):
        right = shown_keypoints(keypoints()[i], x[i, ..., 0].numpy() >= 0)
        np.testing.assert_array_equal(y[i, : len(right)], right)
        assert not (y[i, len(right) :, 2].numpy() > 0).any()
