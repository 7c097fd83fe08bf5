"""Mixers that draw their regions from targets, on every backend, and on JAX in jit as well."""

import keras
import numpy as np
import pytest

from keras_mix.layers import ClassMix, CopyPaste, CutMix

pytestmark = pytest.mark.slow

SIZE, COUNT, SIDE = 12, 2, 8
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (SIZE, SIDE, SIDE, 3)).astype("uint8")
PARTNERS = np.roll(IMAGES, -1, axis=0)
MASKS = RANDOM.integers(0, 4, (SIZE, SIDE, SIDE)).astype("int32")
OBJECTS = np.zeros((SIZE, COUNT, SIDE, SIDE), "uint8")
for number in range(SIZE):
    OBJECTS[number, 0, number % 4 : number % 4 + 4, 1:4] = 1
    OBJECTS[number, 1, 2:5, 4 : 5 + number % 3] = 1
ROWS, COLUMNS = OBJECTS.any(axis=3), OBJECTS.any(axis=2)
ENDS = [(lines.argmax(axis=2), SIDE - lines[..., ::-1].argmax(axis=2)) for lines in (COLUMNS, ROWS)]
(LEFT, RIGHT), (TOP, BOTTOM) = ENDS
BOXES = {
    "boxes": np.stack([LEFT, TOP, RIGHT, BOTTOM], axis=-1).astype("float32"),
    "labels": np.arange(SIZE * COUNT, dtype="int32").reshape(SIZE, COUNT),
}
SEED = np.array([1, 2], "int32")


def called(layer, batch):
    return keras.tree.map_structure(np.asarray, layer(batch, seed=SEED))


def assert_jit_is_equal(layer, batch, found):
    if keras.backend.backend() == "jax":
        import jax

        jitted = jax.jit(lambda given: layer(given, seed=SEED))
        again = keras.tree.map_structure(np.asarray, jitted(batch))
        keras.tree.map_structure(np.testing.assert_array_equal, again, found)


@pytest.mark.parametrize("arguments", [{}, {"scale": (0.5, 1.5), "flip": 0.5}], ids=str)
def test_objects_are_pasted_with_their_boxes(arguments):
    batch = {"images": IMAGES, "objects": OBJECTS, "bounding_boxes": BOXES}
    kinds = {"objects": "instance_masks"}
    layer = CopyPaste(kinds=kinds, bounding_boxes="xyxy", pairing="roll", **arguments)
    found = called(layer, batch)
    pasted = found["objects"][:, COUNT:].any(axis=1)
    assert 0 < pasted.mean() < 0.5
    kept = np.where(pasted[..., None], found["images"], IMAGES)
    np.testing.assert_array_equal(found["images"], kept)
    if not arguments:
        right = np.where(pasted[..., None], PARTNERS, IMAGES)
        np.testing.assert_array_equal(found["images"], right)
    shown = found["objects"].any(axis=(2, 3)).sum(axis=1)
    np.testing.assert_array_equal((found["bounding_boxes"]["labels"] >= 0).sum(axis=1), shown)
    assert_jit_is_equal(layer, batch, found)


def test_half_of_the_classes_are_pasted():
    layer = ClassMix(num_classes=4, pairing="roll")
    found = called(layer, {"images": IMAGES, "segmentation_masks": MASKS})
    pasted = (found["images"] == PARTNERS).all(axis=-1)
    for mask, place in zip(np.roll(MASKS, -1, axis=0), pasted, strict=True):
        taken = set(mask[place])
        assert len(taken) == len(set(mask.ravel())) // 2
        np.testing.assert_array_equal(place, np.isin(mask, list(taken)))


def test_a_box_avoids_objects():
    hidden = {}
    for number in (1, 6):
        layer = CutMix(candidates=number, bounding_boxes="xyxy", pairing="roll")
        batch = {"images": IMAGES, "bounding_boxes": BOXES}
        found = called(layer, batch)
        pasted = (found["images"] == PARTNERS).all(axis=-1)
        hidden[number] = (pasted[:, None] & (OBJECTS > 0)).sum()
    assert hidden[6] < 0.5 * hidden[1]
    assert_jit_is_equal(layer, batch, found)
