"""Packed targets give the loss of one-hot labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.layers import CutMix, MixUp
from keras_mix.losses import MixedLoss
from keras_mix.metrics import MixedMetric

SEED = tf.constant([1, 2])
RNG = np.random.default_rng(0)
INPUTS = RNG.random((16, 5), "float32")
IDS = RNG.integers(0, 6, 16)
PREDICTION = RNG.dirichlet(np.ones(6), 16).astype("float32")
WEIGHTS = np.linspace(0.5, 2, 16).astype("float32")


def mixed_labels(labels, mixer=MixUp, size=6, inputs=INPUTS, ids=IDS):
    options = {"num_classes": size} if labels == "auto" else {}
    return mixer(alpha=1.0, label_mode=labels, **options)(inputs, ids, seed=SEED)[1]


@pytest.mark.parametrize(
    "base",
    [
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.CategoricalCrossentropy(),
        keras.losses.categorical_crossentropy,
    ],
)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
def test_cross_entropy_of_pairs_is_that_of_one_hot_labels(base, weights, reduction):
    packed = MixedLoss(base, reduction=reduction)
    one_hot = keras.losses.CategoricalCrossentropy(reduction=reduction)
    np.testing.assert_allclose(
        packed(mixed_labels("pairs"), PREDICTION, weights),
        one_hot(mixed_labels("auto"), PREDICTION, weights),
        rtol=1e-6,
        atol=1e-6,
    )


def test_cutmix_packs_the_counted_weights():
    images = RNG.random((16, 5, 7, 3), "float32")
    packed = MixedLoss("sparse_categorical_crossentropy")
    pairs = mixed_labels("pairs", CutMix, inputs=images)
    one_hot = mixed_labels("auto", CutMix, inputs=images)
    expected = keras.losses.CategoricalCrossentropy()(one_hot, PREDICTION)
    np.testing.assert_allclose(packed(pairs, PREDICTION), expected, atol=1e-6)


def test_equal_at_21000_classes():
    size = 21_000
    ids = RNG.integers(0, size, 16)
    logits = RNG.normal(size=(16, size)).astype("float32")
    packed = MixedLoss(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    one_hot = keras.losses.CategoricalCrossentropy(from_logits=True)
    pairs = mixed_labels("pairs", ids=ids)
    assert pairs.shape == (16, 2, 2)
    np.testing.assert_allclose(
        packed(pairs, logits), one_hot(mixed_labels("auto", size=size, ids=ids), logits), rtol=1e-6
    )


def test_any_loss_is_the_mean_of_its_sources_losses():
    pairs = mixed_labels("pairs").numpy()
    focal = keras.losses.CategoricalFocalCrossentropy(reduction="none")
    expected = sum(
        pairs[:, 1, s] * focal(np.eye(6)[pairs[:, 0, s].astype(int)], PREDICTION) for s in (0, 1)
    )
    loss = MixedLoss("categorical_focal_crossentropy", reduction="none")
    np.testing.assert_allclose(loss(pairs, PREDICTION), expected, rtol=1e-5)


@pytest.mark.parametrize("labels", [IDS, IDS[:, None], np.eye(6, dtype="float32")[IDS]])
def test_plain_labels_go_to_the_base_loss(labels):
    base = (
        "categorical_crossentropy" if labels.shape[-1] == 6 else "sparse_categorical_crossentropy"
    )
    expected = keras.losses.SparseCategoricalCrossentropy()(IDS, PREDICTION)
    np.testing.assert_allclose(MixedLoss(base)(labels, PREDICTION), expected, rtol=1e-6)


def test_class_weights_belong_to_each_source():
    class_weight = {0: 3.0, 4: 0.5}
    pairs = mixed_labels("pairs").numpy()
    loss = MixedLoss("sparse_categorical_crossentropy", class_weight=class_weight, reduction="none")
    table = np.array([class_weight.get(k, 1.0) for k in range(6)])
    ids = pairs[:, 0].astype(int)
    crossentropy = -np.log(np.take_along_axis(PREDICTION, ids, axis=1))
    expected = np.sum(pairs[:, 1] * table[ids] * crossentropy, axis=1)
    np.testing.assert_allclose(loss(pairs, PREDICTION), expected, rtol=1e-5)
    plain = loss(IDS, PREDICTION)
    expected = -table[IDS] * np.log(PREDICTION[np.arange(16), IDS])
    np.testing.assert_allclose(plain, expected, rtol=1e-5)


@pytest.mark.parametrize("class_weight", [{"cat": 1.0}, {1.5: 1.0}, [1.0, 2.0]])
def test_class_weights_are_named_by_class_ids(class_weight):
    with pytest.raises(ValueError, match="must be a dict from class ids, whole numbers"):
        MixedLoss("sparse_categorical_crossentropy", class_weight=class_weight)


def test_fit_refuses_class_weight_on_packed_targets():
    model = keras.Sequential([keras.layers.Dense(6, activation="softmax")])
    model.compile("sgd", MixedLoss("sparse_categorical_crossentropy"))
    dataset = tf.data.Dataset.from_tensor_slices((INPUTS, IDS)).batch(8)
    mixed = data.mix(dataset, MixUp(label_mode="pairs"))
    with pytest.raises(ValueError, match=r"class_weight|3\+ dimensional"):
        model.fit(mixed, class_weight=dict.fromkeys(range(6), 2.0), shuffle=False, verbose=0)


def test_weights_with_a_column_for_each_row_of_the_pack_are_refused():
    loss = MixedLoss("sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"Received: `class_weight` in `fit`.*MixedLoss\(…"):
        loss(mixed_labels("pairs"), PREDICTION, np.ones((16, 2)))
    loss(mixed_labels("pairs"), PREDICTION, np.ones((16, 1)))


@pytest.mark.parametrize("base", [keras.losses.CategoricalFocalCrossentropy(gamma=3.0), "mse"])
def test_config_round_trip(base):
    loss = MixedLoss(base, class_weight={1: 2.0}, name="pairs")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    pairs = mixed_labels("pairs")
    np.testing.assert_array_equal(again(pairs, PREDICTION), loss(pairs, PREDICTION))


def test_a_model_with_packed_targets_is_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(6, activation="softmax")])
    model.compile("sgd", MixedLoss("sparse_categorical_crossentropy"))
    dataset = tf.data.Dataset.from_tensor_slices((INPUTS, IDS)).batch(8)
    model.fit(data.mix(dataset, MixUp(label_mode="pairs")), shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(INPUTS, IDS, verbose=0) == model.evaluate(INPUTS, IDS, verbose=0)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64"])
def test_packed_ids_are_exact_up_to_2_to_the_24(dtype):
    ids = np.array([2**24, 2**24 - 1, 3], dtype)
    layer = MixUp(label_mode="pairs", alpha=0)
    for call in (layer, tf.function(layer)):
        _, packed = call(tf.constant(INPUTS[:3]), tf.constant(ids))
        np.testing.assert_array_equal(packed[:, 0, 0].numpy().astype("int64"), ids)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64"])
def test_ids_that_packed_targets_cannot_hold_are_refused(dtype):
    largest = 2**24 + 1 if dtype == "int32" else 2**31 + 5
    ids = np.array([0, 1, largest], dtype)
    layer = MixUp(label_mode="pairs")
    sentence = r"must hold whole numbers up to 16,777,216 to be packed"
    with pytest.raises(ValueError, match=rf"MixUp: `y` {sentence}.* Received: .* {largest}\."):
        layer(INPUTS[:3], ids)
    with pytest.raises(ValueError, match=sentence):
        layer(INPUTS[:3], np.array([0, 1, 2], dtype), partners=(INPUTS[:3], ids))
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        tf.function(layer)(tf.constant(INPUTS[:3]), tf.constant(ids))


@pytest.mark.parametrize("labels", ["auto", "pairs"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "bfloat16", "float16", "int64"])
def test_ids_of_any_dtype_are_checked(labels, dtype):
    ids = tf.cast(np.arange(16) % 2, dtype)
    layer = MixUp(label_mode=labels, num_classes=300, alpha=0)
    for call in (layer, tf.function(layer)):
        _, y = call(tf.constant(INPUTS), ids)
        found = np.argmax(y, axis=1) if labels == "auto" else y[:, 0, 0]
        np.testing.assert_array_equal(found, np.arange(16) % 2)
    if dtype == "bool":
        return
    with pytest.raises(ValueError, match=r"`y` must hold class ids, integers from 0 to 19"):
        MixUp(label_mode=labels, num_classes=20)(INPUTS, tf.cast(np.arange(16) + 20, dtype))


def test_floats_of_the_only_target_are_packed_as_class_ids():
    # As Keras's augmentations leave the labels of a dict.
    images, ids = np.zeros((8, 4, 4, 3), "float32"), np.array([3, 0, 7, 5, 2, 6, 1, 4])
    layer = MixUp(1.0, label_mode="pairs", pairing="roll", seed=1)
    flips = keras.layers.Pipeline([keras.layers.RandomFlip(), layer])
    dataset = tf.data.Dataset.from_tensor_slices({"images": images, "labels": ids})
    packed = next(iter(dataset.batch(8).map(flips)))["labels"]
    np.testing.assert_array_equal(packed[:, 0], np.stack([ids, np.roll(ids, -1)], axis=1))
    _, packed = layer(images, ids[:, None].astype("float64"))
    np.testing.assert_array_equal(packed[:, 0], np.stack([ids, np.roll(ids, -1)], axis=1))
    with pytest.raises(ValueError, match=r"`y` must hold whole numbers up to .* to be packed"):
        layer(images, ids + 0.5)
    # Of several targets, those that `num_classes` names.
    y = {"kind": ids.astype("float32"), "age": ids.astype("float32")}
    _, mixed = MixUp(label_mode="pairs", num_classes={"kind": 8})(images, y)
    assert mixed["kind"].shape == (8, 2, 2)
    assert mixed["age"].shape == (8,)


class OwnModel(keras.Model):
    """A model with losses of its own beside that of the labels."""

    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Dense(6, activation="softmax")

    def call(self, x):
        return self.layer(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training) + 0.0


@pytest.mark.parametrize("make", [lambda: keras.Sequential([keras.layers.Dense(6)]), OwnModel])
@pytest.mark.parametrize(
    "metric",
    [
        "accuracy",
        "sparse_categorical_accuracy",
        keras.metrics.SparseCategoricalAccuracy(),
        keras.metrics.sparse_categorical_accuracy,
    ],
    ids=["accuracy", "name", "object", "function"],
)
def test_a_metric_that_cannot_read_packed_targets_is_refused(make, metric):
    packed = mixed_labels("pairs")
    for run_eagerly in (True, False):
        model = make()
        loss = MixedLoss("sparse_categorical_crossentropy")
        options = {"metrics": [metric], "run_eagerly": run_eagerly, "jit_compile": False}
        model.compile("sgd", loss, **options)
        with pytest.raises(ValueError, match=r"Keras's own metrics cannot read packed .* Wrap it"):
            model.train_on_batch(INPUTS, packed)


def test_metrics_that_read_packed_targets_pass_and_plain_labels_take_any():
    def own(y_true, y_pred):
        return y_true[:, 1, 0]

    model = OwnModel()
    accuracy = MixedMetric("accuracy")
    loss = MixedLoss("sparse_categorical_crossentropy")
    model.compile("sgd", loss, metrics=[accuracy, own], jit_compile=False)
    found = model.train_on_batch(INPUTS, mixed_labels("pairs"), return_dict=True)
    expected = mixed_labels("pairs")[:, 1, 0].numpy().mean()
    np.testing.assert_allclose(found["own"], expected, rtol=1e-5)
    plain = OwnModel()
    plain.compile("sgd", loss, metrics=["accuracy"], jit_compile=False)
    plain.train_on_batch(INPUTS, IDS)


def test_a_graph_of_its_own_takes_the_loss():
    loss = MixedLoss("sparse_categorical_crossentropy")
    packed = mixed_labels("pairs")
    in_graph = tf.function(loss, autograph=False)(packed, PREDICTION)
    np.testing.assert_allclose(in_graph, loss(packed, PREDICTION), rtol=1e-6)
