"""RegMixup: the loss of the batch and that of its mixture, in one pass of both."""

import keras
import numpy as np
import pytest
from models import MaskProbe, fix_draws, mixed_by, one_step
from test_models_oracle import IDS, PARTNERS, RATIO, WEIGHTS, B, K, X, by_hand, linear

from keras_mix.layers import CutMix, MixUp
from keras_mix.models import MixingModel, RegMixup

pytestmark = pytest.mark.slow

SPARSE = keras.losses.SparseCategoricalCrossentropy


@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample weights"])
@pytest.mark.parametrize(("place", "per"), [("input", "batch"), ("hidden", "sample")])
def test_loss_and_gradients_are_the_sum_of_both(monkeypatch, place, per, weighted):
    fix_draws(monkeypatch, PARTNERS, RATIO[per])
    model = RegMixup(linear(), mix_at=[place], per=per, eta=0.6)
    model.compile("sgd", SPARSE(from_logits=True))
    weights = WEIGHTS if weighted else np.ones(B, "float32")
    clean, mixed = (
        by_hand(model.base.get_weights(), place, ratio, weights) for ratio in (1.0, RATIO[per])
    )
    found, changes = one_step(model, X, IDS, weights if weighted else None)
    assert found == pytest.approx(clean[0] + 0.6 * mixed[0], abs=1e-5)
    for change, own, other in zip(changes, clean[1], mixed[1], strict=True):
        np.testing.assert_allclose(change, own + 0.6 * other, rtol=1e-5, atol=1e-5)


def test_batch_normalization_sees_both_halves_and_metrics_the_clean_one(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.7)
    norm = keras.layers.BatchNormalization(momentum=0.0, epsilon=1e-3)
    base = keras.Sequential([keras.Input((4,)), norm, keras.layers.Dense(K)])
    model = RegMixup(base)
    model.compile(keras.optimizers.SGD(0.0), SPARSE(from_logits=True), metrics=["accuracy"])
    logs = model.train_on_batch(X, IDS, return_dict=True)
    both = np.concatenate([X, mixed_by(X, PARTNERS, 0.7)])
    np.testing.assert_allclose(norm.moving_mean, both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, both.var(0), rtol=1e-4)
    normalized = (both - both.mean(0)) / np.sqrt(both.var(0) + 1e-3)
    logits = normalized @ base.layers[-1].get_weights()[0]
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    own, partner = IDS, IDS[PARTNERS]
    loss = -log_p[np.arange(B), own].mean()
    for share, ids in ((0.7, own), (0.3, partner)):
        loss -= share * log_p[B + np.arange(B), ids].mean()
    assert logs["loss"] == pytest.approx(loss, rel=1e-5)
    assert logs["accuracy"] == pytest.approx((log_p[:B].argmax(1) == IDS).mean())


def images(head):
    """A network without state, whose outputs depend on nothing but the sample."""
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    return keras.Model(inputs, head(x))


def classes(x):
    return keras.layers.Dense(K, "softmax", name="classes")(keras.layers.Flatten()(x))


def pixels(x):
    return keras.layers.Conv2D(K, 1, activation="softmax", name="pixels")(x)


def two_heads(x):
    return {"classes": classes(x), "pixels": pixels(x)}


RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(B, 8, 8, 2)).astype("float32")
PIXELS = RNG.integers(0, K, (B, 8, 8))
BOTH = {"classes": IDS, "pixels": PIXELS}
SEPARATE = {"classes": "sparse_categorical_crossentropy", "pixels": SPARSE(reduction="sum")}
ONE_HOT = np.eye(K, dtype="float32")[IDS]
CASES = {
    "one-hot, mixer, XLA": (classes, ONE_HOT, "categorical_crossentropy", {"mixer": MixUp(1.0)}),
    "pixels, cut": (pixels, PIXELS, "sparse_categorical_crossentropy", {"mixer": CutMix()}),
    "heads, one of two mixers": (
        two_heads,
        BOTH,
        SEPARATE,
        {
            "mixer": [CutMix(), MixUp()],
            "mix_at": ["conv", "input"],
            "kinds": {"y/classes": "labels"},
        },
    ),
    "smoothed": (classes, IDS, SPARSE(), {"mixer": MixUp(label_smoothing=0.2)}),
    "mixed targets": (
        classes,
        ONE_HOT,
        keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"),
        {"loss_mode": "mixed_targets", "per": "sample", "alpha": 1.0},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_plain_training_plus_training_on_mixtures(name):
    """Equal seeds draw equal plans, so that each term can be computed by a model of its own."""
    head, y, loss, options = CASES[name]
    base = images(head)

    def loss_by(wrapper, **own):
        model = wrapper(base, seed=5, **options, **own)
        compiles = "XLA" in name
        model.compile(
            keras.optimizers.SGD(0.0), loss, jit_compile=compiles, run_eagerly=not compiles
        )
        weights = None if isinstance(y, dict) else WEIGHTS
        return model.train_on_batch(IMAGES, y, weights)

    # Unmixed, but smoothed if the mixer smooths.
    clean = loss_by(MixingModel, rate=0.0)
    options = {"alpha": 20.0, "per": "batch", **options} if "mixer" not in options else options
    mixed = loss_by(MixingModel)
    np.testing.assert_allclose(
        loss_by(RegMixup, eta=0.5), np.add(clean, 0.5 * np.asarray(mixed)), rtol=1e-4
    )
    assert not np.allclose(clean, mixed, rtol=1e-3)


def test_masks_of_the_clean_half_stay_and_those_of_the_mixed_are_unions(monkeypatch):
    tokens = np.array([[1, 2, 0, 0], [3, 4, 5, 0], [6, 0, 0, 0]])
    partners = [1, 2, 0]
    fix_draws(monkeypatch, partners, 0.5)
    probe = MaskProbe((6, 4))
    base = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(7, 5, mask_zero=True, name="embedding"),
            probe,
            keras.layers.Dense(K, activation="softmax"),
        ]
    )
    model = RegMixup(base, mix_at=["embedding"])
    model.compile(keras.optimizers.SGD(0.0), SPARSE(), run_eagerly=True)
    steps = RNG.integers(0, K, (3, 4))
    found = model.train_on_batch(tokens, steps)
    own = tokens > 0
    union = own | own[partners]
    np.testing.assert_array_equal(probe.mask, np.concatenate([own, union]))
    embedded = base.layers[0].get_weights()[0][tokens].astype("float64")
    kernel, bias = base.layers[-1].get_weights()

    def term(embedded, labels, mask):
        """The mean over all steps of the labels' own sample; other steps count as 0."""
        logits = embedded @ kernel + bias
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        losses = -np.take_along_axis(log_p, labels[..., None], -1)[..., 0]
        return (losses * mask).sum() / mask.sum()

    mixed = 0.5 * embedded + 0.5 * embedded[partners]
    expected = term(embedded, steps, own) + 0.5 * term(mixed, steps, own)
    expected += 0.5 * term(mixed, steps[partners], own[partners])
    assert found == pytest.approx(expected, rel=1e-5)


def test_regularizers_count_once_and_evaluation_is_the_bases():
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(K, kernel_regularizer="l2")])
    model = RegMixup(base, eta=0.0)
    model.compile(keras.optimizers.SGD(0.0), SPARSE(from_logits=True))
    base.compile(loss=SPARSE(from_logits=True))
    plain = base.evaluate(X, IDS, verbose=0)
    assert model.train_on_batch(X, IDS) == pytest.approx(plain, rel=1e-5)
    assert model.evaluate(X, IDS, verbose=0) == pytest.approx(plain, rel=1e-6)
    np.testing.assert_array_equal(model.predict(X, verbose=0), base.predict(X, verbose=0))


def test_a_saved_model_keeps_eta_and_trains_on(tmp_path):
    model = RegMixup(linear(), eta=0.25, alpha=(3.0, 4.0), mix_at=["hidden"])
    model.compile("adam", SPARSE(from_logits=True))
    model.fit(X, IDS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded.eta, loaded.dials.alpha) == (0.25, (3.0, 4.0))
    assert "eta=0.25" in repr(loaded)
    assert np.isfinite(loaded.fit(X, IDS, verbose=0).history["loss"]).all()


def test_what_it_refuses():
    with pytest.raises(ValueError, match=r"^RegMixup: `eta` must be a finite number of at least 0"):
        RegMixup(linear(), eta=-1.0)
    inputs = keras.Input((4,))
    base = keras.Model(inputs, keras.ops.sum(keras.layers.Dense(K)(inputs), axis=0))
    model = RegMixup(base)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="each output must hold the samples of the batch"):
        model.train_on_batch(X, IDS)
