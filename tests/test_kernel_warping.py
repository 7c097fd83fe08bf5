"""KernelWarping: λ by the distance of a pair."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import SEEDS, random_images, sampled, seed_of
from scipy import special, stats

from keras_mix import lambda_rules
from keras_mix._core import incomplete_beta
from keras_mix._core.draw import random, warping
from keras_mix.evaluate import mixers
from keras_mix.lambda_rules import KernelWarping
from keras_mix.layers import (
    RICAP,
    BetweenClass,
    CrossModalMix,
    CutMix,
    FMix,
    GridMix,
    MixUp,
    SaliencyMix,
    SpectrogramMixUp,
    TabularMix,
)
from keras_mix.models import MixingModel
from keras_mix.pairings import InOrder

UNLIKELY = 1e-4
PAIRS = [CutMix, FMix, GridMix, MixUp, SaliencyMix, BetweenClass, CrossModalMix]
PAIRS += [SpectrogramMixUp, TabularMix]


def warped(lam, far, rule):
    """λ' of the definition, pair by pair."""
    mean = sum(far) / len(far)
    result = []
    for share, distance in zip(lam, far, strict=True):
        relative = distance / mean if mean else 0.0
        tau = np.exp((relative - 1) / (2 * rule.tau_std**2)) / rule.tau_max
        if rule.law == "cdf":
            tau = np.clip(tau, np.exp(-4.5), np.exp(7))
            result.append(special.betainc(tau, tau, share))
        else:
            tau = np.clip(1 / tau, np.exp(-4.5), np.exp(7))
            result.append(special.betaincinv(tau, tau, share))
    return np.array(result)


def drawn(alpha, size):
    """λ as MixUp draws it."""
    _, share = random.split(seed_of(), 2)
    return random.beta(share, alpha, size).numpy().astype("f8")


@pytest.mark.parametrize("law", ["cdf", "quantile"])
@pytest.mark.parametrize("tau", [(1.0, 0.5), (0.3, 0.25), (5.0, 1.25)], ids=str)
@pytest.mark.parametrize("of", ["inputs", "labels"])
def test_lambda_is_that_of_the_definition(law, tau, of):
    rule = KernelWarping(tau_max=tau[0], tau_std=tau[1], law=law, of=of)
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(60, 4, 5)) * rng.uniform(0, 2, (60, 1, 1))).astype("float32")
    y = rng.normal(size=(60, 2)).astype("float32") * [1, 3]
    values = (x if of == "inputs" else y).astype("f8").reshape(60, -1)
    layer = MixUp(1.0, pairing="roll", lambda_rule=rule)
    mixed, _ = layer(x, y.astype("float32"), seed=seed_of())
    far = [sum((a - b) ** 2) for a, b in zip(values, np.roll(values, -1, axis=0), strict=True)]
    expected = warped(drawn(1.0, 60), far, rule)[:, None, None]
    np.testing.assert_allclose(
        mixed, expected * x + (1 - expected) * np.roll(x, -1, axis=0), atol=0.05
    )
    found = layer.plan(x, seed_of()).weights[:, 0] if of == "inputs" else None
    if found is not None:
        np.testing.assert_allclose(found, expected[:, 0, 0], atol=0.01)


def test_the_table_is_within_a_hundredth():
    rng = np.random.default_rng(0)
    lam = np.concatenate([[0, 1, 0.5, 1e-30], rng.random(2000), rng.beta(0.05, 0.05, 2000)])
    lam = np.where(lam < np.finfo("f4").tiny, 0, lam).astype("float32")
    log_tau = rng.uniform(-5, 8, len(lam))
    tau = np.exp(np.clip(log_tau, -4.5, 7))
    for law, function in (("cdf", special.betainc), ("quantile", special.betaincinv)):
        found = warping.warped(tf.constant(lam), tf.constant(log_tau), law).numpy()
        np.testing.assert_allclose(found, function(tau, tau, lam.astype("f8")), atol=0.01)
        np.testing.assert_array_equal(found[:2], [0, 1])


