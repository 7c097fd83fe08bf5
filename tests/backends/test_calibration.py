"""Temperatures, vectors, MixUp's correction and noise floors, on every backend."""

import keras
import numpy as np
import pytest
from fresh import output_here, output_of
from keras import ops
from scipy import special

from keras_mix.calibration import (
    MixupRescaling,
    TemperatureScaling,
    VectorScaling,
    classwise,
    noise_floor,
)
from keras_mix.metrics import ExpectedCalibrationError

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
LOGITS = 2.0 * RNG.normal(size=(20_000, 5))
# Drawn from the softmax, so the logits are calibrated.
LABELS = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(axis=1)
BINARY = 2.0 * RNG.normal(size=20_000)
BINARY_LABELS = (BINARY + RNG.logistic(size=20_000) > 0).astype(int)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def sigmoid(logits):
    return 1.0 / (1.0 + np.exp(-logits))


def nll(logits, labels):
    return -np.mean(np.log(softmax(logits))[np.arange(len(labels)), labels])


@pytest.mark.parametrize("true", [0.25, 0.8, 1.0, 2.5, 8.0])
def test_a_known_temperature_is_recovered_within_a_percent(true):
    fits = [
        TemperatureScaling(from_logits=True).fit(true * LOGITS, LABELS),
        TemperatureScaling().fit(softmax(true * LOGITS), np.eye(5)[LABELS]),
        TemperatureScaling(from_logits=True).fit(true * LOGITS + 50.0, LABELS[:, None]),
    ]
    for fit in fits:
        assert fit.temperature == pytest.approx(true, rel=0.01)
    # The likelihood is no better to either side.
    best = [nll(true * LOGITS / (fits[0].temperature * by), LABELS) for by in (0.999, 1.0, 1.001)]
    assert best[1] == min(best)
    np.testing.assert_allclose(
        fits[0].predict(true * LOGITS[:50]),
        softmax(true * LOGITS[:50] / fits[0].temperature),
        rtol=1e-4,
        atol=1e-6,
    )


@pytest.mark.parametrize("true", [0.5, 3.0])
def test_a_known_temperature_of_one_unit(true):
    for fit in (
        TemperatureScaling(from_logits=True).fit(true * BINARY[:, None], BINARY_LABELS),
        TemperatureScaling().fit(sigmoid(true * BINARY), BINARY_LABELS[:, None]),
    ):
        # 20,000 coins tell less than the same number of dice.
        assert fit.temperature == pytest.approx(true, rel=0.03)
    assert fit.predict(sigmoid(true * BINARY[:4])).shape == (4,)
    np.testing.assert_allclose(
        fit.predict(sigmoid(true * BINARY[:50])),
        sigmoid(true * BINARY[:50] / fit.temperature),
        # 1 - p of a float32 near 1 has few digits.
        atol=5e-4,
    )


def test_probabilities_of_zero_are_scaled():
    probabilities = np.eye(2)[np.arange(40) % 2]
    labels = np.arange(40) % 2
    labels[0] = 1
    fit = TemperatureScaling().fit(probabilities, labels)
    # Of 40 certain predictions 39 are right; zeros count as 2^-126.
    np.testing.assert_allclose(fit.predict(probabilities)[0], [39 / 40, 1 / 40], atol=1e-5)
    assert fit.temperature == pytest.approx(126 * np.log(2) / np.log(39), rel=1e-5)


def test_without_a_minimum_the_limit_is_taken_and_said():
    with pytest.warns(UserWarning, match="every label is the most probable class.*T = 0.01"):
        fit = TemperatureScaling(from_logits=True).fit([[2.0, 0.0], [0.0, 2.0]], [0, 1])
    assert fit.temperature == pytest.approx(0.01)
    with pytest.warns(UserWarning, match="say nothing of the labels.*T = 100"):
        fit = TemperatureScaling(from_logits=True).fit([[2.0, 0.0], [0.0, 2.0]], [1, 0])
    assert fit.temperature == pytest.approx(100)
    # So flat that any temperature serves: exactly one-hot, or the same for all classes.
    labels = [0, 1, 2]
    with pytest.warns(UserWarning, match="every label is the most probable class.*T = 0.01"):
        TemperatureScaling().fit(np.eye(3), labels)
    with pytest.warns(UserWarning, match="say nothing of the labels.*T = 100"):
        TemperatureScaling().fit(np.full((3, 3), 1 / 3), labels)


