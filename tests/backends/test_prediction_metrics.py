"""Metrics of probabilities on every backend: oracles, batches, compiled models, bad input."""

import keras
import numpy as np
import pytest
import score_oracles as oracles
from hypothesis import given, settings
from keras import ops

from keras_mix.metrics import (
    AURC,
    BrierScore,
    ExpectedCalibrationError,
    NegativeLogLikelihood,
    OutOfDistributionAUROC,
    OverconfidenceError,
    SignedCalibrationGap,
)
from keras_mix.models import MixingModel

pytestmark = pytest.mark.slow

# JAX compiles every operation anew for every shape.
EXAMPLES = 50 if keras.backend.backend() == "tensorflow" else 8
ERRORS = [
    {"bins": 15},
    {"bins": 4, "strategy": "mass"},
    {"bins": 10, "over": "classes", "norm": 2},
    {"bins": 5, "strategy": "mass", "over": "classes", "norm": "max"},
]
ALL = [
    AURC,
    BrierScore,
    NegativeLogLikelihood,
    OverconfidenceError,
    SignedCalibrationGap,
    *(lambda options=options: ExpectedCalibrationError(**options) for options in ERRORS),
]


def oracle(metric, probabilities, ids, weights):
    """The right value of a metric of classes."""
    if isinstance(metric, ExpectedCalibrationError):
        options = (metric.bins, metric.strategy, metric.over, metric.norm)
        return oracles.calibration_error(probabilities, ids, weights, *options)
    if isinstance(metric, OverconfidenceError):
        return oracles.overconfidence(probabilities, ids, weights, metric.bins)
    functions = {
        AURC: oracles.aurc,
        BrierScore: oracles.brier,
        NegativeLogLikelihood: oracles.log_loss,
        SignedCalibrationGap: oracles.signed_gap,
    }
    return functions[type(metric)](probabilities, ids, weights)


def fed(metric, y_true, y_pred, weights=None, size=None):
    """The metric, after batches of a size."""
    for start in range(0, len(y_pred), size or len(y_pred)):
        batch = slice(start, start + (size or len(y_pred)))
        weight = None if weights is None else np.asarray(weights, "float32")[batch]
        metric.update_state(y_true[batch], y_pred[batch], sample_weight=weight)
    return metric


def value(metric):
    return float(ops.convert_to_numpy(metric.result()))


def states(metric):
    return [ops.convert_to_numpy(variable) for variable in metric.variables]


def case(size=200, classes=4):
    """Predictions that torchmetrics and scikit-learn were asked about; none is near an edge."""
    rng = np.random.default_rng(20)
    ids = rng.integers(0, classes, size)
    logits = 2.0 * rng.normal(size=(size, classes)) + 1.5 * np.eye(classes)[ids]
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return logits.astype("float32"), probabilities.astype("float32"), ids


LOGITS, PROBABILITIES, IDS = case()


