"""The shapes that a mixer announces are those that come out of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import every_mixer

from keras_mix import layers
from keras_mix.layers import BoundingBoxOptions

IMAGES, IDS = np.random.default_rng(0).random((4, 8, 8, 1), "float32"), np.arange(4)
WEIGHTS = np.ones(4, "float32")
BOXES = {"boxes": np.zeros((4, 3, 4), "float32"), "labels": -np.ones((4, 3), "float32")}
SEQUENCES = {"ids": np.ones((4, 9), "int32"), "length": np.full(4, 5)}


def shapes_of(batch):
    return tf.nest.map_structure(lambda leaf: tuple(np.shape(leaf)), batch)


def unknown(shape):
    return (None, *shape[1:])


@every_mixer
def test_every_mixer_announces_the_shapes_of_inputs_and_labels(row):
    layer = row.make(num_classes=5)
    shape = IMAGES.shape
    assert layer.compute_output_shape(shape) == shape
    assert layer.compute_output_shape(list(unknown(shape))) == unknown(shape)
    assert layer.compute_output_shape(shape, (4,)) == (shape, (4, 5))
    assert layer.compute_output_shape((shape, (4, 1), (4,))) == (shape, (4, 5), (4,))
    named = {"images": unknown(shape), "labels": (None,)}
    assert layer.compute_output_shape(named) == {**named, "labels": (None, 5)}
    assert shapes_of(layer(IMAGES, IDS)) == (shape, (4, 5))


@every_mixer
def test_every_mixer_takes_symbolic_inputs(row):
    layer = row.make(num_classes=5)
    mixed, labels = layer(keras.Input((8, 8, 1)), keras.Input((), dtype="int32"))
    assert (mixed.shape, labels.shape) == ((None, 8, 8, 1), (None, 5))
    assert (mixed.dtype, labels.dtype) == ("float32", "float32")
    alone = layer(keras.Input((8, 8, 1), dtype="uint8"))
    assert alone.dtype == ("uint8" if row.pastes else "float32")


@pytest.mark.parametrize(
    ("layer", "batch"),
    [
        (layers.Mosaic(label_mode="pairs"), (IMAGES, IDS)),
        (layers.MixUp(label_mode="values"), (IMAGES, IDS.astype("float32"))),
        (layers.MixUp(num_classes={"a": 5}), (IMAGES, {"a": IDS, "b": WEIGHTS})),
        (layers.MixUp(soft_masks=True, num_classes=5), (IMAGES, IMAGES.astype("int32"))),
        (
            layers.CutMix(bounding_boxes="xyxy"),
            {"images": IMAGES, "bounding_boxes": BOXES, "segmentation_masks": np.int32(IMAGES)},
        ),
        (
            layers.Mosaic(bounding_boxes=BoundingBoxOptions("xyxy", max_boxes=5, details=True)),
            {"images": IMAGES, "bounding_boxes": BOXES},
        ),
        (
            layers.CutMix(spatial_dims=1, kinds={"ids": "token_ids", "length": "lengths"}),
            (SEQUENCES, WEIGHTS),
        ),
        (layers.MixGen(texts=["ids"], max_length=12), {"images": IMAGES, "ids": SEQUENCES["ids"]}),
        (layers.MixGen(texts=["words"]), {"images": IMAGES, "words": np.array(list("abcd"))}),
        (layers.TabularMix(one_hot={"job": 6}), ({"job": IDS, "age": WEIGHTS}, WEIGHTS)),
        (
            layers.CrossModalMix(cuts={"image": layers.CutMix()}, num_classes=5),
            ({"image": IMAGES, "sound": np.ones((4, 30), "float32")}, IDS),
        ),
        (
            layers.RandomChoice([layers.CutMix(), layers.Mosaic()], label_mode="pairs"),
            (IMAGES, IDS),
        ),
        (
            layers.SynchronizedAugmentation({"s": 10}, duration=2.0, frames=["x"], crop=0.5),
            ({"s": np.ones((4, 30)), "x": IMAGES, "rest": WEIGHTS}, WEIGHTS),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_leaves_come_out_as_announced(layer, batch):
    assert layer.compute_output_shape(shapes_of(batch)) == shapes_of(layer(batch))


def test_what_cannot_be_mixed_is_refused_in_the_mixers_own_words():
    for call in (
        lambda: layers.CutMix().compute_output_shape((None, 10)),
        lambda: layers.CutMix()(keras.Input((10,))),
    ):
        with pytest.raises(ValueError, match=r"^CutMix: the inputs must have height and width"):
            call()
    # A shape that was asked for leaves no trace in what Keras knows of calls under way.
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.CutMix()])
    assert np.array_equal(model(IMAGES), IMAGES)
