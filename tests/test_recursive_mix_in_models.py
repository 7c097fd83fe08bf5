"""RecursiveMix in the train step: the previous mixed batch in variables of the model."""

import keras
import numpy as np
import pytest
from test_recursive_mix import SAMPLES, SIZE, STEPS, assert_labels_are_counted, painted

from keras_mix.layers import CutMix, MixPoint, RecursiveMix
from keras_mix.models import ManifoldMixup, MixingModel, RegMixup
from keras_mix.pairings import InOrder

SIDE = 32
IMAGES, IDS = painted(side=SIDE)
IN_ORDER = {"fraction": (0.3, 0.6), "pairing": InOrder()}


def network(*last, side=SIDE):
    head = last or [keras.layers.Dense(SAMPLES, activation="softmax")]
    pooled = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([keras.Input((side, side, SAMPLES)), pooled, *head])


def mixing(base=None, loss="sparse_categorical_crossentropy", mixer=None, **options):
    """A compiled model that learns nothing, step by step."""
    mixer = RecursiveMix(**IN_ORDER) if mixer is None else mixer
    model = MixingModel(base or network(), mixer=mixer, seed=1, **options)
    model.compile(keras.optimizers.SGD(0.0), loss, run_eagerly=True)
    return model


def kept(model, size):
    """The mixed samples and labels of the last step."""
    count, samples, labels, *_ = (variable.numpy() for variable in model._choices.variables)
    assert count == min(size, len(samples))
    return samples[:count], labels[:count]


def steps(model, y=IDS, sizes=(SIZE,) * STEPS, weights=None):
    """The loss, mixed samples and labels of each step."""
    end, found = 0, []
    for size in sizes:
        part = slice(end, end + size)
        weight = () if weights is None else (weights[part],)
        loss = model.train_on_batch(IMAGES[part], y[part], *weight)
        found.append((float(loss), *kept(model, size)))
        end += size
    return found


def test_batches_may_grow_and_shrink():
    found = [(images, labels) for _, images, labels in steps(mixing(), sizes=(5, 2, 7))]
    assert_labels_are_counted(found[:2])
    # There is room for as many as the first batch had.
    images, labels = found[2]
    assert len(images) == 5
    np.testing.assert_allclose(images.mean((1, 2)), labels, atol=0.05)
    assert (labels[:, 7:12].argmax(1) == np.arange(5)).all()


@pytest.mark.parametrize("loss_mode", ["sources", "mixed_targets"])
def test_rows_smoothing_and_sample_weights(loss_mode):
    weights = np.linspace(0.5, 2, SAMPLES).astype("f4")
    mixer = RecursiveMix(**IN_ORDER, label_smoothing=0.1)
    rows = np.eye(SAMPLES, dtype="f4")
    model = mixing(None, "categorical_crossentropy", mixer, loss_mode=loss_mode)
    found = steps(model, rows, weights=weights)
    plain = keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction=None)
    previous = own_weights = None
    for number, (loss, images, labels) in enumerate(found):
        part = slice(number * SIZE, (number + 1) * SIZE)
        weight = labels[np.arange(SIZE), IDS[part]]
        own = plain(rows[part], model.base.predict(images, verbose=0))
        if previous is None:
            expected, carried = weights[part] * own, weights[part]
        else:
            partner = plain(previous, model.base.predict(images, verbose=0))
            carried = weight * weights[part] + (1 - weight) * own_weights
            if loss_mode == "sources":
                expected = weight * weights[part] * own + (1 - weight) * own_weights * partner
            else:
                expected = carried * (weight * own + (1 - weight) * partner)
        np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-4)
        previous, own_weights = labels, carried


def test_heads_have_labels_of_their_own():
    inputs = keras.Input((SIDE, SIDE, SAMPLES))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    heads = {
        "kind": keras.layers.Dense(SAMPLES, activation="softmax", name="kind")(pooled),
        "size": keras.layers.Dense(1, name="size")(pooled),
    }
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model = mixing(keras.Model(inputs, heads), losses)
    for start in (0, SIZE):
        part = slice(start, start + SIZE)
        sizes = IDS[part, None].astype("f4")
        model.train_on_batch(IMAGES[part], {"kind": IDS[part], "size": sizes})
    _, _, kinds, _, numbers, _ = (variable.numpy() for variable in model._choices.variables)
    np.testing.assert_allclose(numbers[:SIZE, 0], kinds[:SIZE] @ IDS, rtol=1e-5)


def test_metrics_see_the_larger_label():
    model = mixing(mixer=RecursiveMix((0.9, 1.0), pairing=InOrder()))
    seen = keras.metrics.SparseCategoricalAccuracy()
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=[seen], run_eagerly=True)
    found = steps_with_metrics(model)
    for (_, accuracy), (images, labels) in found:
        predicted = model.base.predict(images, verbose=0).argmax(1)
        np.testing.assert_allclose(accuracy, (predicted == labels.argmax(1)).mean(), atol=1e-6)


def steps_with_metrics(model):
    found = []
    for start in range(0, 3 * SIZE, SIZE):
        model.reset_metrics()
        part = slice(start, start + SIZE)
        logs = model.train_on_batch(IMAGES[part], IDS[part])
        found.append((logs, kept(model, SIZE)))
    return found


def test_no_file_holds_the_previous_batch(tmp_path):
    model = mixing()
    steps(model)
    path = tmp_path / "model.keras"
    model.save(path)
    assert path.stat().st_size < 100_000
    loaded = keras.saving.load_model(path)
    assert loaded._choices.variables == []
    assert len(loaded.weights) == len(model.weights)
    loaded.train_on_batch(IMAGES[:SIZE], IDS[:SIZE])
    _, labels = kept(loaded, SIZE)
    np.testing.assert_array_equal(labels, np.eye(SAMPLES)[:SIZE])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RegMixup(network(), mixer=RecursiveMix()), "a loss of its own"),
        (lambda: MixingModel(network(), mixer=[RecursiveMix(), CutMix()]), "must be the only one"),
        (lambda: ManifoldMixup(network(MixPoint()), mixer=RecursiveMix()), "at the input"),
    ],
    ids=["recipe", "list", "hidden"],
)
def test_models_that_cannot_hand_a_batch_on_are_refused(make, message):
    with pytest.raises(ValueError, match=rf"{message}.*keras_mix\.data\.mix"):
        make()


def ids_alone(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (ids_alone, IDS[:SIZE], "One-hot encode the labels"),
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=0), IDS[:SIZE], "sample weight"),
        ("mse", np.zeros((SIZE, SIDE, SIDE, 1)), "labels of whole samples"),
    ],
    ids=["custom", "ignored", "maps"],
)
def test_labels_that_cannot_be_carried_are_refused(loss, y, message):
    maps = keras.Sequential([keras.Input(IMAGES.shape[1:]), keras.layers.Dense(1)])
    base = network() if y.ndim == 1 else maps
    model = mixing(base, loss)
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(IMAGES[:SIZE], y)