@pytest.mark.parametrize("make", ALL)
def test_a_metric_is_its_definition(make):
    metric = make()

    @settings(max_examples=EXAMPLES)
    @given(oracles.predictions())
    def check(drawn):
        probabilities, ids, weights = drawn
        metric.reset_state()
        fed(metric, ids, probabilities, weights, size=len(ids) // 2)
        assert value(metric) == pytest.approx(
            oracle(metric, probabilities, ids, weights), rel=2e-5, abs=2e-6
        )

    check()


@settings(max_examples=EXAMPLES)
@given(oracles.predictions())
def test_out_of_distribution_auroc_is_its_definition(drawn):
    probabilities, ids, weights = drawn
    inside = ids % 2 == 0
    inside[0], inside[-1] = True, False
    metric = fed(OutOfDistributionAUROC(), inside, probabilities, weights)
    right = oracles.auroc(probabilities.max(axis=1), inside, weights)
    assert value(metric) == pytest.approx(right, abs=2e-6)


def test_values_of_torchmetrics_and_scikit_learn():
    """torchmetrics 1.9.0: `multiclass_` and `binary_calibration_error`; scikit-learn 1.9.1."""
    for norm, right in ((1, 0.20804506540), (2, 0.23550777137), ("max", 0.70885866880)):
        found = fed(ExpectedCalibrationError(norm=norm), IDS, PROBABILITIES)
        assert value(found) == pytest.approx(right, rel=1e-5)
    positive, labels = PROBABILITIES[:, 1:2], IDS == 1
    for norm, right in ((1, 0.15385970473), (2, 0.18124355376), ("max", 0.81981617212)):
        found = fed(ExpectedCalibrationError(over="classes", norm=norm), labels, positive)
        assert value(found) == pytest.approx(right, rel=1e-5)
    assert value(fed(NegativeLogLikelihood(), IDS, PROBABILITIES)) == pytest.approx(1.3822925115)
    assert value(fed(NegativeLogLikelihood(), labels, positive)) == pytest.approx(0.6472129857)
    # brier_score_loss(scale_by_half=False); by default that of two classes is half of ours.
    assert value(fed(BrierScore(), IDS, PROBABILITIES)) == pytest.approx(0.6819924974)
    assert value(fed(BrierScore(), labels, positive)) == pytest.approx(2 * 0.1893839772, rel=1e-5)
    # roc_auc_score of the largest probability and of -entropy; cells hold a few pairs as equal.
    for by, right in (("max_probability", 0.5406463268), ("entropy", 0.5531914894)):
        found = fed(OutOfDistributionAUROC(by), IDS % 2 == 0, PROBABILITIES)
        assert value(found) == pytest.approx(right, abs=5e-4)


@pytest.mark.parametrize("make", ALL)
def test_batches_do_not_matter(make):
    found = [fed(make(), IDS, PROBABILITIES, size=size) for size in (200, 37)]
    rounds = isinstance(found[0], BrierScore | NegativeLogLikelihood)
    for other in found[1:]:
        if rounds:
            # The last bit of a square or a logarithm may depend on its place in the batch.
            assert value(found[0]) == pytest.approx(value(other), rel=1e-6)
            continue
        for ours, theirs in zip(states(found[0]), states(other), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("make", [*ALL, lambda: OutOfDistributionAUROC("entropy")])
def test_a_metric_is_made_again_from_its_config(make):
    metric = make()
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    assert type(again) is type(metric)


def test_all_in_a_compiled_model():
    metrics = [*(make() for make in ALL), OutOfDistributionAUROC()]
    for number, metric in enumerate(metrics):
        metric.name = f"metric_{number}"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Activation("linear")])
    jit = keras.backend.backend() != "torch"
    model.compile(loss="mse", weighted_metrics=metrics[:-1], jit_compile=jit)
    weights = np.linspace(0, 2, 200).astype("float32")
    found = model.evaluate(
        PROBABILITIES,
        np.eye(4, dtype="float32")[IDS],
        sample_weight=weights,
        batch_size=64,
        verbose=0,
        return_dict=True,
    )
    for metric in metrics[:-1]:
        right = value(
            fed(type(metric).from_config(metric.get_config()), IDS, PROBABILITIES, weights)
        )
        assert found[metric.name] == pytest.approx(right, rel=1e-5), metric


def test_metrics_of_mixed_batches():
    """Mixed samples count as their dominant source, on which an untrained network knows nothing."""
    model = MixingModel(keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "softmax")]))
    metrics = [ExpectedCalibrationError(), BrierScore(), NegativeLogLikelihood()]
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=metrics)
    history = model.fit(LOGITS, IDS, batch_size=100, verbose=0).history
    assert 0 < history["expected_calibration_error"][0] < 1
    assert 0 < history["brier_score"][0] < 2
    found = model.evaluate(LOGITS, IDS, verbose=0, return_dict=True)
    assert found["negative_log_likelihood"] == pytest.approx(found["loss"], rel=1e-5)


