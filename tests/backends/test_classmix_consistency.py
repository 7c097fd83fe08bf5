"""ClassMixConsistency on every backend: half of the classes are cut, and its loss is its parts."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix._core.draw import random
from keras_mix._core.ops import class_masks
from keras_mix.models import ClassMixConsistency

pytestmark = pytest.mark.slow

JIT = False if keras.backend.backend() == "tensorflow" else "auto"
RNG = np.random.default_rng(0)
MASKS = RNG.integers(0, 3, (12, 4, 4))
# Keras's sparse cross-entropy of maps has no gradient on PyTorch: "grad_input must be contiguous".
ONE_HOT = np.eye(3, dtype="float32")[MASKS]
IMAGES = ONE_HOT + RNG.normal(size=(12, 4, 4, 3)).astype("float32") * 0.3


def seed_of(number=1):
    return random.begin(keras.random.SeedGenerator(number))


def of_pixels():
    return keras.Sequential([keras.Input((4, 4, 3)), layers.Dense(3, activation="softmax")])


def test_all_pixels_of_half_of_the_classes_are_taken():
    size, number = 600, 5
    ids = RNG.integers(0, RNG.integers(1, number + 1, (size, 1, 1)), (size, 3, 4))
    found = ops.convert_to_numpy(class_masks.halves(seed_of(), ops.convert_to_tensor(ids), number))
    taken = np.zeros(number)
    for mask, image in zip(found, ids, strict=True):
        classes, chosen = set(image.ravel()), set(image[mask])
        assert len(chosen) == len(classes) // 2
        np.testing.assert_array_equal(mask, np.isin(image, list(chosen)))
        if len(classes) == number:
            taken[list(chosen)] += 1
    # Of five classes two are taken, each as often as any other.
    np.testing.assert_allclose(taken / taken.sum(), 0.2, rtol=0, atol=0.07)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_unlabeled_loss_is_that_of_pasted_pseudo_labels(monkeypatch, threshold):
    keras.utils.set_random_seed(3)
    partners, pasted = np.roll(np.arange(6), -1), RNG.random((6, 4, 4)) < 0.5
    monkeypatch.setattr(random, "partners", lambda *a, **k: ops.convert_to_tensor(partners))
    monkeypatch.setattr(class_masks, "halves", lambda *args: ops.convert_to_tensor(pasted))
    model = ClassMixConsistency(of_pixels(), threshold=threshold, unlabeled_weight=5.0)
    model.compile("sgd", "categorical_crossentropy", jit_compile=JIT)
    few, many = IMAGES[:2], IMAGES[2:8]

    def predicted(images):
        return ops.convert_to_numpy(model.base(images)).astype("float64")

    labeled = -np.log(np.take_along_axis(predicted(few), MASKS[:2, ..., None], -1)).mean()
    region = pasted[partners]
    mixed = np.where(region[..., None], many[partners], many)
    taught = predicted(many)
    targets = np.where(region[..., None], taught[partners], taught)
    right = np.take_along_axis(predicted(mixed), targets.argmax(-1)[..., None], -1)
    confident = (targets.max(-1) >= threshold).mean()
    assert threshold == 0 or 0 < confident < 1
    batch = {"labeled": few, "unlabeled": many}
    loss = float(model.train_on_batch(batch, ONE_HOT[:2]))
    np.testing.assert_allclose(loss, labeled - 5.0 * np.log(right).mean() * confident, rtol=1e-4)


def test_a_segmenter_learns_and_a_saved_one_is_the_same(tmp_path):
    keras.utils.set_random_seed(3)
    model = ClassMixConsistency(of_pixels(), threshold=0.6, teacher_decay=0.5, seed=1)
    model.compile(keras.optimizers.Adam(0.1), "categorical_crossentropy", jit_compile=JIT)
    batch = {"labeled": np.tile(IMAGES[:2], (6, 1, 1, 1)), "unlabeled": IMAGES}
    y = np.tile(ONE_HOT[:2], (6, 1, 1, 1))
    history = model.fit(batch, y, batch_size=12, epochs=25, shuffle=False, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    predictions = model.predict(IMAGES, verbose=0)
    assert (predictions.argmax(-1) == MASKS).mean() > 0.9
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").predict(IMAGES, verbose=0)
    np.testing.assert_allclose(again, predictions, rtol=1e-5)


def test_a_classifier_of_whole_images_is_refused():
    base = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(3)])
    model = ClassMixConsistency(base)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    batch = {"labeled": IMAGES[:2], "unlabeled": IMAGES[2:]}
    with pytest.raises(ValueError, match=r"predictions must be maps .* CutMixConsistency"):
        model.train_on_batch(batch, np.zeros(2))
