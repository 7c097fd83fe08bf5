"""Recipes: their settings, and deit against a loop that mixes as timm does."""

import keras
import numpy as np
import pytest
from contract import constant_images, seed_of

from keras_mix import recipes
from keras_mix.layers import ClassMix, CutMix, MixUp, Mosaic
from keras_mix.losses import ThresholdedBinaryCrossentropy
from keras_mix.models import MixingModel

WHOLE_BATCHES = [
    recipes.cutmix_cifar,
    recipes.cutmix_imagenet,
    recipes.deit,
    recipes.deit3,
    recipes.rsb,
    recipes.torchvision,
]


@pytest.mark.parametrize("recipe", WHOLE_BATCHES)
def test_recipes_mix_whole_batches(recipe):
    layer = recipe(num_classes=9)
    _, labels = layer(constant_images(9, 8, 8), np.arange(9), seed=seed_of())
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1.0, atol=1e-6)
    assert len({tuple(np.sort(row[row > 0.03])) for row in labels.numpy().round(5)}) <= 2


def test_recipes_have_the_settings_of_their_sources():
    assert (recipes.cutmix_cifar().rate, recipes.cutmix_imagenet().rate) == (0.5, 1.0)
    larger = recipes.deit3("imagenet_21k")
    assert (type(larger), larger.alpha, larger.per) == (CutMix, 1.0, "batch")
    assert (larger.pairing, larger.label_smoothing) == ("reverse", 0.1)
    vision = recipes.big_vision(alpha=0.5, num_classes=3)
    assert (vision.alpha, vision.per, vision.pairing) == (0.5, "batch", "roll")


@pytest.mark.parametrize(
    ("layer", "mixup", "pairing", "smoothing"),
    [
        (recipes.deit(), 0.8, "reverse", 0.1),
        (recipes.deit3(), 0.8, "reverse", 0.0),
        (recipes.deit3("fine_tune"), 0.8, "reverse", 0.1),
        (recipes.rsb("A1"), 0.2, "reverse", 0.1),
        (recipes.rsb(), 0.1, "reverse", 0.0),
        (recipes.rsb("A3"), 0.1, "reverse", 0.0),
        (recipes.torchvision(), 0.2, "roll", 0.1),
    ],
)
def test_recipes_that_switch_have_the_settings_of_their_sources(layer, mixup, pairing, smoothing):
    assert [type(mixer) for mixer in layer.mixers] == [MixUp, CutMix]
    assert [mixer.alpha for mixer in layer.mixers] == [mixup, 1.0]
    assert {(mixer.per, mixer.pairing) for mixer in layer.mixers} == {("batch", pairing)}
    assert (layer.per, layer.probabilities) == ("batch", [0.5, 0.5])
    assert layer.label_smoothing == smoothing


