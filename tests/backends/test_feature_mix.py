"""FeatureMix on every backend: both modalities and the labels by one plan."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from keras_mix.layers import FeatureMix
from keras_mix.losses import MixedLoss

pytestmark = pytest.mark.slow

SIZE = 8
# Image i is e_i and text i is 2 e_i, so a mixture shows what it is made of, and of which modality.
IMAGE = np.eye(SIZE, dtype="float32")
TEXT = 2 * IMAGE
IDS = np.arange(SIZE)
SOURCES = np.array([[i, (i + 3) % SIZE, (i + 1) % SIZE] for i in range(SIZE)], "int32")
WEIGHTS = np.random.default_rng(0).dirichlet(np.ones(3), SIZE).astype("float32")


def numpy_of(structure):
    return keras.tree.map_structure(ops.convert_to_numpy, structure)


def mixed(layer, labels=IDS, **options):
    return numpy_of(layer([IMAGE, TEXT], labels, training=True, **options))


def crossed(own, other, sources, weights):
    """Row by row: one's own share of the one, all others' of the other."""
    rows = []
    for row, values in zip(sources, weights, strict=True):
        parts = [
            values[0] * own[row[0]],
            *(w * other[s] for s, w in zip(row[1:], values[1:], strict=True)),
        ]
        rows.append(np.sum(parts, axis=0))
    return np.array(rows)


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("pairing", ["shuffle", "derange", "reverse", "roll"])
def test_both_features_and_the_labels_are_of_one_plan(pairing, per):
    (image, text), packed = mixed(FeatureMix(alpha=2.0, pairing=pairing, per=per, seed=1))
    sources, weights = packed[:, 0].astype(int), packed[:, 1]
    np.testing.assert_array_equal(sources[:, 0], IDS)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(image, crossed(IMAGE, TEXT, sources, weights), atol=1e-6)
    np.testing.assert_allclose(text, crossed(TEXT, IMAGE, sources, weights), atol=1e-6)
    assert (len(np.unique(weights[:, 0])) == 1) == (per == "batch")
    assert sorted(sources[:, 1]) == list(IDS)
    if pairing == "roll":
        np.testing.assert_array_equal(sources[:, 1], (IDS + 1) % SIZE)
    if pairing == "derange":
        assert (sources[:, 1] != IDS).all()


def drawn_weights(count=8000, **options):
    """The weights of the samples themselves."""
    features = [np.zeros((count, 1), "float32")] * 2
    layer = FeatureMix(**options, seed=2, pairing="roll")
    _, packed = numpy_of(layer(features, np.arange(count), training=True))
    return packed[:, 1, 0].astype("float64")


@pytest.mark.parametrize("alpha", [0.3, 2.0, (0.5, 2.0), (4.0, 1.0)], ids=str)
def test_lambda_has_the_mean_and_variance_of_beta(alpha):
    a, b = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    lam = drawn_weights(alpha=alpha)
    mean, variance, excess = (float(each) for each in stats.beta.stats(a, b, moments="mvk"))
    fourth = variance**2 * (excess + 2)
    assert abs(lam.mean() - mean) < 5 * np.sqrt(variance / len(lam))
    assert abs(((lam - mean) ** 2).mean() - variance) < 5 * np.sqrt(fourth / len(lam))


@pytest.mark.parametrize("alpha", [0.5, (0.5, 2.0)], ids=str)
def test_the_major_weight_is_distributed_as_the_larger_of_two(alpha):
    a, b = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    major = drawn_weights(alpha=alpha, keep_major=True)
    assert (major >= 0.5).all()
    for level in (0.6, 0.75, 0.9):
        expected = stats.beta.cdf(level, a, b) - stats.beta.cdf(1 - level, a, b)
        error = np.sqrt(expected * (1 - expected) / len(major))
        assert abs(np.mean(major <= level) - expected) < 5 * error


def test_the_rate_leaves_samples_as_they_are():
    count = 4000
    features = [np.full((count, 1), np.inf, "float32"), np.ones((count, 1), "float32")]
    layer = FeatureMix(rate=0.3, pairing="roll", seed=3)
    (first, second), packed = numpy_of(layer(features, np.arange(count), training=True))
    unmixed = packed[:, 1, 0] == 1
    assert abs(unmixed.mean() - 0.7) < 5 * np.sqrt(0.21 / count)
    # Nothing of another reaches them, not even an infinity times 0.
    assert (second[unmixed] == 1).all()
    assert np.isinf(second[~unmixed]).all()
    assert np.isinf(first).all()


def test_a_given_plan_is_applied_to_features_and_labels():
    labels = np.random.default_rng(1).random((SIZE, 4)).astype("float32")
    (image, text), soft = mixed(FeatureMix(), labels, plan=(SOURCES, WEIGHTS))
    np.testing.assert_allclose(image, crossed(IMAGE, TEXT, SOURCES, WEIGHTS), atol=1e-6)
    np.testing.assert_allclose(text, crossed(TEXT, IMAGE, SOURCES, WEIGHTS), atol=1e-6)
    np.testing.assert_allclose(soft, crossed(labels, labels, SOURCES, WEIGHTS), atol=1e-6)
    image, text = mixed(FeatureMix(), None, plan=(SOURCES, WEIGHTS))
    np.testing.assert_allclose(image, crossed(IMAGE, TEXT, SOURCES, WEIGHTS), atol=1e-6)


def test_class_ids_are_packed_or_one_hot_in_training_and_out_of_it():
    ids = IDS % 3
    for training in (True, False):
        layer, plan = FeatureMix(num_classes=3), (SOURCES, WEIGHTS)
        _, soft = layer([IMAGE, TEXT], ids[:, None], plan=plan, training=training)
        _, packed = FeatureMix()([IMAGE, TEXT], ids, plan=plan, training=training)
        soft, packed = numpy_of([soft, packed])
        own = np.eye(3)[ids]
        expected = crossed(own, own, SOURCES, WEIGHTS) if training else own
        np.testing.assert_allclose(soft, expected, atol=1e-6)
        read = np.sum(packed[:, 1, :, None] * np.eye(3)[packed[:, 0].astype(int)], axis=1)
        np.testing.assert_allclose(read, expected, atol=1e-6)
        assert soft.dtype == packed.dtype == np.float32


@pytest.mark.parametrize(
    ("num_classes", "ids", "match"),
    [
        (3, IDS % 4, "from 0 to 2, as num_classes=3 says. Received: values from 0 to 3"),
        (3, -IDS, "from 0 to 2"),
        (None, IDS + 2**24, r"to 16777216, up to which float32 is exact"),
        (3, (IDS % 3).astype("float32"), "must be integers to be one-hot encoded"),
        (3, (IDS % 3)[:, None].astype("float32"), "with num_classes=3. Cast class ids"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_class_ids_that_no_label_can_hold_are_refused(num_classes, ids, match, training):
    with pytest.raises(ValueError, match=match):
        FeatureMix(num_classes=num_classes)([IMAGE, TEXT], ids, training=training)


def test_nothing_is_mixed_outside_of_training():
    layer = FeatureMix()
    for outputs in (layer({"a": IMAGE, "b": TEXT}), layer({"a": IMAGE, "b": TEXT}, training=False)):
        assert list(outputs) == ["a", "b"]
        np.testing.assert_array_equal(ops.convert_to_numpy(outputs["a"]), IMAGE)
        np.testing.assert_array_equal(ops.convert_to_numpy(outputs["b"]), TEXT)


def test_dtypes_stay_and_labels_are_not_cast_to_half():
    layer = FeatureMix(dtype="mixed_float16")
    half = [ops.cast(IMAGE, "float16"), ops.cast(TEXT, "float16")]
    (first, _), labels = layer(half, np.full((SIZE,), 4099), training=True)
    assert keras.backend.standardize_dtype(first.dtype) == "float16"
    assert (ops.convert_to_numpy(labels)[:, 0] == 4099).all()


def test_sequences_are_mixed_step_by_step():
    steps = np.stack([IMAGE, 3 * IMAGE], axis=1)
    (first, _), packed = numpy_of(FeatureMix(seed=4)([steps, 2 * steps], IDS, training=True))
    (flat, _), again = mixed(FeatureMix(seed=4))
    np.testing.assert_array_equal(packed, again)
    np.testing.assert_allclose(first, np.stack([flat, 3 * flat], axis=1), rtol=1e-6)


@keras.saving.register_keras_serializable(package="test_backends")
class Fusing(keras.Model):
    """Two encoders, their features mixed across, and one head that learns the mixed labels."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoders = [keras.layers.Dense(6, activation="relu") for _ in range(2)]
        self.mix = FeatureMix(alpha=1.0, seed=5)
        self.head = keras.layers.Dense(3, activation="softmax")
        self.mixed_loss = MixedLoss("sparse_categorical_crossentropy")

    def call(self, inputs, training=False):
        image, text, labels = inputs
        features = [e(x) for e, x in zip(self.encoders, (image, text), strict=True)]
        (first, second), labels = self.mix(features, labels, training=training)
        outputs = self.head(first + second)
        self.add_loss(self.mixed_loss(labels, outputs))
        return outputs


