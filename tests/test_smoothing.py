"""Label smoothing: every label is smoothed, and what is no label is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import constant_images, seed_of

from keras_mix.layers import CrossModalMix, CutMix, MixUp, RandomChoice

SIZE = 6
IMAGES = constant_images(SIZE, 4, 5, "float32")
SOUNDS = IMAGES[:, :, 0]
BINARY = (np.arange(SIZE) % 2).astype("float32")
ONE_HOT = np.eye(SIZE, dtype="float32")
MASKS = np.where(np.arange(5) < 3, np.arange(SIZE)[:, None, None] % 3, 255) + np.zeros((1, 4, 1))
S = 0.2
# name: (labels, number of classes, options)
LABELS = {
    "binary": (BINARY, 2, {}),
    "binary column": (BINARY[:, None], 2, {}),
    "binary double": (BINARY.astype("float64"), 2, {}),
    "class ids": (np.arange(SIZE), SIZE, {"num_classes": SIZE}),
    "one-hot": (ONE_HOT, SIZE, {}),
    "one-hot integers": (ONE_HOT.astype("int32"), SIZE, {}),
    "one-hot beside an axis": (ONE_HOT[:, None], SIZE, {}),
    "several": (np.tril(ONE_HOT), SIZE, {"label_mode": "union"}),
    "binary frames": (np.tile(BINARY[:, None], (1, 4)), 2, {"kinds": {"y": "frame_labels"}}),
    "frames": (np.tile(ONE_HOT[:, None], (1, 4, 1)), SIZE, {"kinds": {"y": "frame_labels"}}),
}


@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("name", LABELS)
def test_every_label_is_smoothed_over_its_classes(name, mode):
    labels, classes, options = LABELS[name]
    options = {"alpha": 1.0, "rate": 0.7, **options}
    plain, layer = MixUp(**options), MixUp(label_smoothing=S, **options)
    call = layer if mode == "eager" else tf.function(layer)
    _, sharp = plain(SOUNDS, labels, seed=seed_of())
    _, y = call(tf.constant(SOUNDS), tf.constant(labels), seed=seed_of())
    np.testing.assert_allclose(y, sharp * (1 - S) + S / classes, atol=1e-6)
    assert y.shape == sharp.shape
    _, unmixed = layer(SOUNDS, labels, training=False)
    np.testing.assert_array_equal(unmixed, plain(SOUNDS, labels, training=False)[1])


def test_a_binary_label_is_smoothed_as_the_loss_of_keras_smooths_it():
    predictions = np.linspace(0.1, 0.9, SIZE, dtype="float32")[:, None]
    _, smooth = MixUp(alpha=0, label_smoothing=S)(SOUNDS, BINARY[:, None])
    expected = keras.losses.BinaryCrossentropy(label_smoothing=S)(BINARY[:, None], predictions)
    found = keras.losses.BinaryCrossentropy()(smooth, predictions)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("make", [MixUp, CutMix])
def test_soft_masks_are_smoothed_but_for_what_is_ignored(make):
    options = {"alpha": 1.0, "soft_masks": True, "num_classes": 3}
    _, sharp = make(**options)(IMAGES, MASKS.astype("int32"), seed=seed_of())
    _, y = make(label_smoothing=S, **options)(IMAGES, MASKS.astype("int32"), seed=seed_of())
    expected = sharp * (1 - S) + S / 3 * np.sum(sharp, axis=-1, keepdims=True)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    np.testing.assert_array_equal(y[:, :, 3:], 0)


def test_labels_without_partners_are_smoothed_too():
    layer = MixUp(alpha=1.0, label_smoothing=S, num_classes=SIZE)
    _, y = layer(SOUNDS, np.arange(SIZE), partners=SOUNDS + 1)
    np.testing.assert_allclose(y, ONE_HOT * (1 - S) + S / SIZE, atol=1e-6)


def test_kinds_tell_labels_from_numbers():
    y = {"kind": np.arange(SIZE), "flag": BINARY, "age": 50 + np.arange(SIZE, dtype="float32")}
    options = {"alpha": 1.0, "num_classes": {"kind": SIZE}, "kinds": {"flag": "labels"}}
    _, sharp = MixUp(**options)(SOUNDS, y, seed=seed_of())
    _, found = MixUp(label_smoothing=S, **options)(SOUNDS, y, seed=seed_of())
    np.testing.assert_allclose(found["kind"], sharp["kind"] * (1 - S) + S / SIZE, atol=1e-6)
    np.testing.assert_allclose(found["flag"], sharp["flag"] * (1 - S) + S / 2, atol=1e-6)
    np.testing.assert_array_equal(found["age"], sharp["age"])
    y = {"kind": ONE_HOT, "pose": 100 * ONE_HOT}
    layer = MixUp(alpha=0, label_smoothing=S, kinds={"pose": "values"})
    np.testing.assert_array_equal(layer(SOUNDS, y)[1]["pose"], y["pose"])


@pytest.mark.parametrize(
    "make",
    [
        MixUp,
        lambda **options: RandomChoice([MixUp(), CutMix(spatial_dims=1)], **options),
        lambda **options: CrossModalMix(**options),
    ],
    ids=["MixUp", "RandomChoice", "CrossModalMix"],
)
@pytest.mark.parametrize("shape", [(SIZE,), (SIZE, 1), (SIZE, 3), (SIZE, 1, 3)])
def test_numbers_are_refused(make, shape):
    numbers = np.full(shape, 100.0, "float32")
    # RandomChoice cuts, so it refuses vectors of numbers even without smoothing.
    rule = r"must hold labels, numbers from 0 to 1, (to be smoothed|if inputs are cut)"
    layer = make(label_smoothing=S)
    with pytest.raises(ValueError, match=rf"`y` {rule}.* Received: values from 100 to 100"):
        layer(SOUNDS, numbers)
    with pytest.raises(ValueError, match=r"`y` must hold labels"):
        layer(SOUNDS, 0 * numbers, partners=(SOUNDS, numbers))
    with pytest.raises(ValueError, match=r'label_mode="values" treats targets as numbers'):
        make(label_smoothing=S, label_mode="values")(SOUNDS, numbers)
    with pytest.raises(ValueError, match=r'the numbers, for example kinds=\{"pose": "values"\}'):
        make(label_smoothing=S, label_mode="values")(SOUNDS, {"pose": numbers, "score": numbers})
    with pytest.raises(ValueError, match=r"`label_smoothing=0.2` needs a label"):
        make(label_smoothing=S, kinds={"y": "values"})(SOUNDS, numbers)


@pytest.mark.parametrize("bad", [-0.5, 1.5, np.nan])
def test_numbers_are_refused_as_a_graph_runs(bad):
    layer = tf.function(MixUp(label_smoothing=S))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`y` must hold labels, numbers from"):
        layer(tf.constant(SOUNDS), tf.constant([bad] * SIZE))


@pytest.mark.parametrize("labels", [MASKS.astype("int32"), np.ones((SIZE, 4, 5, 2), "float32")])
def test_targets_without_a_label_are_refused(labels):
    with pytest.raises(ValueError, match=r"CutMix: `label_smoothing=0.2` needs a label.*Leave out"):
        CutMix(label_smoothing=S)(IMAGES, labels)
