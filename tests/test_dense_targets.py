"""Float targets: labels, numbers, maps on the inputs' grid, and what has no rule."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import layers
from keras_mix.layers import (
    BetweenClass,
    BoundingBoxOptions,
    CrossModalMix,
    CutMix,
    Cutout,
    MixUp,
    RandomChoice,
)

N = 8
ONE_HOT = np.eye(N, dtype="float32")


def constants(*sizes):
    """Sample i is the constant i."""
    grid = np.arange(N, dtype="float32").reshape(-1, *[1] * len(sizes))
    return np.broadcast_to(grid, (N, *sizes))


IMAGES = constants(16, 16, 3)
CUTTING = {
    "CutMix": CutMix,
    "RICAP": layers.RICAP,
    "Mosaic": layers.Mosaic,
    "SmoothMix": layers.SmoothMix,
    "RandomChoice": lambda **k: RandomChoice([MixUp(), CutMix()], **k),
    "CrossModalMix": lambda **k: CrossModalMix(cuts={"x": CutMix()}, **k),
}
every_cut = pytest.mark.parametrize("make", CUTTING.values(), ids=CUTTING)
NO_RULE = {
    "keypoints": constants(5, 2),
    "boxes in a column": constants(6, 5),
    "a smaller map": constants(8, 8, 1),
    "a larger map": constants(32, 32, 2),
    "named keypoints": {"keypoints": constants(10), "class": ONE_HOT},
    "one named box": {"box": constants(4), "class": ONE_HOT},
    "boxes with scores": {
        "boxes": constants(5, 4),
        "classes": constants(5),
        "scores": constants(5),
    },
}


@every_cut
@pytest.mark.parametrize("y", NO_RULE.values(), ids=NO_RULE)
def test_what_has_no_rule_is_refused(make, y):
    with pytest.raises(
        ValueError, match=r"no rule applies to `y\S*`.*Received: .*kinds=\{.*passth"
    ):
        make()(IMAGES, y)


@every_cut
@pytest.mark.parametrize("sizes", [(), (1,), (3,), (1, 3), (1, 1, 3)], ids=str)
def test_one_vector_a_sample_is_blended_by_the_weights(make, sizes):
    y = {"label": ONE_HOT, "target": constants(*sizes) / N}
    _, y = make(seed=1)(IMAGES, y)
    means = (y["label"].numpy() @ np.arange(N) / N).reshape(-1, *[1] * len(sizes))
    np.testing.assert_allclose(y["target"], np.broadcast_to(means, (N, *sizes)), atol=1e-5)


@every_cut
@pytest.mark.parametrize("sizes", [(4,), (1, 4)], ids=str)
def test_a_box_a_sample_is_told_from_labels_by_its_values(make, sizes):
    y = {"label": ONE_HOT, "target": constants(*sizes)}
    sentence = r"`y/target` must hold labels, numbers from 0 to 1.*kinds=\{\"target\": \"values\"\}"
    with pytest.raises(ValueError, match=sentence):
        make()(IMAGES, y)
    _, y = make(seed=1, kinds={"target": "values"})(IMAGES, y)
    means = (y["label"].numpy() @ np.arange(N)).reshape(-1, *[1] * len(sizes))
    np.testing.assert_allclose(y["target"], np.broadcast_to(means, (N, *sizes)), atol=1e-5)


def test_single_numbers_and_pure_blends_take_any_value():
    for layer, y in ((CutMix(), constants(1)), (CutMix(), constants()), (MixUp(), constants(4))):
        layer(IMAGES, y)


def test_a_graph_tells_boxes_from_labels_as_it_runs():
    mix = tf.function(CutMix(), autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y` must hold labels"):
        mix(IMAGES, constants(4))


@every_cut
def test_maps_can_be_blended_on_purpose(make):
    y = {"label": ONE_HOT, "points": constants(5, 2), "id": constants(7, 2)}
    layer = make(seed=1, kinds={"points": "values"}, passthrough=["id"])
    _, y = layer(IMAGES, y)
    means = y["label"].numpy() @ np.arange(N)
    np.testing.assert_allclose(y["points"], np.tile(means[:, None, None], (5, 2)), atol=1e-5)
    np.testing.assert_array_equal(y["id"], constants(7, 2))


def test_what_is_named_a_label_has_no_rule_either():
    batch = {"images": IMAGES, "points": constants(5, 2)}
    with pytest.raises(ValueError, match="no rule applies to `points`"):
        CutMix(kinds={"points": "labels"})(batch)


@pytest.mark.parametrize("layer", [MixUp(seed=1), BetweenClass(seed=1), Cutout(seed=1)])
def test_mixers_of_whole_samples_blend_or_keep_dense_floats(layer):
    y = {"label": ONE_HOT, "points": constants(5, 2)}
    _, y = layer(IMAGES, y)
    means = y["label"].numpy() @ np.arange(N)
    np.testing.assert_allclose(y["points"], np.tile(means[:, None, None], (5, 2)), atol=1e-5)


# Sets of boxes.


def test_boxes_and_classes_are_a_set_of_boxes_and_keep_their_keys():
    boxes = np.tile(np.float32([2, 2, 9, 9]), (N, 3, 1))
    layer = CutMix(seed=1, bounding_boxes=BoundingBoxOptions("xyxy", details=True))
    _, keras_cv = layer(IMAGES, {"boxes": boxes, "classes": constants(3)})
    _, keras = CutMix(seed=1, bounding_boxes=BoundingBoxOptions("xyxy", details=True))(
        IMAGES, {"boxes": boxes, "labels": constants(3)}
    )
    assert set(keras_cv) == {"boxes", "classes", "weights", "visible", "dropped", "rows"}
    for name in keras:
        np.testing.assert_array_equal(
            keras[name], keras_cv["classes" if name == "labels" else name]
        )


def test_boxes_that_stay_as_they_are():
    given = {"boxes": constants(3, 4), "classes": constants(3)}
    _, y = CutMix(passthrough=["boxes"])(IMAGES, {"boxes": given, "label": ONE_HOT})
    assert set(y["boxes"]) == {"boxes", "classes"}
    np.testing.assert_array_equal(y["boxes"]["boxes"], given["boxes"])


@pytest.mark.parametrize("make", [CutMix, MixUp, layers.RICAP])
@pytest.mark.parametrize("y", [constants(4), ONE_HOT, {"boxes": constants(4), "label": ONE_HOT}])
def test_a_format_without_boxes_is_refused(make, y):
    with pytest.raises(ValueError, match=r"no rule applies|`bounding_boxes` needs a batch"):
        make(bounding_boxes="xyxy")(IMAGES, y)


@pytest.mark.parametrize("beyond", [0.0, 0.02, 0.9])
def test_boxes_may_reach_over_the_border_by_rounding(beyond):
    boxes = np.tile(np.float32([-beyond, 2, 16 + beyond, 9]), (N, 1, 1))
    layer = CutMix(seed=1, bounding_boxes="xyxy")
    _, y = layer(IMAGES, {"boxes": boxes, "labels": constants(1)})
    found = y["boxes"].numpy()[y["labels"] != -1]
    assert found[:, ::2].min() >= -beyond
    assert found[:, ::2].max() <= 16 + beyond


def test_boxes_far_over_the_border_are_told_how_to_be_clipped():
    boxes = np.tile(np.float32([-3, 2, 16, 9]), (N, 1, 1))
    with pytest.raises(ValueError, match=r"inside their images.*clip_to_image_size"):
        CutMix(bounding_boxes="xyxy")(IMAGES, {"boxes": boxes, "labels": constants(1)})