def test_vector_scaling_recovers_scales_and_biases():
    scale, bias = np.array([0.5, 1.0, 2.0, 1.0, 1.5]), np.array([0.0, 1.0, -1.0, 0.5, 0.0])
    fit = VectorScaling(from_logits=True).fit((LOGITS - bias) / scale, LABELS)
    np.testing.assert_allclose(fit.scale, scale, rtol=0.05)
    # Biases are known up to a number for all classes.
    np.testing.assert_allclose(fit.bias - fit.bias.mean(), bias - bias.mean(), atol=0.08)
    found = fit.predict((LOGITS - bias) / scale)
    logs = np.log(found)[np.arange(len(LABELS)), LABELS]
    assert -logs.mean() <= nll(LOGITS, LABELS) + 1e-6
    one_unit = VectorScaling(from_logits=True).fit(2 * BINARY + 1, BINARY_LABELS)
    np.testing.assert_allclose(one_unit.predict([1.0, 3.0]), sigmoid(np.array([0, 1])), atol=0.02)


@pytest.mark.parametrize(
    ("alpha", "theta"), [(0.2, 0.899), (0.4, 0.840), (1.0, 0.75), (2.0, 0.6875)]
)
def test_theta_has_the_published_values(alpha, theta):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    assert MixupRescaling(model, alpha=alpha).theta == pytest.approx(theta, abs=5e-4)


def test_theta_is_the_incomplete_beta_function_of_the_authors():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    for alpha in (0.05, 0.3, 1.7, 20.0):
        right = 1 - special.betainc(alpha + 1, alpha, 0.5)
        assert MixupRescaling(model, alpha=alpha).theta == pytest.approx(right, rel=1e-10)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_mixup_rescaling_is_equation_15(activation):
    x = RNG.normal(size=(40, 3)).astype("float32") + 2
    ids = np.arange(40) % 3 * (np.arange(40) > 9)
    dense = keras.layers.Dense(3, activation=activation)
    model = keras.Sequential([keras.Input((3,)), dense])
    rescaled = MixupRescaling(model, alpha=1.0, from_logits=activation is None)
    rescaled.adapt([(x[:16], ids[:16]), (x[16:], np.eye(3)[ids][16:])])
    weights, bias = map(ops.convert_to_numpy, (dense.kernel, dense.bias))
    moved = 0.75 * x + 0.25 * x.mean(axis=0)
    logits = (moved @ weights + bias) / 0.75 + (1 - 1 / 0.75) * np.eye(3)[ids].mean(axis=0)
    np.testing.assert_allclose(rescaled.predict(x, verbose=0), softmax(logits), atol=1e-5)


def test_mixup_rescaling_of_one_unit():
    x, labels = RNG.normal(size=(40, 3)).astype("float32"), np.arange(40) % 4 == 0
    dense = keras.layers.Dense(1, activation="sigmoid")
    rescaled = MixupRescaling(keras.Sequential([keras.Input((3,)), dense]), alpha=1.0)
    rescaled.adapt(x, labels)
    weights, bias = map(ops.convert_to_numpy, (dense.kernel, dense.bias))
    moved = 0.75 * x + 0.25 * x.mean(axis=0)
    logits = (moved @ weights + bias) / 0.75 + (1 - 1 / 0.75) * 0.25
    np.testing.assert_allclose(rescaled.predict(x, verbose=0), sigmoid(logits), atol=1e-5)


