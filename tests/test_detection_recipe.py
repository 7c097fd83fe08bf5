"""The recipe of detectors: Mosaic, then MixUp, and the epochs without them."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data, recipes
from keras_mix.layers import BoundingBoxOptions, MixUp, Mosaic

BOXES = {
    "boxes": np.tile(np.float32([[4, 8, 30, 40]]), (8, 1, 1)),
    "labels": np.arange(8)[:, None],
}
BATCH = {"images": np.zeros((8, 64, 64, 3), "uint8"), "bounding_boxes": BOXES}


@pytest.mark.parametrize(
    ("variant", "rate", "mixes", "unmixed"),
    [("yolox", 1.0, True, 15), ("yolox_nano", 0.5, False, 15), ("ultralytics", 1.0, False, 10)],
)
def test_settings_are_those_of_the_authors(variant, rate, mixes, unmixed):
    recipe = recipes.detection(variant, bounding_boxes="xyxy")
    assert recipe.unmixed_epochs == unmixed
    assert [type(mixer) for mixer in recipe.mixers] == [Mosaic, MixUp][: 1 + mixes]
    assert recipe.mosaic.rate == rate
    assert not mixes or (recipe.mixup.alpha, recipe.mixup.rate) == (32.0, 1.0)


def test_boxes_of_eight_images_come_out():
    options = BoundingBoxOptions("xyxy", max_boxes=10)
    recipe = recipes.detection(bounding_boxes=options, label_smoothing=0.1)
    assert recipe.mosaic.label_smoothing == 0
    assert recipe.mixup.label_smoothing == 0.1
    recipe = recipes.detection(bounding_boxes=options)
    dataset = tf.data.Dataset.from_tensor_slices(BATCH).batch(8)
    for number, mixer in enumerate(recipe.mixers):
        dataset = data.mix(dataset, mixer, seed=number)
    mixed = next(iter(dataset))
    assert mixed["images"].dtype == tf.uint8
    labels = mixed["bounding_boxes"]["labels"].numpy()
    assert labels.shape == (8, 10)
    assert (labels != -1).sum(axis=1).min() >= 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"variant": "yolo"}, r"recipes\.detection: `variant` must be one of"),
        ({"alpha": 1.0}, r"recipes\.detection: `alpha` is not an argument"),
    ],
)
def test_what_is_unknown_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipes.detection(bounding_boxes="xyxy", **options)