@pytest.mark.parametrize("make", [BrierScore, ExpectedCalibrationError, AURC])
def test_labels_of_any_form(make):
    right = value(fed(make(), IDS, PROBABILITIES))
    one_hot = np.eye(4, dtype="float32")[IDS]
    other = (IDS + 1) % 4
    packed = np.stack([np.stack([other, IDS], 1), np.tile([0.3, 0.7], (200, 1))], 1)
    mixed = 0.7 * one_hot + 0.3 * one_hot[::-1]
    for labels in (IDS[:, None], IDS.astype("uint8"), one_hot, mixed, packed.astype("float32")):
        assert value(fed(make(), labels, PROBABILITIES)) == pytest.approx(right, rel=1e-6)


@pytest.mark.parametrize("make", ALL)
def test_logits_are_as_their_probabilities(make):
    metric = make()
    logits = type(metric).from_config({**metric.get_config(), "from_logits": True})
    # Softmax rounds differently, which may move a confidence across an edge of a cell.
    assert value(fed(logits, IDS, LOGITS)) == pytest.approx(
        value(fed(metric, IDS, PROBABILITIES)), rel=1e-3
    )
    assert value(fed(logits, IDS, LOGITS + 1e3)) == pytest.approx(value(logits), rel=1e-2)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("shape", [(200,), (200, 1)])
