"""DecoupleMixLoss against loops over classes, and against a figure of the authors' code."""

import keras
import numpy as np
import pytest
from models import fix_draws, mixed_by, one_step

from keras_mix.layers import CutMix
from keras_mix.losses import DecoupleMixLoss
from keras_mix.models import ManifoldMixup, MixingModel, RegMixup

B, K = 5, 4
RNG = np.random.default_rng(0)
LOGITS = (3 * RNG.normal(size=(B, K))).astype("float32")
# Two classes, one class of two sources, one source, three classes, a source below the threshold.
MIXED = np.array(
    [[0.7, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0.2, 0.3, 0, 0.5], [0, 0.9995, 0.0005, 0]],
    "float32",
)
PACKED = np.array(
    [
        [[0, 1, 1], [0.7, 0.3, 0.0]],
        [[1, 1, 1], [0.5, 0.25, 0.25]],
        [[3, 2, 0], [1.0, 0.0, 0.0]],
        [[0, 1, 3], [0.2, 0.3, 0.5]],
        [[1, 2, 2], [0.9995, 0.0005, 0.0]],
    ],
    "float32",
)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def by_hand(logits, mixed, eta):
    """The loss of each sample, class by class."""
    losses = []
    for z, y in zip(np.asarray(logits, "float64"), mixed, strict=True):
        sources = [c for c in range(len(y)) if y[c] > 1e-3]
        loss = -sum(y[c] * np.log(softmax(z)[c]) for c in range(len(y)))
        for a in sources if len(sources) > 1 else []:
            others = sum(np.exp(z[c]) for c in range(len(y)) if c == a or c not in sources)
            loss -= eta * np.log(np.exp(z[a]) / others)
        losses.append(loss)
    return np.array(losses)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("labels", [MIXED, PACKED], ids=["one-hot", "packed"])
def test_it_is_the_sum_over_classes(labels, from_logits):
    loss = DecoupleMixLoss(eta=0.3, from_logits=from_logits, reduction="none")
    predictions = LOGITS if from_logits else softmax(LOGITS)
    np.testing.assert_allclose(loss(labels, predictions), by_hand(LOGITS, MIXED, 0.3), rtol=1e-4)
    weights = RNG.uniform(size=B).astype("float32")
    mean = DecoupleMixLoss(eta=0.3, from_logits=from_logits)(labels, predictions, weights)
    assert float(mean) == pytest.approx((weights * by_hand(LOGITS, MIXED, 0.3)).mean(), rel=1e-4)


@pytest.mark.parametrize(("eta", "expected"), [(0.1, 2.511135294), (0.01, 2.170737374)])
def test_figures_of_the_authors_code(eta, expected):
    """`soft_mix_cross_entropy` of Westlake-AI/openmixup, with `eta_weight=[eta, eta]`."""
    logits = [
        [0.26, -0.26, 1.28, 0.2, -1.08],
        [0.72, 2.6, 1.9, -1.4, -2.54],
        [-1.24, 0.08, -4.66, -0.44, -2.5],
        [-1.46, -1.08, -0.64, 0.82, 2.08],
    ]
    pairs = np.array([[0, 3], [1, 2], [4, 0], [2, 1]], "float32")
    packed = np.stack([pairs, np.tile(np.float32([0.7, 0.3]), (4, 1))], axis=1)
    found = DecoupleMixLoss(eta=eta, from_logits=True)(packed, np.array(logits, "float32"))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_plain_labels_have_plain_cross_entropy():
    ids = np.arange(B) % K
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(ids, LOGITS)
    loss = DecoupleMixLoss(from_logits=True)
    for labels in (ids, ids[:, None], np.eye(K, dtype="float32")[ids]):
        assert float(loss(labels, LOGITS)) == pytest.approx(float(expected), rel=1e-5)


