"""Losses and gradients of mixed batches against a calculation by numpy."""

import keras
import numpy as np
import pytest
from models import fix_draws, mixed_by, one_step

from keras_mix.models import ManifoldMixup, MixingModel

B, K = 6, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, 4)).astype("float32")
IDS = np.array([0, 2, 1, 1, 0, 2])
WEIGHTS = np.array([1.0, 0.5, 2.0, 0.0, 3.0, 1.5], "float32")
PARTNERS = [3, 0, 1, 4, 4, 2]
RATIO = {"batch": 0.7, "sample": np.array([0.7, 0.1, 1.0, 0.5, 0.25, 0.0], "float32")}


def linear():
    """Two linear layers; a softmax belongs to the loss."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, name="hidden", bias_initializer="normal"),
            keras.layers.Dense(K, name="output", bias_initializer="normal"),
        ]
    )


def by_hand(weights, place, ratio, sample_weight):
    """The loss and the gradients of kernel and bias of both layers, in float64."""
    kernel1, bias1, kernel2, bias2 = (w.astype("float64") for w in weights)
    x = mixed_by(X, PARTNERS, ratio) if place == "input" else X.astype("float64")
    hidden = x @ kernel1 + bias1
    used = mixed_by(hidden, PARTNERS, ratio) if place == "hidden" else hidden
    logits = used @ kernel2 + bias2
    seen = mixed_by(logits, PARTNERS, ratio) if place == "output" else logits
    probabilities = np.exp(seen) / np.exp(seen).sum(axis=1, keepdims=True)

    loss, d_seen = 0.0, np.zeros_like(seen)
    share = np.broadcast_to(ratio, [B]).astype("float64")
    for i in range(B):
        for source, part in ((i, share[i]), (PARTNERS[i], 1 - share[i])):
            part = part * sample_weight[source] / B
            loss -= part * np.log(probabilities[i, IDS[source]])
            d_seen[i] += part * (probabilities[i] - np.eye(K)[IDS[source]])

    d_logits = through(d_seen, share) if place == "output" else d_seen
    d_used = d_logits @ kernel2.T
    d_hidden = through(d_used, share) if place == "hidden" else d_used
    return loss, [x.T @ d_hidden, d_hidden.sum(0), used.T @ d_logits, d_logits.sum(0)]


def through(gradient, share):
    """The gradient before a blend, of that after it."""
    before = np.zeros_like(gradient)
    for i in range(B):
        before[i] += share[i] * gradient[i]
        before[PARTNERS[i]] += (1 - share[i]) * gradient[i]
    return before


LABELS = ["ids", "one-hot", "ids, weighted", "one-hot, weighted", "mixed_targets"]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("per", ["batch", "sample"])
@pytest.mark.parametrize("place", ["input", "hidden", "output"])
def test_loss_and_gradients(monkeypatch, place, per, labels):
    fix_draws(monkeypatch, PARTNERS, RATIO[per])
    kind = "mixed_targets" if labels == "mixed_targets" else "sources"
    weighted = labels.endswith("weighted")
    model = ManifoldMixup(linear(), mix_at=[place], per=per, loss_mode=kind)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    if labels.startswith("ids"):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    y = IDS if labels.startswith("ids") else np.eye(K, dtype="float32")[IDS]
    weights = WEIGHTS if weighted else np.ones(B, "float32")
    expected, gradients = by_hand(model.base.get_weights(), place, RATIO[per], weights)
    found, changes = one_step(model, X, y, weights if weighted else None)
    assert found == pytest.approx(expected, abs=1e-5)
    for change, gradient in zip(changes, gradients, strict=True):
        np.testing.assert_allclose(change, gradient, rtol=1e-5, atol=1e-5)


class Penalty(keras.layers.Layer):
    """Adds a constant to the loss of the model."""

    def call(self, inputs):
        self.add_loss(keras.ops.convert_to_tensor(0.25))
        return inputs


def two_heads():
    x = keras.Input((4,))
    hidden = keras.layers.Dense(5, kernel_regularizer="l2", name="hidden")(Penalty()(x))
    a = keras.layers.Dense(K, activation="softmax", name="a")(hidden)
    b = keras.layers.Dense(1, name="b")(hidden)
    return keras.Model(x, {"a": a, "b": b})


def reduced(losses, weights, reduction):
    """Losses [S, B] of samples under the labels of each source."""
    total = (losses * weights).sum()
    divisor = {"sum": 1, "sum_over_batch_size": B, "mean_with_sample_weight": weights.sum()}
    return total / divisor[reduction]


@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample weights"])
@pytest.mark.parametrize("per", ["batch", "sample"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_each_head_reports_its_loss_and_regularisers_count_once(
    monkeypatch, reduction, per, weighted
):
    ratio = np.broadcast_to(RATIO[per], [B])
    fix_draws(monkeypatch, PARTNERS, RATIO[per])
    base = two_heads()
    model = ManifoldMixup(base, mix_at=["hidden"], per=per)
    losses = {
        "a": keras.losses.SparseCategoricalCrossentropy(reduction=reduction),
        "b": keras.losses.MeanSquaredError(reduction=reduction),
    }
    model.compile("sgd", losses, loss_weights={"a": 0.3, "b": 2.0})

    kernel, bias = base.get_layer("hidden").get_weights()
    hidden = mixed_by(X @ kernel + bias, PARTNERS, ratio).astype("float32")
    a, b = (base.get_layer(name)(hidden).numpy() for name in "ab")
    targets = RNG.normal(size=(B, 1)).astype("float32")
    sources = np.array([np.arange(B), PARTNERS])
    own_weights = WEIGHTS if weighted else np.ones(B)
    weights = np.array([ratio, 1 - ratio]) * own_weights[sources]
    expected = {
        "a": reduced(-np.log(a[np.arange(B), IDS[sources]]), weights, reduction),
        "b": reduced((b[:, 0] - targets[sources, 0]) ** 2, weights, reduction),
    }
    total = 0.3 * expected["a"] + 2.0 * expected["b"] + 0.01 * (kernel**2).sum() + 0.25

    given = {"a": WEIGHTS, "b": WEIGHTS} if weighted else None
    found = model.train_on_batch(X, {"a": IDS, "b": targets}, given, return_dict=True)
    assert found["a_loss"] == pytest.approx(expected["a"], rel=1e-5)
    assert found["b_loss"] == pytest.approx(expected["b"], rel=1e-5)
    assert found["loss"] == pytest.approx(total, rel=1e-5)


def test_unreduced_losses_are_summed_over_the_sources(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, RATIO["sample"])
    model = MixingModel(linear(), mix_at=["output"])
    model.compile("sgd", keras.losses.MeanSquaredError(reduction="none"))
    y = RNG.normal(size=(B, K)).astype("float32")
    predicted = model(X, training=True).numpy()
    found = model.compute_loss(X, y, predicted, training=True).numpy()
    share = RATIO["sample"]
    expected = share * ((predicted - y) ** 2).mean(1)
    expected += (1 - share) * ((predicted - y[PARTNERS]) ** 2).mean(1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_class_weights_are_those_of_each_source(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.7)
    by_class = np.array([1.0, 4.0, 0.5])
    losses = []
    for arguments in (
        {"class_weight": dict(enumerate(by_class))},
        {"sample_weight": by_class[IDS]},
    ):
        keras.utils.set_random_seed(1)
        model = MixingModel(linear(), mix_at=["hidden"], per="batch")
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        history = model.fit(X, IDS, batch_size=B, shuffle=False, verbose=0, **arguments)
        losses.append(history.history["loss"])
    assert losses[0] == losses[1]


def test_metrics_see_the_dominant_source(monkeypatch):
    ratio = np.array([0.7, 0.1, 1.0, 0.5, 0.25, 0.0], "float32")
    fix_draws(monkeypatch, PARTNERS, ratio)
    model = MixingModel(linear(), mix_at=["input"])
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    predicted = model.base.predict(mixed_by(X, PARTNERS, ratio).astype("float32"), verbose=0)
    dominant = np.where(ratio >= 0.5, np.arange(B), PARTNERS)
    right = predicted.argmax(axis=1) == IDS[dominant]
    logs = model.train_on_batch(X, IDS, WEIGHTS, return_dict=True)
    assert logs["accuracy"] == pytest.approx(right.mean())
    expected = np.average(right, weights=WEIGHTS[dominant])
    assert logs["weighted_accuracy"] == pytest.approx(expected)
    # The same metrics see plain labels afterwards.
    found = model.evaluate(X, IDS, verbose=0, return_dict=True)
    plain = model.base.predict(X, verbose=0).argmax(axis=1) == IDS
    assert found["accuracy"] == pytest.approx(plain.mean())


def test_a_loss_of_the_whole_batch_needs_one_ratio(monkeypatch):
    def scalar(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

    fix_draws(monkeypatch, PARTNERS, 0.7)
    y = RNG.normal(size=(B, K)).astype("float32")
    model = MixingModel(linear(), mix_at=["input"], per="batch")
    model.compile("sgd", scalar)
    predicted = model.base.predict(mixed_by(X, PARTNERS, 0.7).astype("float32"), verbose=0)
    expected = 0.7 * ((predicted - y) ** 2).mean() + 0.3 * ((predicted - y[PARTNERS]) ** 2).mean()
    assert model.train_on_batch(X, y) == pytest.approx(expected, rel=1e-5)
    model = MixingModel(linear(), mix_at=["input"])
    model.compile("sgd", scalar)
    with pytest.raises(ValueError, match=r'one number for the whole batch .* per="batch"'):
        model.train_on_batch(X, y)


def network():
    """One with dropout, normalization and what else draws or remembers."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Dense(K, activation="softmax", name="output"),
        ]
    )


@pytest.mark.parametrize(
    ("option", "jit_compile"),
    [({"alpha": 0.0}, False), ({"rate": 0.0}, False), ({"rate": 0.0}, True)],
)
def test_without_mixing_it_is_plain_training(jit_compile, option):
    weights = []
    for wrap in (False, True):
        keras.utils.set_random_seed(3)
        base = network()
        model = ManifoldMixup(base, mix_at=["input", "hidden"], **option) if wrap else base
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=jit_compile)
        x = np.random.default_rng(1).normal(size=(48, 4)).astype("float32")
        model.fit(x, np.arange(48) % K, batch_size=16, shuffle=False, verbose=0)
        weights.append(base.get_weights())
    for plain, mixed in zip(*weights, strict=True):
        if jit_compile:
            np.testing.assert_allclose(mixed, plain, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(mixed, plain)
