"""Metrics of packed targets are read against the dominant source."""

import keras
import numpy as np
import pytest

from keras_mix.losses import MixedLoss
from keras_mix.metrics import MixedMetric

PACKED = np.array([[[2, 0], [0.7, 0.3]], [[1, 2], [0.2, 0.8]], [[0, 1], [1, 0]]], "float32")
PREDICTION = np.eye(3, dtype="float32")[[2, 1, 0]]


@pytest.mark.parametrize(
    "metric",
    [
        "sparse_categorical_accuracy",
        keras.metrics.SparseCategoricalAccuracy(),
        keras.metrics.sparse_categorical_accuracy,
    ],
)
def test_a_sample_counts_as_its_dominant_source(metric):
    wrapped = MixedMetric(metric)
    wrapped.update_state(PACKED, PREDICTION)
    assert float(wrapped.result()) == pytest.approx(2 / 3)
    wrapped.reset_state()
    wrapped.update_state(PACKED, PREDICTION, sample_weight=np.array([1.0, 2.0, 1.0]))
    assert float(wrapped.result()) == pytest.approx(1 / 2)


@pytest.mark.parametrize("labels", [np.array([2, 2, 0]), np.array([[2], [2], [0]])])
def test_plain_labels_go_to_the_metric(labels):
    wrapped = MixedMetric("sparse_categorical_accuracy")
    wrapped.update_state(labels, PREDICTION)
    assert float(wrapped.result()) == pytest.approx(2 / 3)


def test_config_round_trip():
    wrapped = MixedMetric(keras.metrics.SparseTopKCategoricalAccuracy(k=2), name="top_2")
    again = keras.metrics.deserialize(keras.metrics.serialize(wrapped))
    assert again.get_config() == wrapped.get_config()
    assert again.metric.k == 2


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_binary_labels_of_any_dtype(dtype, shape):
    labels = np.array([0, 1, 1, 0]).reshape(shape).astype(dtype)
    scores = np.array([[0.2], [0.9], [0.4], [0.7]], "float32")
    # Two of four are right, one of two above 0.5 is positive, and three of four pairs are ordered.
    for metric, right in {
        "accuracy": 1 / 2,
        "binary_accuracy": 1 / 2,
        keras.metrics.Precision(): 1 / 2,
        keras.metrics.AUC(): 3 / 4,
    }.items():
        wrapped = MixedMetric(metric)
        wrapped.update_state(labels, scores)
        assert float(wrapped.result()) == pytest.approx(right, abs=1e-3), metric


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_several_labels_a_sample_of_any_dtype(dtype):
    labels = np.array([[1, 0, 1], [0, 0, 1]], dtype)
    scores = np.array([[0.9, 0.8, 0.1], [0.2, 0.3, 0.6]], "float32")
    for metric, right in (("binary_accuracy", 4 / 6), ("categorical_accuracy", 1.0)):
        wrapped = MixedMetric(metric)
        wrapped.update_state(labels, scores)
        assert float(wrapped.result()) == pytest.approx(right), metric
    wrapped = MixedMetric("binary_accuracy")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation("linear")])
    model.compile("sgd", "binary_crossentropy", metrics=[wrapped])
    assert model.evaluate(scores, labels, verbose=0)[1] == pytest.approx(4 / 6)


def test_a_class_in_the_place_of_a_metric():
    with pytest.raises(ValueError, match=r"^MixedMetric: `metric` must be an .* AUC\(…\)"):
        MixedMetric(keras.metrics.AUC)
    # Keras makes an instance of a loss itself.
    assert isinstance(MixedLoss(keras.losses.Huber).base_loss, keras.losses.Huber)


def test_none_in_the_place_of_a_metric_or_loss():
    with pytest.raises(ValueError, match=r"^MixedMetric: `metric` must be given\. .*=None\. Pass"):
        MixedMetric(None)
    with pytest.raises(ValueError, match=r"^MixedLoss: `base_loss` must be given\. .*=None\. Pass"):
        MixedLoss(None)


@pytest.mark.parametrize("metric", ["mse", "kl_divergence", keras.metrics.CosineSimilarity()])
def test_packed_targets_are_as_their_mixed_one_hot_labels_to_metrics_of_values(metric):
    one_hot = np.array([[0.3, 0, 0.7], [0, 0.2, 0.8], [1, 0, 0]], "float32")
    scores = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3], [0.5, 0.25, 0.25]], "float32")
    right = np.mean(keras.metrics.get(metric)(one_hot, scores))
    wrapped = MixedMetric(metric)
    for labels in (PACKED, one_hot):
        wrapped.reset_state()
        wrapped.update_state(labels, scores)
        assert float(wrapped.result()) == pytest.approx(right, rel=1e-5)


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_packed_targets_of_one_output_are_their_mean_to_metrics_of_values(shape):
    packed = np.array([[[1, 0], [0.7, 0.3]], [[0, 0], [0.5, 0.5]]], "float32")
    wrapped = MixedMetric("mae")
    wrapped.update_state(packed, np.array([0.4, 0.1], "float32").reshape(shape))
    assert float(wrapped.result()) == pytest.approx((0.3 + 0.1) / 2)


@pytest.mark.parametrize(
    "metric",
    [
        keras.metrics.MeanIoU(3, dtype="float32", sparse_y_pred=False),
        keras.metrics.OneHotMeanIoU(3, dtype="float32"),
        keras.metrics.CategoricalAccuracy(),
        keras.metrics.SparseCategoricalAccuracy(),
    ],
    ids=lambda metric: metric.name,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_zeros_have_no_class_and_do_not_count(metric, weighted):
    draw = np.random.default_rng(0)
    labels = np.eye(3, dtype="float32")[draw.integers(0, 3, (2, 6, 6))]
    predictions = draw.dirichlet(np.ones(3), (2, 6, 6)).astype("float32")
    weights = draw.uniform(0.5, 2.0, (2, 6, 6)).astype("float32") if weighted else None
    ignored = draw.random((2, 6, 6)) < 0.3
    kept = ~ignored
    metric.reset_state()
    expected = MixedMetric(metric)
    expected.update_state(labels[kept], predictions[kept], weights[kept] if weighted else None)
    expected = float(expected.result())
    metric.reset_state()
    found = MixedMetric(metric)
    found.update_state(labels * kept[..., None], predictions, weights)
    assert float(found.result()) == pytest.approx(expected, abs=1e-6)
    assert expected > 0


def test_an_iou_that_counts_by_integers_leaves_out_rows_of_zeros():
    labels = np.eye(3, dtype="float32")[[[0, 1, 2, 2]]]
    predictions = labels.copy()
    labels[0, 3] = 0
    predictions[0, 3] = [1, 0, 0]
    found = MixedMetric(keras.metrics.MeanIoU(3, sparse_y_pred=False))
    found.update_state(labels, predictions)
    assert float(found.result()) == pytest.approx(1.0)
