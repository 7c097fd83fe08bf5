"""FGSM and PGD on any backend, against linear models that are attacked by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix import calibration, models, robustness
from keras_mix.robustness import _gradients

COUNT, FEATURES, CLASSES = 37, 6, 3
DRAW = np.random.default_rng(0)
KERNEL = DRAW.normal(size=(FEATURES, CLASSES)).astype("float32")
BIAS = DRAW.normal(size=CLASSES).astype("float32")
X = DRAW.uniform(0.3, 0.7, (COUNT, FEATURES)).astype("float32")
LOGITS = X @ KERNEL + BIAS
IDS = np.argsort(LOGITS, axis=1)[np.arange(COUNT), DRAW.choice([1, 2, 2, 2], COUNT)]


@keras.saving.register_keras_serializable(package="test_attacks")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(CLASSES, activation="softmax")

    def call(self, inputs):
        return self.dense(inputs)


def linear(activation="softmax", kernel=KERNEL, bias=BIAS):
    layers = [keras.Input((FEATURES,)), keras.layers.Dense(len(bias), activation=activation)]
    model = keras.Sequential(layers)
    model.set_weights([kernel, bias])
    return model


def subclassed():
    model = Subclassed()
    model(X)
    model.set_weights([KERNEL, BIAS])
    return model


def wrapped():
    return models.MixingModel(linear())


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def gradient_by_hand(x=X, ids=IDS):
    """Of the cross-entropy of a linear softmax model, in float64."""
    logits = x.astype("float64") @ KERNEL + BIAS
    return (softmax(logits) - np.eye(CLASSES)[ids]) @ KERNEL.T.astype("float64")


def accuracy_by_hand(x, ids=IDS):
    return np.mean((x.astype("float64") @ KERNEL + BIAS).argmax(axis=1) == ids)


@pytest.mark.parametrize("make", [linear, subclassed, wrapped], ids=lambda make: make.__name__)
def test_fgsm_of_a_linear_model_is_that_by_hand(make):
    expected = X + 0.1 * np.sign(gradient_by_hand())
    for labels in (IDS, IDS[:, None], np.eye(CLASSES)[IDS]):
        adversarial = robustness.fgsm(make(), X, labels, epsilon=0.1, batch_size=16)
        np.testing.assert_allclose(adversarial, expected, atol=1e-6)
        assert adversarial.dtype == np.float32


def test_fgsm_does_not_depend_on_batches_and_is_clipped():
    model = linear(None)
    options = {"epsilon": 0.35, "from_logits": True, "value_range": (0.25, 0.75)}
    whole = robustness.fgsm(model, X, IDS, **options)
    np.testing.assert_array_equal(whole, robustness.fgsm(model, X, IDS, **options, batch_size=8))
    expected = np.clip(X + 0.35 * np.sign(gradient_by_hand()), 0.25, 0.75)
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    free = robustness.fgsm(model, X, IDS, **{**options, "value_range": None})
    np.testing.assert_allclose(free, X + 0.35 * np.sign(gradient_by_hand()), atol=1e-6)


def test_pgd_of_two_classes_is_the_step_along_the_normal_of_the_boundary():
    """Of two classes, the gradient has the direction ±(w_1 - w_0) everywhere."""
    model = linear(kernel=KERNEL[:, :2], bias=BIAS[:2])
    ids = DRAW.integers(0, 2, COUNT)
    normal = (KERNEL[:, 1] - KERNEL[:, 0]) * (1 - 2 * ids)[:, None]
    for norm, unit in (
        ("inf", np.sign(normal)),
        (2, normal / np.linalg.norm(normal, axis=1, keepdims=True)),
    ):
        adversarial = robustness.pgd(
            model, X, ids, epsilon=0.1, norm=norm, steps=20, restarts=2, batch_size=16
        )
        np.testing.assert_allclose(adversarial, X + 0.1 * unit, atol=2e-3)
        logits = adversarial @ (KERNEL[:, 1] - KERNEL[:, 0]) + BIAS[1] - BIAS[0]
        worst = (X + 0.1 * unit) @ (KERNEL[:, 1] - KERNEL[:, 0]) + BIAS[1] - BIAS[0]
        np.testing.assert_allclose(logits, worst, rtol=1e-4, atol=1e-5)


def test_one_sigmoid_unit_is_attacked_as_two_classes_of_a_softmax():
    kernel, bias = KERNEL[:, :2], BIAS[:2]
    ids = DRAW.integers(0, 2, COUNT)
    two = robustness.fgsm(linear(kernel=kernel, bias=bias), X, ids, epsilon=0.1)
    one = linear("sigmoid", kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1])
    logit = linear(None, kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1])
    for labels in (ids, ids[:, None].astype("float32")):
        np.testing.assert_allclose(robustness.fgsm(one, X, labels, epsilon=0.1), two, atol=1e-6)
    adversarial = robustness.fgsm(logit, X, ids, epsilon=0.1, from_logits=True)
    np.testing.assert_allclose(adversarial, two, atol=1e-6)


def network():
    keras.utils.set_random_seed(3)
    wide = keras.initializers.RandomNormal(stddev=1.5)
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(16, activation="tanh", kernel_initializer=wide),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(CLASSES, activation="softmax", kernel_initializer=wide),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["inf", 2])
def test_pgd_stays_in_the_ball_and_is_never_weaker_than_fgsm(norm):
    model = network()
    ids = model.predict(X, verbose=0).argmax(axis=1)
    epsilons = [0.0, 0.1, 0.4]
    options = {"norm": norm, "steps": 4, "batch_size": 16}
    by_pgd = robustness.pgd_accuracy(model, X, ids, epsilons=epsilons, **options)
    assert by_pgd.epsilons == epsilons
    assert by_pgd.accuracy[0] == 1.0
    assert by_pgd.accuracy == sorted(by_pgd.accuracy, reverse=True)
    assert by_pgd.accuracy[-1] < 1.0
    for epsilon, accuracy in zip(epsilons, by_pgd.accuracy, strict=True):
        adversarial = robustness.pgd(model, X, ids, epsilon=epsilon, **options)
        perturbation = (adversarial - X).astype("float64")
        length = np.linalg.norm(perturbation, ord=np.inf if norm == "inf" else 2, axis=1)
        assert length.max() <= epsilon * (1 + 1e-5)
        assert adversarial.min() >= 0
        assert adversarial.max() <= 1
        found = np.mean(model.predict(adversarial, verbose=0).argmax(axis=1) == ids)
        # A sample that a smaller ball broke may stand in a larger one, which `pgd` tries anew.
        assert found >= accuracy - 1e-9
    if norm == "inf":
        by_fgsm = robustness.fgsm_accuracy(model, X, ids, epsilons=epsilons, batch_size=16)
        assert by_fgsm.accuracy[0] == 1.0
        pairs = zip(by_pgd.accuracy, by_fgsm.accuracy, strict=True)
        assert all(strong <= weak for strong, weak in pairs)


def test_starts_depend_on_the_seed_and_not_on_batches():
    def wavy(y_true, y_pred):
        return ops.sin(30 * y_pred[:, 0]) + 0 * ops.cast(y_true[:, 0], "float32")

    model, ids = linear(None), LOGITS.argmax(axis=1)
    common = {"steps": 1, "step_size": 1e-4, "loss": wavy, "from_logits": True}
    for norm in ("inf", 2):
        options = {"epsilon": 0.05, "norm": norm, **common}
        runs = [
            robustness.pgd(model, X, ids, **options, seed=seed, batch_size=size)
            for seed, size in ((1, 64), (1, 8), (2, 8))
        ]
        np.testing.assert_allclose(runs[0], runs[1], atol=1e-5)
        assert np.abs(runs[0] - runs[2]).max() > 1e-3
        np.testing.assert_array_equal(
            runs[1], robustness.pgd(model, X, ids, **options, seed=1, batch_size=8)
        )


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch runs eagerly")
def test_a_model_is_traced_once_for_all_batches():
    class Counting(Subclassed):
        def call(self, inputs):
            calls.append(inputs.shape)
            return super().call(inputs)

    counts = []
    for size in (16, 4):
        calls, model = [], Counting()
        model(X)
        robustness.pgd(model, X, IDS, epsilon=0.1, steps=3, restarts=2, batch_size=size)
        counts.append(len(calls))
    # Once to build it, once for its outputs, and the two traces: with and without a gradient.
    assert counts[0] == counts[1] <= 5


def test_a_model_is_not_changed_and_trains_on():
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [np.copy(weight) for weight in model.get_weights()]
    robustness.pgd(model, X, IDS, epsilon=0.1, steps=2)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    history = model.fit(X, IDS, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_confident_prediction_is_attacked_in_the_right_direction():
    """Where in float32 the gradient of cross-entropy has lost the true class: 1 - p_y is 0."""
    model = linear(kernel=80 * KERNEL, bias=80 * BIAS)
    ids = LOGITS.argmax(axis=1)
    sorted_logits = 80 * np.sort(LOGITS, axis=1)
    confident = sorted_logits[:, -1] - sorted_logits[:, -2] > 20
    assert confident.sum() > 5
    adversarial = robustness.fgsm(model, X[confident], ids[confident], epsilon=0.01)
    others = np.where(np.eye(CLASSES)[ids] == 1, -np.inf, 80.0 * LOGITS)
    normal = ((softmax(others) - np.eye(CLASSES)[ids]) @ KERNEL.T)[confident]
    np.testing.assert_allclose(adversarial, X[confident] + 0.01 * np.sign(normal), atol=1e-6)


def test_a_loss_of_ones_own_is_raised():
    def to_class_0(y_true, y_pred):
        return -ops.log(y_pred[:, 0]) * ops.ones_like(y_true[:, 0])

    weights = np.asarray([[1.0, 0.0, 0.0]])
    normal = (softmax(LOGITS.astype("float64")) - weights) @ KERNEL.T
    adversarial = robustness.fgsm(linear(), X, IDS, epsilon=0.1, loss=to_class_0)
    np.testing.assert_allclose(adversarial, X + 0.1 * np.sign(normal), atol=1e-6)
    for loss in ("sparse_categorical_crossentropy", keras.losses.CategoricalCrossentropy()):
        adversarial = robustness.fgsm(linear(), X, IDS, epsilon=0.1, loss=loss)
        np.testing.assert_allclose(adversarial, X + 0.1 * np.sign(gradient_by_hand()), atol=1e-6)


class Rounded(keras.layers.Layer):
    def call(self, inputs):
        return ops.round(inputs)


def test_a_model_without_a_gradient_is_refused_by_the_name_of_its_layer():
    dense = keras.layers.Dense(CLASSES, activation="softmax")
    rounded = keras.Sequential(
        [keras.Input((FEATURES,)), keras.layers.Rescaling(9.0), Rounded(name="steps"), dense]
    )
    match = r"^fgsm: `model` must have a gradient to its input. Received: .* 'steps' \(Rounded\) on"
    with pytest.raises(ValueError, match=match):
        robustness.fgsm(rounded, X, IDS, epsilon=0.1)
    ids = [
        keras.Input((FEATURES,)),
        keras.layers.Embedding(2, 3, name="words"),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
    with pytest.raises(ValueError, match=r"'words' \(Embedding\) on"):
        robustness.pgd(keras.Sequential(ids), X, IDS, epsilon=0.1)


def test_samples_without_a_gradient_do_not_move_and_are_counted():
    kernel = np.zeros((FEATURES, CLASSES), "float32")
    model = keras.Sequential(
        [keras.Input((FEATURES,)), keras.layers.ReLU(), keras.layers.Dense(CLASSES)]
    )
    kernel[:, 0] = 1
    model.set_weights([kernel, np.zeros(CLASSES, "float32")])
    x = np.where(np.arange(COUNT)[:, None] < 10, -X, X)
    ids = np.zeros(COUNT, int)
    options = {"value_range": (-1, 1), "from_logits": True}
    for norm in ("inf", 2):
        with pytest.warns(
            UserWarning, match=r"^pgd: the gradient .* zero or not finite at 10 of 37 samples"
        ):
            adversarial = robustness.pgd(
                model, x, ids, epsilon=0.1, norm=norm, random_start=False, **options
            )
        np.testing.assert_array_equal(adversarial[:10], x[:10])
        assert (adversarial[10:] < x[10:]).all()


def rescaled(base):
    # So little that the same class stays the second one.
    model = calibration.MixupRescaling(base, alpha=0.001)
    model.adapt(X, IDS % 2)
    return model


WRAPPERS = {
    "views": lambda base: models.TestTimeAugmentation(base, augmentations=[None, same]),
    "geometric": lambda base: models.TestTimeAugmentation(
        base, augmentations=[None], aggregate="geometric_mean"
    ),
    "temperature": lambda base: calibration.TemperatureScaling().wrap(base),
    "operation": lambda base: keras.Model(base.inputs, ends(base)(logits_of(base))),
    "vector": lambda base: calibration.VectorScaling().wrap(base),
    "rescaled": rescaled,
    "both": lambda base: calibration.TemperatureScaling().wrap(
        models.TestTimeAugmentation(base, augmentations=[None])
    ),
}


def logits_of(base):
    """The outputs of a copy of a base without its activation."""
    dense = base.layers[-1]
    copy = keras.layers.Dense(dense.units, dtype=dense.dtype_policy)
    outputs = copy(base.inputs[0])
    copy.set_weights(dense.get_weights())
    return outputs


def ends(base):
    return ops.sigmoid if base.layers[-1].units == 1 else ops.softmax


def same(x):
    return x + 0.0


@pytest.mark.parametrize("units", [CLASSES, 1])
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.filterwarnings("error:.*the gradient")
def test_saturated_models_are_attacked_through_wrappers_as_they_are_themselves(wrapper, units):
    """A linear model × 1,000, whose softmax is 0 and 1: attacks have the direction of its logits.

    The logits of the wrapped model rise with those of the base, so the direction is the same.
    """
    kernel, bias = (KERNEL, BIAS) if units > 1 else (KERNEL[:, :1], BIAS[:1])
    saturated = linear(None, 1000 * kernel, 1000 * bias)
    outputs = saturated.predict(X, verbose=0)
    ids = outputs.argmax(axis=1) if units > 1 else (outputs[:, 0] > 0).astype(int)
    expected = robustness.fgsm(saturated, X, ids, epsilon=0.01, from_logits=True)
    activation = "softmax" if units > 1 else "sigmoid"
    for dtype in ("float32", "mixed_float16"):
        dense = keras.layers.Dense(units, activation=activation, dtype=dtype)
        base = keras.Sequential([keras.Input((FEATURES,)), dense])
        scale = 1000 if dtype == "float32" else 100
        base.set_weights([scale * kernel, scale * bias])
        found = robustness.fgsm(WRAPPERS[wrapper](base), X, ids, epsilon=0.01)
        moved = np.sign(found - X) == np.sign(expected - X)
        # float16 rounds logits, and so another class may be the second one.
        assert moved.all() if dtype == "float32" else moved.mean() > 0.9


def test_gradients_that_are_not_finite_are_counted():
    """The root of 0 has the gradient infinity."""
    inputs = keras.Input((FEATURES,))
    outputs = keras.layers.Dense(CLASSES)(ops.sqrt(inputs))
    model = keras.Model(inputs, outputs)
    model.set_weights([KERNEL, BIAS])
    x = np.where(np.arange(COUNT)[:, None] < 10, 0.0, X).astype("float32")
    ids = model.predict(x, verbose=0).argmax(axis=1)
    options = {"from_logits": True, "epsilons": [0.1]}
    with pytest.warns(UserWarning, match=r"^fgsm_accuracy: .* not finite at 10 of 37 samples"):
        assert robustness.fgsm_accuracy(model, x, ids, **options).accuracy[0] >= 10 / COUNT
    with pytest.warns(UserWarning, match=r"^pgd: the gradient is not finite at \d+ points"):
        # A radius of 1 leads to 0, where images are clipped.
        robustness.pgd(model, X, IDS, epsilon=1.0, from_logits=True)
    with pytest.raises(ValueError, match=r"^fgsm: .* finite gradient .* infinity for all 10 sam"):
        robustness.fgsm(model, x[:10], ids[:10], epsilon=0.1, from_logits=True)


def test_a_backend_without_gradients_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ValueError, match=r"robustness: gradients need .* backend='numpy'"):
        _gradients.compiled(None, None)