def test_a_model_of_two_encoders_trains():
    keras.utils.set_random_seed(0)
    ids = np.arange(60) % 3
    noise = np.random.default_rng(0).normal(size=(2, 60, 3)).astype("float32")
    image, text = 0.3 * noise + 2 * np.eye(3, dtype="float32")[ids]
    model = Fusing()
    model.compile(keras.optimizers.Adam(0.03))
    losses = model.fit([image, text, ids], epochs=8, batch_size=20, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    predicted = model.predict([image, text, ids], verbose=0)
    assert (predicted.argmax(axis=1) == ids).mean() > 0.8


def test_in_a_functional_model():
    inputs = [keras.Input((4,)), keras.Input((4,))]
    labels = keras.Input((), dtype="int32")
    features, mixed_labels = FeatureMix(num_classes=5)(inputs, labels)
    model = keras.Model([*inputs, labels], [*features, mixed_labels])
    batch = [np.ones((3, 4), "float32"), np.zeros((3, 4), "float32"), np.arange(3)]
    first, second, soft = model(batch)
    assert ops.convert_to_numpy(first).all()
    assert not ops.convert_to_numpy(second).any()
    np.testing.assert_array_equal(ops.convert_to_numpy(soft), np.eye(5)[:3])


def test_config_round_trip():
    options = {"alpha": 0.7, "pairing": "derange", "per": "batch", "rate": 0.4, "num_classes": 5}
    layer = FeatureMix(**options, seed=0, name="cross")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    assert again.get_config().items() >= {**options, "seed": 0, "name": "cross"}.items()
    skewed = FeatureMix((2, 5), keep_major=True)
    again = keras.layers.deserialize(keras.layers.serialize(skewed))
    assert (again.alpha, again.keep_major) == ((2.0, 5.0), True)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"alpha": -1}, "`alpha` must be a finite number of at least 0"),
        ({"alpha": np.nan}, "`alpha` must be a finite number"),
        ({"alpha": (1, 0)}, r"a pair \(a, b\) of finite numbers above 0 .* alpha=\(1, 0\)"),
        ({"pairing": "self"}, "`pairing` must be one of"),
        ({"per": "epoch"}, "`per` must be one of"),
        ({"rate": 1.1}, "`rate` must be a finite number between 0 and 1"),
        ({"num_classes": 1}, "`num_classes` must be an integer of at least 2"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        FeatureMix(**options)


@pytest.mark.parametrize(
    ("inputs", "labels", "options", "match"),
    [
        ([IMAGE, TEXT[:, :5]], IDS, {}, r"same shape. Received: \(8,\) and \(5,\).*Project each"),
        ([IMAGE, TEXT[:, None]], IDS, {}, "same shape"),
        ([IMAGE, TEXT[:5]], IDS, {}, "same number of samples as `0`. Received: 5 beside 8"),
        ([IMAGE, TEXT, TEXT], IDS, {}, "must be two modalities. Received: 3"),
        ([IMAGE], IDS, {}, "two or more"),
        ([IMAGE, TEXT.astype("int32")], IDS, {}, "must hold floats"),
        ([IMAGE, TEXT], None, {}, "without their labels"),
        ([IMAGE, TEXT], IDS[:5], {}, "same number of samples as `features`"),
        ([IMAGE, TEXT], np.eye(SIZE, dtype="int32"), {}, "must be class ids"),
        ([IMAGE, TEXT], IDS, {"plan": (SOURCES, WEIGHTS[:, :2])}, "must hold sources"),
        (
            [IMAGE, TEXT],
            IDS,
            {"plan": (SOURCES[:5], WEIGHTS[:5])},
            "same number of samples as `features`",
        ),
    ],
)
def test_bad_inputs_are_refused(inputs, labels, options, match):
    with pytest.raises(ValueError, match=match) as caught:
        FeatureMix()(inputs, labels, training=True, **options)
    assert str(caught.value).startswith("FeatureMix: ")