def test_one_sigmoid_unit_counts_as_two_classes(make, shape):
    p = PROBABILITIES[:, 1]
    right = value(fed(make(), IDS == 1, np.stack([1 - p, p], 1)))
    for labels in (IDS == 1, (IDS == 1).astype("float32")[:, None], 0.8 * (IDS == 1) + 0.1):
        assert value(fed(make(), labels, p.reshape(shape))) == pytest.approx(right, rel=1e-6)
    metric = make()
    logits = type(metric).from_config({**metric.get_config(), "from_logits": True})
    fed(logits, IDS == 1, np.log(p / (1 - p)).reshape(shape))
    assert value(logits) == pytest.approx(right, rel=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    half = ops.cast(PROBABILITIES, dtype)
    single = ops.convert_to_numpy(ops.cast(half, "float32"))
    for make in (NegativeLogLikelihood, ExpectedCalibrationError, SignedCalibrationGap):
        metric = make()
        metric.update_state(IDS, half)
        assert value(metric) == value(fed(make(), IDS, single))


def test_pixels_and_their_weights():
    pixels = PROBABILITIES.reshape(2, 10, 10, 4)
    ids = IDS.reshape(2, 10, 10)
    weights = np.arange(200, dtype="float32").reshape(2, 10, 10)
    right = value(fed(BrierScore(), IDS, PROBABILITIES, weights.ravel()))
    assert value(fed(BrierScore(), ids, pixels, weights)) == pytest.approx(right, rel=1e-6)
    of_images = np.array([1.0, 3.0], "float32")
    right = value(fed(BrierScore(), IDS, PROBABILITIES, np.repeat(of_images, 100)))
    assert value(fed(BrierScore(), ids[..., None], pixels, of_images)) == pytest.approx(right)


def test_counts_do_not_saturate():
    """float32 stops at 2^24, where adding 1 changes nothing."""
    metric = SignedCalibrationGap()
    sure, unsure = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    for _ in range(4):
        fed(metric, [0], sure, [2.0**24])
    for _ in range(3):
        fed(metric, [1], unsure, [1.0])
    sums = states(metric)[-1].reshape(3, -1).astype("int64")
    base = 4096 ** np.arange(6, dtype=object)
    assert [int(v) for v in sums.astype(object) @ base // 4096**3] == [2**26 + 3, 2**26 + 1, 2**26]
    assert value(metric) == pytest.approx(1.5 / 2**26, rel=1e-2, abs=1e-7)


NOT_A_NUMBER = np.where(np.arange(200)[:, None] == 7, np.nan, PROBABILITIES)
BAD = {
    "nan_predictions": (IDS, NOT_A_NUMBER, None, "predictions must not be NaN. Received: 1 "),
    "not_probabilities": (IDS, LOGITS, None, "sum to 1, unless from_logits=True. Received: 200 "),
    "bad_labels": (IDS + 2, PROBABILITIES, None, "must be classes of the predictions. Received: "),
    "bad_weights": (IDS, PROBABILITIES, np.full(200, -1.0), "sample weights must be from 0 to"),
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize(
    "make", [NegativeLogLikelihood, lambda: ExpectedCalibrationError(norm="max")]
)
def test_bad_values_are_counted_and_make_the_result_nan(make, reason):
    ids, predictions, weights, sentence = BAD[reason]
    metric = fed(make(), ids, predictions.astype("float32"), weights)
    with pytest.warns(UserWarning, match=sentence):
        assert np.isnan(value(metric))
    counts = metric.refused._asdict()
    assert counts.pop(reason) == {"nan_predictions": 1, "bad_labels": (IDS > 1).sum()}.get(
        reason, 200
    )
    assert set(counts.values()) == {0}
    metric.reset_state()
    assert np.isfinite(value(fed(metric, IDS, PROBABILITIES)))
    # What has no weight is not looked at.
    metric.reset_state()
    weights = (np.arange(200) > 150).astype("float32")
    bad = np.where(weights[:, None] == 0, np.nan, PROBABILITIES)
    right = value(fed(make(), IDS[151:], PROBABILITIES[151:]))
    assert value(fed(metric, np.where(weights, IDS, 255), bad, weights)) == pytest.approx(right)


def test_bad_values_of_one_unit_and_of_one_hot_rows():
    for labels, predictions, reason in (
        ([-1, 1], [0.1, 0.2], "bad_labels"),
        ([0, 1], [-2.0, 3.0], "not_probabilities"),
        (np.zeros([2, 4]), PROBABILITIES[:2], "bad_labels"),
        ([0.5, 1.0], PROBABILITIES[:2], "bad_labels"),
    ):
        metric = fed(BrierScore(), np.array(labels), np.array(predictions, "float32"))
        assert getattr(metric.refused, reason) > 0


@pytest.mark.parametrize("make", [*ALL, OutOfDistributionAUROC])
def test_of_nothing_the_result_is_nan(make):
    metric = make()
    assert np.isnan(value(metric))
    fed(metric, IDS % 2, PROBABILITIES, np.zeros(200))
    assert np.isnan(value(metric))
    assert sum(metric.refused) == 0


def test_auroc_needs_both_sides():
    assert np.isnan(value(fed(OutOfDistributionAUROC(), np.ones(200), PROBABILITIES)))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: ExpectedCalibrationError(0), "^ExpectedCalibrationError: `bins` must be an int"),
        (lambda: ExpectedCalibrationError(strategy="equal"), "`strategy` must be one of"),
        (lambda: ExpectedCalibrationError(over="all"), "`over` must be one of"),
        (lambda: ExpectedCalibrationError(norm=3), "`norm` must be one of"),
        (lambda: OverconfidenceError(1.5), "^OverconfidenceError: `bins` must be an integer"),
        (lambda: OutOfDistributionAUROC("energy"), "^OutOfDistributionAUROC: `by` must be one of"),
        (lambda: AURC(from_logits=1), "^AURC: `from_logits` must be True or False"),
        (
            lambda: fed(AURC(), IDS[:5], PROBABILITIES),
            r"aurc: there must be one label for each prediction \(200, 4\). Received: labels with",
        ),
        (lambda: fed(AURC(), np.eye(3)[IDS % 3], PROBABILITIES), "one label for each prediction"),
    ],
)
def test_bad_arguments_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
