"""ClassMix: half of the classes of the partner's mask are pasted, all of their pixels."""

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix.layers import ClassMix, CutMix, RandomChoice

SIZE, HEIGHT, WIDTH, CLASSES = 60, 6, 7, 5
RANDOM = np.random.default_rng(0)
# Images of 1 to 5 classes, some with pixels to ignore.
MASKS = RANDOM.integers(0, RANDOM.integers(1, CLASSES + 1, (SIZE, 1, 1)), (SIZE, HEIGHT, WIDTH))
MASKS[::3, 0] = 255
IMAGES = RANDOM.integers(0, 256, (SIZE, HEIGHT, WIDTH, 3)).astype("uint8")
BATCH = {"images": IMAGES, "segmentation_masks": MASKS}


def pasted(layer, batch=BATCH, seed=(1, 2)):
    """bool `(B, H, W)`, where each image shows its partner, which is the next one."""
    partner = np.roll(np.arange(SIZE), -1)
    mixed = layer(batch, seed=seed_of(seed))
    images, masks = mixed["images"].numpy(), mixed["segmentation_masks"].numpy()
    shown = (images == IMAGES[partner]).all(axis=-1) & (images != IMAGES).any(axis=-1)
    expected = np.where(shown[..., None], IMAGES[partner], IMAGES)
    np.testing.assert_array_equal(images, expected)
    if masks.ndim == 3:
        np.testing.assert_array_equal(masks, np.where(shown, MASKS[partner], MASKS))
    return shown


def test_all_pixels_of_half_of_the_classes_are_pasted():
    for i, shown in enumerate(pasted(ClassMix(num_classes=CLASSES, pairing="roll"))):
        mask = MASKS[(i + 1) % SIZE]
        classes = set(mask.ravel()) - {255}
        taken = set(mask[shown])
        assert taken <= classes
        assert len(taken) == len(classes) // 2
        for place in np.ndindex(HEIGHT, WIDTH):
            assert shown[place] == (mask[place] in taken)


def test_every_choice_of_classes_is_as_likely():
    size = 3000
    masks = np.tile(np.arange(4)[None, None], (size, 1, 1))
    layer = ClassMix(num_classes=9, pairing="roll")
    images = np.zeros((size, 1, 4, 1), "float32") + np.arange(size)[:, None, None, None]
    mixed, _ = layer(images, masks, seed=seed_of())
    taken = mixed.numpy()[:, 0, :, 0] != np.arange(size)[:, None]
    assert (taken.sum(axis=1) == 2).all()
    _, counts = np.unique(taken, axis=0, return_counts=True)
    assert len(counts) == 6
    np.testing.assert_allclose(counts / size, 1 / 6, rtol=0, atol=0.03)


def test_labels_and_sample_weights_follow():
    layer = ClassMix(num_classes={"mask": CLASSES, "id": SIZE}, pairing="roll")
    y = {"mask": MASKS, "id": np.arange(SIZE)}
    weights = {"mask": RANDOM.random((SIZE, HEIGHT, WIDTH), "float32"), "id": np.ones(SIZE)}
    _, labels, mixed = layer(IMAGES, y, weights, seed=seed_of())
    shown = pasted(ClassMix(num_classes=CLASSES, pairing="roll"))
    right = np.where(shown, np.roll(weights["mask"], -1, axis=0), weights["mask"])
    np.testing.assert_array_equal(mixed["mask"], right)
    share = shown.mean(axis=(1, 2), dtype="float32")
    rows = np.arange(SIZE)
    np.testing.assert_allclose(labels["id"].numpy()[rows, (rows + 1) % SIZE], share, atol=1e-7)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_of_probabilities_the_largest_counts(data_format):
    ids = np.where(MASKS == 255, 0, MASKS)
    scores = np.eye(CLASSES, dtype="float32")[ids] * 0.6 + 0.1
    images = IMAGES.astype("float32")
    if data_format == "channels_first":
        scores, images = np.moveaxis(scores, -1, 1), np.moveaxis(images, -1, 1)
    options = {"pairing": "roll", "data_format": data_format}
    found, mixed = ClassMix(kinds={"y": "segmentation_masks"}, **options)(
        images, scores, seed=seed_of()
    )
    right, _ = ClassMix(num_classes=CLASSES, **options)(images, ids, seed=seed_of())
    np.testing.assert_array_equal(found, right)
    assert mixed.shape == scores.shape


def test_results_are_the_same_in_every_mode():
    layer = ClassMix(num_classes=CLASSES, rate=0.8)

    def mix(batch):
        return layer(batch, seed=seed_of())

    expected = mix(BATCH)
    compiled = tf.function(mix, jit_compile=True)(tf.nest.map_structure(tf.constant, BATCH))
    dataset = tf.data.Dataset.from_tensor_slices(BATCH).batch(SIZE)
    for found in (compiled, next(iter(dataset.map(mix)))):
        tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def test_one_of_several_mixers():
    layer = RandomChoice([ClassMix(), CutMix()], num_classes=CLASSES)
    assert layer(BATCH, seed=seed_of())["images"].dtype == tf.uint8


@pytest.mark.parametrize(
    ("options", "batch", "sentence"),
    [
        ({"num_classes": 3}, {"images": IMAGES}, "regions are drawn from segmentation masks, so"),
        ({}, BATCH, "masks of class ids need `num_classes`"),
    ],
    ids=["no mask", "number of classes unknown"],
)
def test_what_cannot_be_divided_into_classes_is_refused(options, batch, sentence):
    with pytest.raises(ValueError, match=sentence):
        ClassMix(**options)(batch)