def test_extreme_logits_have_finite_losses_and_gradients():
    import tensorflow as tf

    logits = tf.constant([[1e3, -1e3, 0.0, 0.0], [-1e3, -1e3, 1e3, 1e3]])
    labels = tf.constant([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = DecoupleMixLoss(eta=1.0, from_logits=True)(labels, logits)
    assert np.isfinite(value)
    assert np.isfinite(tape.gradient(value, logits)).all()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [None, "float32", "int64"], ids=str)
def test_models_give_it_the_mixed_labels(monkeypatch, dtype):
    partners, lam = [3, 0, 1, 4, 4], np.array([0.7, 0.1, 1.0, 0.5, 0.25])
    fix_draws(monkeypatch, partners, lam)
    x, ids = RNG.normal(size=(B, 3)).astype("float32"), np.array([0, 2, 1, 0, 3])
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(K)])
    y = np.eye(K, dtype=dtype)[ids] if dtype else ids
    weights = np.array([1.0, 0.5, 2.0, 0.0, 3.0], "float32")
    loss = DecoupleMixLoss(eta=0.3, from_logits=True)
    labels = mixed_by(np.eye(K)[ids], partners, lam)
    kernel, bias = base.get_weights()
    mixed = by_hand(mixed_by(x, partners, lam) @ kernel + bias, labels, 0.3)
    mixed = (mixed * mixed_by(weights, partners, lam)).mean()
    clean = (by_hand(x @ kernel + bias, np.eye(K)[ids], 0.3) * weights).mean()
    for wrapper, expected in ((ManifoldMixup, mixed), (RegMixup, clean + mixed)):
        model = wrapper(base, mix_at=["input"], per="sample")
        model.compile(keras.optimizers.SGD(0.0), loss, run_eagerly=True)
        assert model.train_on_batch(x, y, weights) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_it_trains_from_the_pipeline_and_in_the_model(tmp_path):
    images, ids = RNG.normal(size=(12, 8, 8, 1)).astype("float32"), np.arange(12) % K
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(K, "softmax")]
    )
    batch = CutMix(num_classes=K, label_mode="pairs", seed=1)(images, ids)
    base.compile(keras.optimizers.SGD(0.05), DecoupleMixLoss(), jit_compile=True)
    losses = base.fit(*batch, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model = MixingModel(base, mixer=CutMix())
    model.compile("sgd", DecoupleMixLoss(eta=0.2), metrics=["accuracy"])
    model.fit(images, ids, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.isfinite(loaded.fit(images, ids, verbose=0).history["loss"]).all()


def test_gradients_are_those_of_differences(monkeypatch):
    x, ids = RNG.normal(size=(B, 3)).astype("float32"), np.array([0, 2, 1, 0, 3])
    partners = [3, 0, 1, 4, 4]
    fix_draws(monkeypatch, partners, 0.6)
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(K, use_bias=False)])
    model = MixingModel(base)
    model.compile("sgd", DecoupleMixLoss(eta=0.5, from_logits=True))
    kernel = base.get_weights()[0].astype("float64")
    labels, mixed = mixed_by(np.eye(K)[ids], partners, 0.6), mixed_by(x, partners, 0.6)

    def loss(kernel):
        return by_hand(mixed @ kernel, labels, 0.5).mean()

    _, (change,) = one_step(model, x, ids)
    for place in np.ndindex(kernel.shape):
        step = np.zeros_like(kernel)
        step[place] = 1e-5
        slope = (loss(kernel + step) - loss(kernel - step)) / 2e-5
        assert change[place] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "predictions", "sentence"),
    [
        (np.zeros((B, K + 1), "float32"), LOGITS, r"must be mixed labels \(B, 4\)"),
        (np.zeros((B,), "float32"), LOGITS[:, :1], r"`y_pred` must be \(B, K\)"),
        (np.zeros((B, 2), "int32"), np.zeros((B, 3, K), "float32"), r"`y_pred` must be \(B, K\)"),
    ],
)
def test_what_it_refuses(labels, predictions, sentence):
    with pytest.raises(ValueError, match=rf"^decouple_mix_loss: .*{sentence}"):
        DecoupleMixLoss()(labels, predictions)
    with pytest.raises(ValueError, match=r"^DecoupleMixLoss: `eta` must be a finite number"):
        DecoupleMixLoss(eta=-0.1)


def test_ids_out_of_range_have_a_loss_of_nan():
    loss = DecoupleMixLoss(from_logits=True, reduction="none")
    found = loss(np.array([0, K, -1, 3, 1]), LOGITS)
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, False, False])
    packed = PACKED.copy()
    packed[1, 0, 2], packed[2, 0, 1] = K, -1
    # The second of these has no weight.
    np.testing.assert_array_equal(np.isnan(loss(packed, LOGITS)), [False, True] + [False] * 3)


def test_half_precision_is_that_of_the_result():
    logits = np.array([[6e4, -6e4, 0.0], [0.0, 6e4, -6e4]], "float16")
    labels = np.array([[0.75, 0.25, 0.0], [0.5, 0.5, 0.0]], "float16")
    loss = DecoupleMixLoss(eta=0.1, from_logits=True, dtype="float16", reduction="none")
    # -log softmax is 0 and 12e4, then 6e4 and 0; of b against the absent class it is 6e4.
    np.testing.assert_allclose(loss(labels, logits), [3.6e4, 3e4], rtol=2e-3)
    again = DecoupleMixLoss.from_config(loss.get_config())
    assert (again.dtype, again.eta, again.from_logits) == ("float16", 0.1, True)


def test_a_misspelt_argument_is_named():
    with pytest.raises(ValueError, match=r"^DecoupleMixLoss: `etta` is .* Did you mean 'eta'\?"):
        DecoupleMixLoss(etta=0.1)