def test_distribution_is_that_of_scipy():
    x = np.concatenate([[0, 1], np.random.default_rng(0).random(200), 10.0 ** -np.arange(1, 30)])
    for a, b in ((0.011, 0.011), (1, 1), (3.5, 0.2), (0.4, 60), (1100, 1100)):
        expected = special.betainc(a, b, x)
        found = incomplete_beta.distribution(a, b, x)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("law", ["cdf", "quantile"])
def test_far_pairs_are_mixed_less_and_labels_follow(law):
    x = np.repeat([0.0, 0.1, 5.0, 9.0], 2000).astype("float32")[:, None]
    # Sample i of the first half is near its partner, of the second far.
    other = np.concatenate([x[2000:4000], x[:2000], x[6000:], x[4000:6000]])
    layer = MixUp(1.0, lambda_rule=KernelWarping(law=law, tau_std=0.4), pairing=InOrder())
    y = np.zeros((8000, 2), "float32")
    y[:, 0] = 1
    second = np.zeros_like(y)
    second[:, 1] = 1
    mixed, labels = layer((x, y), partners=(other, second), seed=seed_of())
    share = labels.numpy()[:, 0]
    np.testing.assert_allclose(mixed, share[:, None] * x + (1 - share[:, None]) * other, atol=1e-5)
    # 1 where a sample is not mixed, 0 where it is by half.
    distance = np.abs(2 * share - 1)
    assert distance[:4000].mean() < 0.35 < 0.6 < distance[4000:].mean()


def test_equal_distances_leave_lambda_alone():
    x = np.tile([0.0, 1.0], 300).astype("float32")[:, None]
    for law in ("cdf", "quantile"):
        plans = [
            MixUp(1.0, pairing="roll", lambda_rule=rule).plan(x, seed_of()).weights
            for rule in (None, KernelWarping(law=law))
        ]
        np.testing.assert_allclose(*plans, atol=1e-3)


def test_quantile_is_a_draw_of_beta():
    x = np.tile([0.0, 1.0], 2000).astype("float32")[:, None]
    rule = KernelWarping(law="quantile", tau_max=0.2)
    weights = MixUp(1.0, pairing="roll", lambda_rule=rule).plan(x, seed_of()).weights[:, 0]
    # Within the steps of the table, τ is 0.2.
    law = stats.beta(np.exp(round(np.log(0.2) * 16) / 16), np.exp(round(np.log(0.2) * 16) / 16))
    assert stats.kstest(weights.numpy().astype("f8"), law.cdf).pvalue > UNLIKELY


@pytest.mark.parametrize("make", PAIRS)
def test_every_mixer_of_pairs_draws_alike_in_xla(make):
    layer = make(1.0, lambda_rule=KernelWarping(tau_std=0.2), pairing="derange")
    plain = make(1.0, pairing="derange")
    draw = tf.function(lambda seed: sampled(layer, 9, (8, 7), seed), jit_compile=True)
    changed = 0
    for seed in map(seed_of, SEEDS[:3]):
        eager = sampled(layer, 9, (8, 7), seed)
        np.testing.assert_array_equal(draw(seed).weights, eager.weights)
        changed += np.abs(eager.weights - sampled(plain, 9, (8, 7), seed).weights).max() > 0.01
    assert changed


