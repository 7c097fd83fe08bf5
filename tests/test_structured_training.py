"""Small networks learn from mixed masks and mixed boxes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.layers import BoundingBoxOptions, CutMix, FMix, Mosaic

pytestmark = pytest.mark.slow

SIDE, CELLS, COUNT = 24, 6, 64
CELL = SIDE // CELLS
MIXERS = [CutMix, FMix, Mosaic]


def squares():
    """Images with a bright square each, its mask and its box."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.1, (COUNT, SIDE, SIDE, 1)).astype("float32")
    masks, boxes = np.zeros((COUNT, SIDE, SIDE), "int32"), np.zeros((COUNT, 1, 4), "float32")
    for i in range(COUNT):
        side = rng.integers(6, 13)
        top, left = rng.integers(0, SIDE - side, 2)
        images[i, top : top + side, left : left + side] += 1.0
        masks[i, top : top + side, left : left + side] = 1
        boxes[i, 0] = left, top, left + side, top + side
    labels = np.zeros((COUNT, 1), "int32")
    masks[:, 0] = 255  # a row that is to be ignored
    return {
        "images": images,
        "segmentation_masks": masks,
        "bounding_boxes": {"boxes": boxes, "labels": labels},
    }


def network():
    """Two heads: the class of each pixel, and what `cells_of` tells of each cell."""
    layers = keras.layers
    images = keras.Input((SIDE, SIDE, 1), name="images")
    x = layers.Conv2D(12, 3, padding="same", activation="relu")(images)
    pixels = layers.Conv2D(2, 3, padding="same", name="pixels")(x)
    for _ in range(2):
        x = layers.Conv2D(24, 3, 2, padding="same", activation="relu")(x)
    cells = layers.Conv2D(5, 3, padding="same", name="cells")(x)
    return keras.Model(images, {"pixels": pixels, "cells": cells})


def mixed(mixer):
    batches = tf.data.Dataset.from_tensor_slices(squares()).shuffle(COUNT, seed=1).batch(32)
    # A mosaic shows whole images, so that no box is hidden.
    visible = {} if mixer is Mosaic else {"min_visible": 0.2}
    layer = mixer(bounding_boxes=BoundingBoxOptions("xyxy", **visible))
    return data.mix(batches, layer, seed=1).map(learned)


def learned(batch):
    targets = {"pixels": batch["segmentation_masks"], "cells": cells_of(batch["bounding_boxes"])}
    return batch["images"], targets


def cells_of(boxes):
    """[B, CELLS, CELLS, 5]: whether a box's centre lies in the cell, and its ends from there."""
    real = tf.cast(boxes["labels"] != -1, tf.float32)[..., None]
    centre = (boxes["boxes"][..., :2] + boxes["boxes"][..., 2:]) / 2
    cell = tf.clip_by_value(tf.cast(centre, tf.int32) // CELL, 0, CELLS - 1)  # x, y
    across, down = (tf.one_hot(cell[..., axis], CELLS) * real for axis in (0, 1))
    middle = (tf.cast(tf.tile(cell, [1, 1, 2]), tf.float32) + 0.5) * CELL
    ends = (boxes["boxes"] - middle) / SIDE
    values = tf.concat([tf.ones_like(ends[..., :1]), ends], axis=-1)
    held = tf.einsum("bny,bnx,bnv->byxv", down, across, values)
    # Of several boxes in one cell, their mean.
    return held / tf.maximum(held[..., :1], 1.0)


def loss_of_cells(truth, found):
    there = truth[..., 0]
    seen = keras.ops.binary_crossentropy(there, found[..., 0], from_logits=True)
    far = keras.ops.mean(keras.ops.abs(truth[..., 1:] - found[..., 1:]), axis=-1)
    return seen + 5.0 * there * far


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_network_learns_from_mixed_masks_and_boxes(mixer):
    keras.utils.set_random_seed(1)
    model, plain = network(), squares()
    pixels = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    losses = {"pixels": pixels, "cells": loss_of_cells}
    model.compile(keras.optimizers.Adam(5e-3), losses)
    # One iterator for all epochs: to begin one costs more than to train this network for one.
    batches = mixed(mixer).repeat()
    fitted = model.fit(batches, steps_per_epoch=2, epochs=20, shuffle=False, verbose=0)
    history = fitted.history
    for name in losses:
        assert history[f"{name}_loss"][-1] < 0.6 * history[f"{name}_loss"][0]
    found = np.argmax(model.predict(plain["images"], verbose=0)["pixels"], axis=-1)
    known = plain["segmentation_masks"] != 255
    assert np.mean((found == plain["segmentation_masks"])[known]) > 0.95
