"""RecursiveMix on every backend: labels of several classes are counted pixels over five steps."""

import keras
import numpy as np
import pytest

from keras_mix.layers import RecursiveMix
from keras_mix.models import MixingModel
from keras_mix.pairings import InOrder

STEPS, SIZE, SIDE = 5, 4, 32
SAMPLES = STEPS * SIZE
# Channel i of sample i is 1, all others 0.
IMAGES = np.tile(np.eye(SAMPLES, dtype="f4")[:, None, None], (1, SIDE, SIDE, 1))
IDS = np.arange(SAMPLES)


def made(**options):
    return RecursiveMix((0.3, 0.6), pairing=InOrder(), **options)


def batch(step):
    part = slice(step * SIZE, (step + 1) * SIZE)
    return IMAGES[part], IDS[part]


def assert_counted(mixed):
    previous = None
    for step, (images, labels) in enumerate(mixed):
        first = step * SIZE
        own = np.eye(SAMPLES, dtype="f4")[first : first + SIZE]
        shown = images[np.arange(SIZE), ..., np.arange(first, first + SIZE)] > 0
        weight = shown.mean((1, 2), dtype="f4")[:, None]
        partner = own if previous is None else previous
        np.testing.assert_allclose(labels, weight * own + (1 - weight) * partner, atol=1e-6)
        np.testing.assert_allclose(images.mean((1, 2)), labels, atol=0.03)
        previous = labels
    assert (previous > 0).sum(1).min() == STEPS


def model():
    pooled = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(SAMPLES, activation="softmax")
    base = keras.Sequential([keras.Input(IMAGES.shape[1:]), pooled, head])
    wrapped = MixingModel(base, mixer=made(), seed=1)
    wrapped.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    return wrapped


@pytest.mark.slow
def test_in_the_train_step():
    wrapped, found = model(), []
    for step in range(STEPS):
        loss = wrapped.train_on_batch(*batch(step))
        variables = wrapped._choices.variables
        _, images, labels = (keras.ops.convert_to_numpy(each) for each in variables[:3])
        found.append((images, labels))
        predicted = wrapped.base.predict(images, verbose=0)
        expected = keras.losses.categorical_crossentropy(labels, predicted)
        expected = keras.ops.convert_to_numpy(keras.ops.mean(expected))
        np.testing.assert_allclose(float(loss), expected, rtol=1e-5)
    assert_counted(found)


@pytest.mark.slow
def test_fit_takes_an_odd_last_batch_and_class_weights_that_come_later():
    wrapped = model()
    wrapped.fit(IMAGES, IDS, batch_size=6, epochs=2, shuffle=False, verbose=0)
    count, images, labels = map(keras.ops.convert_to_numpy, wrapped._choices.variables[:3])
    assert count == 2
    np.testing.assert_allclose(images[:2].mean((1, 2)), labels[:2], atol=0.05)
    # In order: the first two of each batch of 6, over both epochs.
    np.testing.assert_allclose(labels[0, 0::6].sum(), 1, atol=1e-6)
    np.testing.assert_allclose(labels[1, 1::6].sum(), 1, atol=1e-6)
    history = wrapped.fit(IMAGES, IDS, batch_size=6, class_weight={0: 2.0}, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    # Those of the count, the samples, the labels and the sample weights.
    assert len(wrapped._choices.variables) == 4
    assert len(wrapped.weights) == len(wrapped.base.weights) + 2


@pytest.mark.parametrize("tensors", [True, False], ids=["tensors", "arrays"])
def test_in_a_loop_of_ones_own(tensors):
    convert = keras.ops.convert_to_tensor if tensors else np.asarray
    layer, previous, found = made(num_classes=SAMPLES), None, []
    for step in range(STEPS):
        given = tuple(map(convert, batch(step)))
        previous = layer(given, partners=previous, seed=step)
        found.append([keras.ops.convert_to_numpy(each) for each in previous])
    assert_counted(found)