SAVE = """
import json, pathlib, sys
import keras, numpy as np
from keras_mix import calibration

folder = pathlib.Path(sys.argv[1])
x = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
ids = np.array([0, 1, 2, 0, 0, 1, 2, 1])
image = keras.Input((3,), name="image")
base = keras.Model({"image": image}, keras.layers.Dense(3)(image))
logits = base.predict({"image": x}, verbose=0)
plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
rescaled = calibration.MixupRescaling(plain, alpha=0.4)
rescaled.adapt(x, ids)
models = {
    "temperature": calibration.TemperatureScaling(from_logits=True).fit(logits, ids).wrap(base),
    "vector": calibration.VectorScaling(from_logits=True).fit(logits, ids).wrap(base),
    "rescaled": rescaled,
}
found = {}
for name, model in models.items():
    model.save(folder / f"{name}.keras")
    found[name] = model.predict(x if name == "rescaled" else {"image": x}, verbose=0).tolist()
print(json.dumps(found))
"""

LOAD = """
import json, pathlib, sys
import keras_mix
import keras, numpy as np

x = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
found = {}
for path in pathlib.Path(sys.argv[1]).glob("*.keras"):
    model = keras.models.load_model(path)
    inputs = x if path.stem == "rescaled" else {"image": x}
    found[path.stem] = model.predict(inputs, verbose=0).tolist()
print(json.dumps(found))
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_models_load_in_a_new_process(tmp_path):
    backend = {"KERAS_BACKEND": keras.backend.backend()}
    saved = output_here(SAVE, tmp_path)
    loaded = output_of(LOAD, tmp_path, **backend)
    assert saved.keys() == loaded.keys()
    for name, predictions in saved.items():
        np.testing.assert_allclose(loaded[name], predictions, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(np.sum(predictions, axis=1), 1, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports a SavedModel")
def test_corrected_models_are_exported(tmp_path):
    import tensorflow as tf

    x, ids = RNG.normal(size=(8, 3)).astype("float32"), np.arange(8) % 3
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
    rescaled = MixupRescaling(model, alpha=1.0)
    rescaled.adapt(tf.data.Dataset.from_tensor_slices((x, ids)).batch(3))
    probabilities = model.predict(np.repeat(x, 50, axis=0), verbose=0)
    drawn = [RNG.choice(3, p=row / row.sum()) for row in probabilities.astype("float64")]
    scaling = TemperatureScaling().fit(probabilities, drawn)
    for name, corrected in (
        ("rescaled", rescaled),
        ("temperature", scaling.wrap(model)),
    ):
        corrected.export(str(tmp_path / name), verbose=False)
        loaded = tf.saved_model.load(str(tmp_path / name))
        np.testing.assert_allclose(loaded.serve(x), corrected.predict(x, verbose=0), atol=1e-6)


def test_a_wrapped_subclass_and_what_cannot_be_wrapped():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    x = RNG.normal(size=(4, 2)).astype("float32")
    model = Own()
    wrapped = TemperatureScaling(from_logits=True).wrap(model)
    found = wrapped.predict(x, verbose=0)
    np.testing.assert_allclose(found, softmax(model.predict(x, verbose=0)), atol=1e-6)
    inputs = keras.Input((2,))
    two = keras.Model(inputs, [inputs, inputs])
    with pytest.raises(
        ValueError, match=r"TemperatureScaling: `model` must have one output.*2 out"
    ):
        TemperatureScaling().wrap(two)
    with pytest.raises(ValueError, match=r"must be a Keras model. Received: a Dense"):
        TemperatureScaling().wrap(keras.layers.Dense(2))


# Computed before, of other confidences.
FLOORS = {100: (0.06, 0.11), 360: (0.033, 0.058), 1000: (0.021, 0.035), 10_000: (0.006, 0.011)}


@pytest.mark.parametrize("size", FLOORS)
def test_noise_floors_of_calibrated_predictors(size):
    low, high = FLOORS[size]
    rng = np.random.default_rng(1)
    for concentration in (0.05, 1.0):
        floor = noise_floor(rng.dirichlet([concentration] * 10, size=size))
        assert low < floor.mean < high
        assert floor.low < floor.mean < floor.high


@pytest.mark.parametrize(
    ("strategy", "over", "norm"),
    [("width", "top", 1), ("mass", "top", 2), ("width", "classes", "max"), ("mass", "classes", 1)],
)
def test_the_floor_is_the_error_of_labels_drawn_from_the_predictions(strategy, over, norm):
    """Drawn here one by one, and scored by the streaming metric."""
    rng = np.random.default_rng(2)
    probabilities = rng.dirichlet([0.5] * 3, size=150)
    options = {"bins": 6, "strategy": strategy, "over": over, "norm": norm}
    floor = noise_floor(probabilities, **options, simulations=400)
    metric, errors = ExpectedCalibrationError(**options), []
    for _ in range(40 if keras.backend.backend() == "tensorflow" else 15):
        ids = np.array([rng.choice(3, p=row) for row in probabilities])
        metric.reset_state()
        metric.update_state(ids, probabilities.astype("float32"))
        errors.append(float(ops.convert_to_numpy(metric.result())))
    # Five standard errors of the mean.
    assert abs(np.mean(errors) - floor.mean) < 5 * np.std(errors) / np.sqrt(len(errors))
    assert np.mean([floor.low <= error <= floor.high for error in errors]) > 0.75
    assert noise_floor(probabilities, **options, simulations=400) == floor
    assert noise_floor(probabilities, **options, simulations=400, seed=1) != floor


def test_classwise_groups_by_the_predicted_class():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet([0.5, 0.5, 2.0], size=4000)
    ids = np.array([rng.choice(3, p=row) for row in probabilities])
    predicted = probabilities.argmax(axis=1)
    report = classwise(probabilities, ids, simulations=100)
    assert [each.true_count for each in report] == np.bincount(ids).tolist()
    for k, each in enumerate(report):
        rows = predicted == k
        assert each.count == rows.sum()
        assert each.accuracy == pytest.approx((ids[rows] == k).mean())
        assert each.confidence == pytest.approx(probabilities[rows].max(axis=1).mean())
        assert each.gap == pytest.approx(each.confidence - each.accuracy)
        # Calibrated, so all of it is chance.
        assert abs(each.gap) < 4 * np.sqrt(0.25 / each.count)
        assert each.calibration_error < 1.5 * each.floor.high
    never = classwise([[0.9, 0.1]], [1])[1]
    assert (never.count, never.true_count) == (0, 1)
    assert np.isnan(never.accuracy)


INPUTS = keras.Input((None, None, 3))
X = RNG.random((2, 4, 4, 3)).astype("float32")


def rescaling_of(x, labels=(0, 1)):
    pooled = keras.layers.GlobalAveragePooling2D()
    model = MixupRescaling(keras.Sequential([INPUTS, pooled, keras.layers.Softmax()]))
    model.adapt(x, labels)
    return model


def of_other_classes(kind, use):
    """A case of bad input: three classes to fit to, and two in another use."""
    layer = kind().fit(np.eye(3) * 0.4 + 0.2, [1, 1, 2])
    return lambda: use(layer), rf"{kind.__name__}: .* have the 3 classes .* Received: 2 classes"


OF_OTHER_CLASSES = [
    of_other_classes(kind, use)
    for kind in (TemperatureScaling, VectorScaling)
    for use in (
        lambda layer: layer.predict([[0.5, 0.5]]),
        lambda layer: layer(np.full([4, 1], 0.5, "float32")),
        lambda layer: layer.fit([[0.5, 0.5]] * 2, [0, 1]),
        lambda layer: layer.wrap(keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])),
    )
]
NAN = np.where(np.arange(8)[:, None] == 3, np.nan, np.full([8, 2], 0.5))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: TemperatureScaling().fit(LOGITS, LABELS),
            r"TemperatureScaling: rows of .* sum to 1; .*pass from_logits=True for logits",
        ),
        (
            lambda: TemperatureScaling().fit(BINARY, BINARY_LABELS),
            "probabilities must be from 0 to 1. .* Pass from_logits=True for logits",
        ),
        (
            lambda: TemperatureScaling(from_logits=True).fit(softmax(LOGITS), LABELS),
            "logits must not be probabilities. Received: .* Pass from_logits=False",
        ),
        (
            lambda: VectorScaling().fit(np.full([8, 2], 0.5), np.ones(8, int)),
            "VectorScaling: the labels must have at least two classes.*8 labels of class 1",
        ),
        (
            lambda: TemperatureScaling().fit(NAN, np.arange(8) % 2),
            "predictions must be finite. Received: 1 of 8 with NaN or infinity",
        ),
        (
            lambda: TemperatureScaling().predict(NAN),
            "predictions must be finite. Received: 1 of 8 with NaN or infinity",
        ),
        (
            lambda: TemperatureScaling().fit(np.full([8, 2], 0.5), np.arange(8)),
            "labels must be classes from 0 to 1. Received: 6 of 8 labels that are not",
        ),
        (
            lambda: TemperatureScaling().fit(np.full([8, 1], 0.5), np.arange(8) - 1),
            "labels must be classes from 0 to 1. Received: 6 of 8 labels that are not",
        ),
        (
            lambda: TemperatureScaling().fit(np.zeros([0, 2]), []),
            r"N > 0. Received: shape \(0, 2\)",
        ),
        (
            lambda: TemperatureScaling().fit(np.full([8, 2], 0.5), [0, 1]),
            r"one label for each prediction \(8, 2\). Received: labels with .*, shape=\(2,\)",
        ),
        *OF_OTHER_CLASSES,
        (
            lambda: rescaling_of(X)(X[:, :1]),
            r"MixupRescaling: samples must have the shape \(4, 4, 3\) .* shape \(1, 4, 3\)",
        ),
        (
            lambda: rescaling_of(X).adapt(X[:, :2], [0, 1]),
            r"MixupRescaling: samples must have the shape \(4, 4, 3\) .* shape \(2, 4, 3\)",
        ),
        (
            lambda: rescaling_of([(X, [0, 1]), (X[:, :2], [0, 1])], None),
            r"MixupRescaling: samples must have the shape \(4, 4, 3\) .* shape \(2, 4, 3\)",
        ),
        (
            lambda: MixupRescaling(keras.Model([INPUTS, INPUTS], INPUTS)),
            "MixupRescaling: `model` must have one input. Received: 2 inputs",
        ),
        (
            lambda: MixupRescaling(keras.Model(INPUTS, {"a": INPUTS})).adapt(X, [0, 1]),
            "MixupRescaling: `model` must have one output. Received: a dict of 1 outputs",
        ),
        (lambda: noise_floor(LOGITS), "noise_floor: rows of `probabilities` must be at least 0"),
        (lambda: noise_floor(NAN), "noise_floor: .*Received: 1 rows with NaN or infinity"),
        (lambda: noise_floor(np.zeros([0, 2])), r"noise_floor: .* must have the shape \(N, K\)"),
        (lambda: noise_floor([[0.5, 0.5]], bins=0), "^noise_floor: `bins` must be an integer"),
        (lambda: noise_floor([[0.5, 0.5]], strategy="all"), "^noise_floor: `strategy` must be"),
        (lambda: classwise([[0.5, 0.5]], [2]), "classwise: `ids` must be integers from 0 to 1"),
        (
            lambda: MixupRescaling(keras.Sequential([keras.layers.Dense(2)]), alpha=0),
            "^MixupRescaling: `alpha` must be a finite number above 0",
        ),
        (
            lambda: MixupRescaling(keras.Sequential([keras.layers.Dense(2)]))(np.ones([1, 2])),
            "MixupRescaling: the means .* must be known. Received: a call before `adapt`",
        ),
        (
            lambda: MixupRescaling(keras.Sequential([keras.layers.Dense(2)])).adapt(
                np.ones([2, 2], "float32"), [0, 5]
            ),
            "MixupRescaling: labels must be classes from 0 to 1. Received: 1 of 2",
        ),
        (
            lambda: MixupRescaling(keras.Sequential([keras.layers.Dense(2)])).adapt([]),
            "MixupRescaling: `adapt` must be given a sample. Received: none",
        ),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
