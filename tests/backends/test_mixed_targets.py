"""Losses and metrics of mixed labels on every backend: right values by sums in numpy."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix.losses import MixedLoss
from keras_mix.metrics import MixedMetric
from keras_mix.models import MixingModel

pytestmark = pytest.mark.slow

SIZE = 4
RNG = np.random.default_rng(0)
PREDICTION = RNG.dirichlet(np.ones(SIZE), SIZE).astype("float32")
IDS = np.array([[0, 2], [1, 1], [3, 0], [2, 3]])
WEIGHTS = np.array([[0.7, 0.3], [1.0, 0.0], [0.4, 0.6], [0.5, 0.5]], "float32")
PACKED = np.stack([IDS, WEIGHTS], axis=1).astype("float32")
SAMPLE_WEIGHT = np.array([0.5, 2.0, 1.0, 3.0], "float32")
# The mixed labels, one-hot.
SHARES = np.zeros((SIZE, SIZE), "float32")
for _source in range(2):
    np.add.at(SHARES, (np.arange(SIZE), IDS[:, _source]), WEIGHTS[:, _source])


def probability(ids, prediction=PREDICTION):
    return np.take_along_axis(prediction, ids[:, None], axis=1)[:, 0]


def generalized(ids):
    """Zhang & Sabuncu 2018, (1 - p^q) / q."""
    return (1 - probability(ids) ** 0.5) / 0.5


def crossentropy(ids):
    return -np.log(probability(ids))


def squared(ids):
    return np.mean((np.eye(SIZE)[ids] - PREDICTION) ** 2, axis=1)


class OwnOfIds(keras.losses.Loss):
    def call(self, y_true, y_pred):
        ids = ops.cast(y_true, "int32")[:, None]
        return -ops.log(ops.take_along_axis(y_pred, ids, axis=1)[:, 0])


class Named(keras.losses.SparseCategoricalCrossentropy):
    pass


def of_one_hot(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def of_ids(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def sparse_by_name_alone(y_true, y_pred):
    return of_one_hot(y_true, y_pred)


LOSSES = {
    "generalized": (keras.losses.CategoricalGeneralizedCrossEntropy(q=0.5), generalized),
    "renamed": (keras.losses.SparseCategoricalCrossentropy(name="ce"), crossentropy),
    "subclass": (Named(name="own"), crossentropy),
    "own of ids": (OwnOfIds(), crossentropy),
    "function of ids": (of_ids, crossentropy),
    "function of one-hot": (of_one_hot, squared),
    "misleading name": (sparse_by_name_alone, squared),
    "partial": (
        functools.partial(keras.losses.sparse_categorical_crossentropy, from_logits=False),
        crossentropy,
    ),
    "one-hot": (keras.losses.CategoricalCrossentropy(name="sparse"), crossentropy),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_given_the_labels_that_it_takes(name):
    base, of = LOSSES[name]
    expected = sum(WEIGHTS[:, s] * of(IDS[:, s]) for s in range(2))
    loss = MixedLoss(base, reduction="none")
    np.testing.assert_allclose(ops.convert_to_numpy(loss(PACKED, PREDICTION)), expected, rtol=1e-5)
    plain = ops.convert_to_numpy(loss(IDS[:, 0], PREDICTION))
    np.testing.assert_allclose(plain, of(IDS[:, 0]), rtol=1e-5)


@pytest.mark.parametrize("answer", [True, False])
def test_where_both_forms_fit_the_user_decides(answer):
    def either(y_true, y_pred):
        if len(y_true.shape) == 1:
            return ops.cast(y_true, y_pred.dtype) * y_pred[:, 0]
        return 100.0 * y_pred[:, 0]

    with pytest.raises(ValueError, match=r"either for class ids .* class_ids=True"):
        MixedLoss(either)(PACKED, PREDICTION)
    loss = MixedLoss(either, class_ids=answer, reduction="none")
    factor = np.sum(IDS * WEIGHTS, axis=1) if answer else 100.0
    found = ops.convert_to_numpy(loss(PACKED, PREDICTION))
    np.testing.assert_allclose(found, factor * PREDICTION[:, 0], rtol=1e-5)


REDUCED = {
    "sum": lambda values, weights: np.sum(values * weights),
    "mean": lambda values, weights: np.mean(values * weights),
    "sum_over_batch_size": lambda values, weights: np.mean(values * weights),
    "mean_with_sample_weight": lambda values, weights: np.sum(values * weights) / np.sum(weights),
    None: lambda values, weights: values * weights,
    "none": lambda values, weights: values * weights,
}


@pytest.mark.parametrize("weights", [None, SAMPLE_WEIGHT[:, None]])
@pytest.mark.parametrize("reduction", REDUCED)
def test_the_reduction_of_the_base_loss_holds(reduction, weights):
    values = sum(WEIGHTS[:, s] * crossentropy(IDS[:, s]) for s in range(2))
    expected = REDUCED[reduction](values, 1.0 + 0 * values if weights is None else SAMPLE_WEIGHT)
    base = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
    found = ops.convert_to_numpy(MixedLoss(base)(PACKED, PREDICTION, weights))
    np.testing.assert_allclose(np.reshape(found, np.shape(expected)), expected, rtol=1e-5)
    one_hot = keras.losses.CategoricalCrossentropy(reduction=reduction)
    np.testing.assert_allclose(
        found, ops.convert_to_numpy(one_hot(SHARES, PREDICTION, weights)), rtol=1e-5
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCED)
def test_a_source_that_the_loss_ignores_counts_for_nothing(reduction, weighted):
    kept = IDS != 3
    counts = np.sum(WEIGHTS * kept, axis=1)
    values = sum(WEIGHTS[:, s] * kept[:, s] * crossentropy(IDS[:, s]) for s in range(2))
    given = SAMPLE_WEIGHT if weighted else np.ones(SIZE, "float32")
    expected = {
        "sum": np.sum(given * values),
        "mean": np.sum(given * values) / np.sum(counts),
        "sum_over_batch_size": np.sum(given * values) / np.sum(counts),
        "mean_with_sample_weight": np.sum(given * values) / np.sum(given * counts),
    }.get(reduction, given * values)
    base = keras.losses.SparseCategoricalCrossentropy(ignore_class=3, reduction=reduction)
    loss = MixedLoss(base)
    found = ops.convert_to_numpy(loss(PACKED, PREDICTION, SAMPLE_WEIGHT if weighted else None))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    # Plain labels have the plain loss.
    plain, mixed = (f(IDS[:, 0], PREDICTION, given) for f in (base, loss))
    np.testing.assert_allclose(ops.convert_to_numpy(mixed), ops.convert_to_numpy(plain), rtol=1e-5)


def test_binary_predictions_take_ids_0_and_1_as_labels():
    packed = np.array([[[0, 1], [0.7, 0.3]], [[1, 1], [1, 0]]], "float32")
    prediction = np.array([[0.2], [0.6]], "float32")
    expected = [-0.7 * np.log(0.8) - 0.3 * np.log(0.2), -np.log(0.6)]
    for base in ("binary_crossentropy", keras.losses.BinaryCrossentropy()):
        found = MixedLoss(base, reduction="none")(packed, prediction)
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)
        plain = MixedLoss(base)(np.array([0, 1]), prediction)
        expected_plain = -np.log([0.8, 0.6]).mean()
        np.testing.assert_allclose(ops.convert_to_numpy(plain), expected_plain, rtol=1e-4)
    weighted = MixedLoss("binary_crossentropy", class_weight={1: 3.0}, reduction="none")(
        packed, prediction
    )
    expected = [-0.7 * np.log(0.8) - 0.9 * np.log(0.2), -3 * np.log(0.6)]
    np.testing.assert_allclose(ops.convert_to_numpy(weighted), expected, rtol=1e-4)


def test_ids_survive_a_narrow_dtype():
    prediction = np.full((2, 1000), 0.1 / 999, "float32")
    prediction[:, 999] = 0.9
    packed = np.array([[[999, 1], [1, 0]], [[998, 999], [0.5, 0.5]]], "float32")
    tiny = -np.log(0.1 / 999)
    expected = [-np.log(0.9), 0.5 * tiny - 0.5 * np.log(0.9)]
    for base in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        loss = MixedLoss(base, dtype="bfloat16", reduction="none")
        found = ops.convert_to_numpy(ops.cast(loss(packed, prediction), "float32"))
        np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.01)
    with pytest.raises(ValueError, match=r"must have a dtype that represents all class ids"):
        loss(ops.cast(packed, "bfloat16"), prediction)


def test_a_model_in_bfloat16_trains_on_the_ids_that_it_is_given():
    """Keras casts labels to the dtype of the loss: 999 would become 1,000, no class at all."""
    base = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1000, kernel_initializer="zeros"),
            keras.layers.Softmax(),
        ]
    )
    bias = np.full(1000, np.log(0.1 / 999), "float32")
    bias[999] = np.log(0.9)
    base.layers[0].bias.assign(bias)
    loss = keras.losses.SparseCategoricalCrossentropy(dtype="bfloat16")
    model = MixingModel(base, alpha=1.0, seed=1)
    model.compile("sgd", loss, jit_compile=False)
    found = model.train_on_batch(np.ones((4, 1), "float32"), np.full(4, 999))
    np.testing.assert_allclose(found, -np.log(0.9), rtol=0.1)


BINARY = np.array([0.8, 0.3, 0.6, 0.1], "float32")
SCORES = np.array([0.9, 0.2, 0.4, 0.3], "float32")


@pytest.mark.parametrize("column", [False, True])
def test_binary_labels_are_read_by_a_threshold(column):
    labels, scores = (BINARY[:, None], SCORES[:, None]) if column else (BINARY, SCORES)
    hard = labels > 0.5
    for metric in (
        "accuracy",
        "binary_accuracy",
        keras.metrics.AUC(),
        keras.metrics.Precision(),
        keras.metrics.BinaryCrossentropy(),
    ):
        mixed = MixedMetric(metric)
        mixed.update_state(labels, scores)
        plain = keras.metrics.BinaryAccuracy()
        if isinstance(metric, keras.metrics.Metric):
            plain = type(metric)()
        plain.update_state(hard.astype("float32"), scores)
        assert float(mixed.result()) == pytest.approx(float(plain.result()))
    accuracy = MixedMetric("accuracy")
    accuracy.update_state(labels, scores)
    assert float(accuracy.result()) == 0.75


def test_several_labels_a_sample_are_read_by_a_threshold():
    labels = np.array([[0.9, 0.6, 0.1], [0.4, 0.3, 0.3], [1.0, 0.2, 0.7]], "float32")
    scores = RNG.random((3, 3)).astype("float32")
    for metric in (keras.metrics.AUC(multi_label=True), keras.metrics.BinaryAccuracy()):
        plain = type(metric).from_config(metric.get_config())
        plain.update_state((labels > 0.5).astype("float32"), scores)
        mixed = MixedMetric(metric)
        mixed.update_state(labels, scores)
        assert float(mixed.result()) == pytest.approx(float(plain.result()))


FORMS = {
    "packed": PACKED,
    "one-hot shares": SHARES,
    "ids": np.argmax(SHARES, axis=1),
    "column of ids": np.argmax(SHARES, axis=1)[:, None],
    "one-hot integers": np.eye(SIZE, dtype="int32")[np.argmax(SHARES, axis=1)],
}


@pytest.mark.parametrize("form", FORMS)
def test_classes_are_read_as_the_dominant_one_whatever_the_form(form):
    dominant = np.argmax(SHARES, axis=1)
    correct = np.mean(np.argmax(PREDICTION, axis=1) == dominant)
    for metric in (
        "accuracy",
        "sparse_categorical_accuracy",
        "categorical_accuracy",
        keras.metrics.CategoricalAccuracy(),
        keras.metrics.TopKCategoricalAccuracy(k=1),
    ):
        mixed = MixedMetric(metric)
        mixed.update_state(FORMS[form], PREDICTION)
        assert float(mixed.result()) == pytest.approx(correct), metric
    entropy = MixedMetric(keras.metrics.CategoricalCrossentropy())
    entropy.update_state(FORMS[form], PREDICTION)
    expected = -np.log(PREDICTION[np.arange(SIZE), dominant]).mean()
    assert float(entropy.result()) == pytest.approx(expected, rel=1e-5)
    auc, plain = MixedMetric(keras.metrics.AUC(), label_form="one_hot"), keras.metrics.AUC()
    auc.update_state(FORMS[form], PREDICTION)
    plain.update_state(np.eye(SIZE)[dominant], PREDICTION)
    assert float(auc.result()) == pytest.approx(float(plain.result()))


def test_a_quarter_each_has_a_dominant_class_but_passes_no_threshold():
    labels = np.array([[0.3, 0.25, 0.25, 0.2]], "float32")
    prediction = np.array([[0.97, 0.01, 0.01, 0.01]], "float32")
    for reads, expected in (("one_hot", 1.0), ("indicators", 0.0)):
        metric = MixedMetric(keras.metrics.TruePositives(), label_form=reads)
        metric.update_state(labels, prediction)
        assert float(metric.result()) == expected


def test_numbers_stay_numbers():
    mixed = MixedMetric("mean_squared_error")
    mixed.update_state(np.array([[0.25], [3.0]]), np.array([[0.5], [1.0]]))
    assert float(mixed.result()) == pytest.approx((0.0625 + 4) / 2)


def test_what_an_unknown_metric_reads_must_be_said():
    def own(y_true, y_pred):
        return ops.mean(ops.cast(y_true == ops.round(y_pred), "float32"), axis=-1)

    with pytest.raises(ValueError, match=r"own: `label_form` must be given, .* Pass one of"):
        MixedMetric(own).update_state(BINARY[:, None], SCORES[:, None])
    metric = MixedMetric(own, label_form="indicators")
    metric.update_state(BINARY[:, None], SCORES[:, None])
    assert float(metric.result()) == 0.75
    with pytest.raises(ValueError, match=r"`label_form` must be one of"):
        MixedMetric(own, label_form="shares")


@pytest.mark.parametrize("metric", ["accuracy", keras.metrics.AUC(num_thresholds=50)])
def test_a_metric_is_saved_with_what_it_reads(metric):
    mixed = MixedMetric(metric, label_form=None if isinstance(metric, str) else "one_hot")
    again = keras.metrics.deserialize(keras.metrics.serialize(mixed))
    assert again.get_config() == mixed.get_config()
    for each in (mixed, again):
        each.update_state(PACKED, PREDICTION)
    assert float(mixed.result()) == float(again.result())