def test_tf_data_draws_what_eager_calls_do():
    images = random_images(6, 9, 9)
    layer = CutMix(lambda_rule=KernelWarping(law="quantile"), num_classes=6)
    expected = layer(images, np.arange(6), seed=seed_of())
    dataset = tf.data.Dataset.from_tensor_slices((images, np.arange(6))).batch(6)
    (found,) = dataset.map(lambda x, y: layer(x, y, seed=seed_of()))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_number_or_has_no_extent_is_compared_as_the_lowest():
    x = np.array([[0.0], [np.nan], [np.inf], [1.0], [1.0]], "float32")
    for batch in (x, np.ones((5, 1), "float32"), np.zeros((5, 4, 4, 1), "uint8")):
        weights = MixUp(1.0, lambda_rule=KernelWarping(), pairing="roll").plan(batch, seed_of())
        assert np.isfinite(weights.weights).all()
    layer = MixUp(0, lambda_rule=KernelWarping())
    np.testing.assert_array_equal(layer(x, seed=seed_of()), x)


def test_inside_a_model_features_are_compared():
    base = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, name="hidden"), keras.layers.Dense(1)]
    )
    x = np.random.default_rng(0).random((16, 3), np.float32)
    mixer = MixUp(1.0, lambda_rule=KernelWarping())
    model = MixingModel(base, mixer=mixer, mix_at=["hidden"])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x, x[:, :1], verbose=0).history["loss"]).all()
    model = MixingModel(base, mixer=MixUp(lambda_rule=KernelWarping(of="labels")))
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(ValueError, match="not inside a model"):
        model.fit(x, x[:, :1], verbose=0)


def test_saved_with_the_mixer_and_written_on_the_command_line():
    layer = CutMix(lambda_rule=KernelWarping(tau_max=2.0, law="quantile", of="labels"))
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    loaded = keras.saving.deserialize_keras_object(saved)
    assert repr(loaded.lambda_rule) == repr(layer.lambda_rule)
    (mixup,) = mixers.parse("mixup:lambda_rule=KernelWarping(tau_std=0.25)").values()
    assert mixup.lambda_rule.tau_std == 0.25


@keras.saving.register_keras_serializable("test_kernel_warping")
class Half(lambda_rules.LambdaRule):
    def warp(self, batch, partners, lam):
        return 0.5 + lam / 2


def test_a_rule_of_ones_own():
    x = random_images(6, 4, 4)
    plain, half = (MixUp(1.0, lambda_rule=rule).plan(x, seed_of()) for rule in (None, Half()))
    np.testing.assert_allclose(half.weights[:, 0], 0.5 + plain.weights[:, 0] / 2)


X = np.random.default_rng(0).random((4, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: KernelWarping(tau_max=0), "`tau_max` must be a finite number above 0"),
        (lambda: KernelWarping(tau_std=np.nan), "`tau_std` must be a finite number"),
        (lambda: KernelWarping(law="pdf"), r"`law` must be one of \['cdf', 'quantile'\]"),
        (lambda: KernelWarping(of="outputs"), r"`of` must be one of \['inputs', 'labels'\]"),
        (lambda: KernelWarping(target="y"), "`target` has no effect, because inputs are compared"),
        (lambda: MixUp(lambda_rule=0.5), "MixUp: `lambda_rule` must be None, or one of "),
        (lambda: MixUp(lambda_rule=KernelWarping), "`lambda_rule` must be an instance"),
        (
            lambda: MixUp(sources=3, lambda_rule=KernelWarping()),
            "`lambda_rule` has no effect, because more than two samples are mixed",
        ),
        (lambda: RICAP(lambda_rule=KernelWarping()), "`lambda_rule` has no effect"),
        (
            lambda: CutMix(candidates=3, lambda_rule=KernelWarping()),
            "`lambda_rule` has no effect, because each of the `candidates` draws a λ of its own",
        ),
        (
            lambda: MixUp(lambda_rule=KernelWarping(of="labels"))(X),
            "KernelWarping: the batch must have labels",
        ),
        (
            lambda: CutMix(spatial_dims=1, kinds={"x": "token_ids"}, lambda_rule=KernelWarping())(
                np.ones((4, 6), int), np.eye(4, dtype="f4")
            ),
            "KernelWarping: inputs must be floats or uint8 images to be compared",
        ),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
