"""Digits from a large teacher to a small student, with and without mixing."""

import keras
import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from comparisons.training import batched, fit, scored
from keras_mix.layers import CutMix
from keras_mix.models import Distillation, MixingModel

CLASSES, EPOCHS = 10, 200
TRAINING = 300  # images to train on; the test has all others
TEACHER, STUDENT = 64, 6  # the widths of the convolutions
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# {method: function of (student, teacher, seed) that makes the model to train}
METHODS = {
    "labels": lambda student, teacher, seed: student,
    "labels, MixUp": lambda student, teacher, seed: MixingModel(student, alpha=1.0, seed=seed),
    "teacher": lambda student, teacher, seed: taught(student, teacher, seed, alpha=0.0),
    "teacher, MixUp": lambda student, teacher, seed: taught(student, teacher, seed),
    "teacher, CutMix": lambda student, teacher, seed: taught(
        student, teacher, seed, mixer=CutMix(jit_compile=False)
    ),
}
# {title: (method, the one that it is compared with, seed by seed)}
PAIRS = {
    "MixUp, from a teacher": ("teacher, MixUp", "teacher"),
    "CutMix, from a teacher": ("teacher, CutMix", "teacher"),
    "MixUp, from labels": ("labels, MixUp", "labels"),
    "a teacher, unmixed": ("teacher", "labels"),
    "a teacher, MixUp": ("teacher, MixUp", "labels, MixUp"),
}


def run(seed, epochs=EPOCHS):
    """{"teacher itself" or method: {score: value}} of one seed."""
    images, ids = datasets.load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
    x, test, y, test_ids = train_test_split(
        images, ids, train_size=TRAINING, stratify=ids, random_state=seed
    )
    teacher = network(TEACHER, seed)
    fit(MixingModel(teacher, seed=seed), batched(x, y, seed), epochs, loss=LOGITS)
    logits = teacher.predict(test, verbose=0)
    found = {"teacher itself": scored(logits, test_ids)}
    for method, make in METHODS.items():
        # Every student starts from the same weights and sees the same batches.
        student = network(STUDENT, seed)
        model = make(student, teacher, seed)
        fit(model, batched(x, y, seed), epochs, rate=3e-3, loss=LOGITS)
        own = student.predict(test, verbose=0)
        found[method] = scored(own, test_ids)
        found[method]["agreement"] = float((own.argmax(1) == logits.argmax(1)).mean())
    return found


def taught(student, teacher, seed, **options):
    """A student that learns from the teacher alone."""
    return Distillation(student, teacher=teacher, from_logits=True, seed=seed, **options)


def network(width, seed):
    """Two convolutions and a dense layer, with initial weights of the seed."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(CLASSES),
        ]
    )


def differences(results):
    """{title: {score: [one for each seed]}}, of the scores that both methods of a pair have."""
    return {
        title: {
            score: list(np.subtract(results[method][score], results[other][score]))
            for score in results[other]
        }
        for title, (method, other) in PAIRS.items()
    }