@pytest.mark.parametrize(
    ("make", "owner"),
    [
        (lambda: recipes.rsb("a2"), "rsb: `setting`"),
        (lambda: recipes.deit3(1), "deit3: `stage`"),
        (lambda: recipes.yolo("xl", bounding_boxes="xyxy"), "yolo: `size`"),
    ],
)
def test_unknown_settings_are_refused(make, owner):
    with pytest.raises(ValueError, match=rf"^recipes\.{owner} must be one of "):
        make()


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("recipe", [recipes.rsb, recipes.deit3, recipes.torchvision])
def test_recipes_train_in_the_step(recipe, jit_compile):
    ids = np.arange(24) % 3
    x = np.eye(3, dtype="float32")[ids][:, None, None] * np.ones((24, 4, 4, 3), "float32")
    base = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model = MixingModel(base, mixer=recipe())
    loss = ThresholdedBinaryCrossentropy(threshold=0.0, from_logits=True)
    if recipe is recipes.torchvision:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=jit_compile)
    losses = model.fit(x, ids, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def mixed_by_timm(images, ids, classes, smoothing, lam, box):
    """A batch as `Mixup` of timm leaves it: blended with its reverse, or a box of it pasted."""
    mixed, labels = np.empty_like(images), np.full((len(ids), classes), smoothing / classes)
    for i, j in enumerate(reversed(range(len(ids)))):
        if box is None:
            mixed[i] = images[i] * lam + images[j] * (1 - lam)
        else:
            mixed[i] = np.where(box[..., None], images[j], images[i])
        labels[i, ids[i]] += (1 - smoothing) * lam
        labels[i, ids[j]] += (1 - smoothing) * (1 - lam)
    return mixed, labels


def test_deit_mixes_as_timm():
    images = np.random.default_rng(0).random((6, 8, 8, 3), np.float32)
    ids = np.arange(6) % 4
    deit = recipes.deit(num_classes=4)
    kinds = set()
    for seed in range(12):
        mixed, labels = deit(images, ids, seed=seed_of((seed, 1)))
        own, partner = (np.isclose(mixed, x).all(axis=-1) for x in (images, images[::-1]))
        pasted, box = own | partner, None
        if pasted.all():
            box = ~own[0]
            lam = 1 - box.mean()
        else:
            lam = np.median((mixed - images[::-1])[:3] / (images - images[::-1])[:3])
        expected, expected_labels = mixed_by_timm(images, ids, 4, 0.1, lam, box)
        np.testing.assert_allclose(mixed, expected, atol=1e-5)
        np.testing.assert_allclose(labels, expected_labels, atol=1e-4)
        kinds.add(box is None)
    assert kinds == {True, False}


def test_deit_may_draw_for_each_sample():
    images = np.random.default_rng(0).random((9, 8, 8, 3), np.float32)
    deit = recipes.deit(per="sample", pairing="roll", num_classes=9, label_smoothing=0)
    _, labels = deit(images, np.arange(9), seed=seed_of())
    own, others = np.diag(labels), np.diag(np.roll(labels, -1, axis=1))
    np.testing.assert_allclose(own + others, 1, atol=1e-6)
    assert len(np.unique(own)) > 5


def test_the_middle_of_an_odd_batch_stays_under_deit():
    images = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    mixed, labels = recipes.deit(num_classes=5, label_smoothing=0)(images, np.arange(5))
    np.testing.assert_array_equal(mixed[2], images[2])
    np.testing.assert_array_equal(labels[2], np.eye(5)[2])


def test_segmentation_pastes_classes_of_the_neighbor():
    layer = recipes.segmentation(num_classes=5)
    images = constant_images(6, 8, 8)
    masks = np.random.default_rng(0).integers(0, 5, (6, 8, 8))
    mixed, _ = layer(images, masks, seed=seed_of())
    (plain, _) = ClassMix(num_classes=5, pairing="roll")(images, masks, seed=seed_of())
    np.testing.assert_array_equal(mixed, plain)


MASKS = {"kinds": {"masks": "instance_masks"}}


@pytest.mark.parametrize(("size", "pastes", "mixes"), [("n", 0.1, None), ("x", 0.6, 0.2)])
def test_yolo_has_the_settings_of_its_size(size, pastes, mixes):
    recipe = recipes.yolo(size, bounding_boxes="xyxy", label_smoothing=0.1, **MASKS)
    assert (recipe.mosaic.rate, recipe.copy_paste.rate, recipe.unmixed_epochs) == (1.0, pastes, 10)
    assert (recipe.mixup and (recipe.mixup.alpha, recipe.mixup.rate)) == (mixes and (32.0, mixes))
    smoothing = [mixer.label_smoothing for mixer in recipe.mixers]
    assert smoothing == [0.0] * (len(smoothing) - 1) + [0.1]
    without = recipes.yolo(size, bounding_boxes="xyxy")
    assert [type(mixer) for mixer in without.mixers] == [Mosaic] + [MixUp] * (mixes is not None)


def test_yolo_mixes_boxes_and_masks_in_turn():
    objects = np.zeros((4, 2, 32, 32), "uint8")
    objects[:, 0, 4:20, 4:12], objects[:, 1, 10:30, 6:30] = 1, 1
    boxes = np.tile(np.float32([[4, 4, 12, 20], [6, 10, 30, 30]]), (4, 1, 1))
    batch = {
        "images": constant_images(4, 32, 32),
        "bounding_boxes": {"boxes": boxes, "labels": np.tile([1, 2], (4, 1))},
        "masks": objects,
    }
    for number, mixer in enumerate(recipes.yolo("s", bounding_boxes="xyxy", **MASKS).mixers):
        batch = mixer(batch, seed=seed_of((number, 1)))
    assert batch["masks"].shape == (4, 32, 32, 32)
    shown = np.asarray(batch["masks"]).any(axis=(2, 3)).sum(axis=1)
    listed = (np.asarray(batch["bounding_boxes"]["labels"]) > 0).sum(axis=1)
    np.testing.assert_array_equal(shown, listed)
    assert shown.min() >= 8
