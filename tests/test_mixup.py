"""MixUp: x = λ x_i + (1 - λ) x_j. The laws of all: test_contract_*."""

import json

import numpy as np
import oracles
import pytest
import tensorflow as tf
from scipy import stats

from keras_mix.layers import MixUp

SEED = tf.constant([1, 2])
RANDOM = np.random.default_rng(0)


def sources_and_weights(pairs):
    return pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("shape", [(), (3,), (9, 4), (6, 5, 3), (2, 6, 5, 3)], ids=str)
def test_inputs_of_any_rank_are_blended(shape, per):
    x = RANDOM.normal(size=(7, *shape)).astype("float32")
    mixed, pairs = MixUp(alpha=1.0, label_mode="pairs", per=per)(x, np.arange(7), seed=SEED)
    np.testing.assert_allclose(mixed, oracles.blend(x, *sources_and_weights(pairs)), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 8.0])
def test_weight_is_beta_distributed(alpha):
    x = np.zeros((20_000, 1), "float32")
    _, pairs = MixUp(alpha=alpha, label_mode="pairs")(x, np.arange(20_000), seed=SEED)
    ratio = pairs[:, 1, 0].numpy()
    assert stats.kstest(ratio, stats.beta(alpha, alpha).cdf).pvalue > 1e-4


def test_weight_and_partner_are_unrelated():
    x = np.zeros((20_000, 1), "float32")
    _, pairs = MixUp(alpha=1.0, label_mode="pairs")(x, np.arange(20_000), seed=SEED)
    assert stats.spearmanr(pairs[:, 0, 1], pairs[:, 1, 0]).pvalue > 1e-4


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_draws_do_not_feel_the_policy(policy):
    x, y = RANDOM.random((6, 4), np.float32), np.eye(6, dtype="f4")
    exact, exact_labels = MixUp()(x, y, seed=SEED)
    mixed, labels = MixUp(dtype=policy)(x, y, seed=SEED)
    np.testing.assert_array_equal(labels, exact_labels)
    np.testing.assert_array_equal(mixed, tf.cast(exact, mixed.dtype))


def test_bytes_are_rounded_back_only_if_asked():
    x = RANDOM.integers(0, 256, (6, 5, 4, 3), "uint8")
    exact = MixUp()(x, seed=SEED)
    rounded = MixUp(keep_dtype=True)(x, seed=SEED)
    assert (exact.dtype, rounded.dtype) == (tf.float32, tf.uint8)
    np.testing.assert_array_equal(rounded, np.rint(exact))


def test_blend_lies_between_its_sources():
    x = RANDOM.choice([0.0, 1.0, 255.0], (64, 50)).astype("float32")
    mixed, pairs = MixUp(alpha=0.2, label_mode="pairs")(x, np.arange(64), seed=SEED)
    mixed = mixed.numpy()
    sources = x[sources_and_weights(pairs)[0]]
    assert (mixed <= sources.max(axis=1) * (1 + 2e-7)).all()
    assert (mixed >= sources.min(axis=1) * (1 - 2e-7)).all()


def test_targets_of_every_head_share_the_plan():
    heads = {
        "class": np.arange(6),
        "value": RANDOM.random((6, 2), np.float32),
        "dense": RANDOM.random((6, 4, 3, 1), np.float32),
    }
    layer = MixUp(alpha=1.0, num_classes={"class": 6})
    _, mixed = layer(np.zeros((6, 1), "f4"), heads, seed=SEED)
    by_row = mixed["class"].numpy()  # Sample i is all of class i: its label is its weights.
    for name in ("value", "dense"):
        expected = np.einsum("ij,j...->i...", by_row, heads[name])
        np.testing.assert_allclose(mixed[name], expected, atol=1e-6)


def test_default_is_the_papers_choice_for_imagenet():
    assert MixUp().alpha == 0.2


# Laws of λ beside Beta(α, α).


@pytest.mark.parametrize("pair", [(0.5, 2.0), (5.0, 1.0)], ids=str)
def test_own_weight_follows_beta_of_a_pair(pair):
    x = np.zeros((20_000, 1), "float32")
    _, pairs = MixUp(alpha=pair, label_mode="pairs")(x, np.arange(20_000), seed=SEED)
    own = pairs[:, 1, 0].numpy()
    assert stats.kstest(own, stats.beta(*pair).cdf).pvalue > 1e-4


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("sources", [2, 3, 5])
def test_blend_of_several_sources_is_that_of_its_labels(sources, per):
    x = RANDOM.normal(size=(7, 4, 3)).astype("float32")
    ids, options = np.arange(7), {"alpha": 1.0, "sources": sources, "per": per}
    mixed, pairs = MixUp(**options, label_mode="pairs")(x, ids, seed=SEED)
    assert pairs.shape == (7, 2, sources)
    np.testing.assert_allclose(mixed, oracles.blend(x, *sources_and_weights(pairs)), atol=1e-6)
    chosen, weights = sources_and_weights(pairs)
    expected = np.zeros((7, 7))
    for sample in range(7):
        for source, weight in zip(chosen[sample], weights[sample], strict=True):
            expected[sample, source] += weight
    _, labels = MixUp(**options, num_classes=7)(x, ids, seed=SEED)
    np.testing.assert_allclose(labels, expected, atol=1e-6)
    assert len(np.unique(weights, axis=0)) == (1 if per == "batch" else 7)


def test_weights_of_several_sources_are_dirichlet_distributed():
    x = np.zeros((20_000, 1), "float32")
    layer = MixUp(alpha=0.7, sources=4, label_mode="pairs")
    weights = layer(x, np.arange(20_000), seed=SEED)[1][:, 1].numpy()
    for source in range(4):
        # A weight too near to 0 for float32 is 0.
        inside = weights[weights[:, source] > 2.0**-12, source]
        exact, least = stats.beta(0.7, 2.1), stats.beta(0.7, 2.1).cdf(2.0**-12)
        found = stats.kstest(inside, lambda w, e=exact, p=least: (e.cdf(w) - p) / (1 - p))
        assert found.pvalue > 1e-4


def test_partners_of_several_sources_follow_the_pairing():
    layer = MixUp(alpha=1.0, sources=4, pairing="roll", label_mode="pairs")
    chosen, _ = sources_and_weights(layer(np.zeros((6, 1), "f4"), np.arange(6), seed=SEED)[1])
    np.testing.assert_array_equal(chosen, (np.arange(6)[:, None] + np.arange(4)) % 6)


def test_a_sample_among_several_sources_is_left_alone_by_alpha_0():
    x = RANDOM.normal(size=(6, 3)).astype("float32")
    mixed, labels = MixUp(alpha=0, sources=3, num_classes=6)(x, np.arange(6), seed=SEED)
    np.testing.assert_array_equal(mixed, x)
    np.testing.assert_array_equal(labels, np.eye(6))


@pytest.mark.parametrize("sources", [2, 3, 4])
def test_the_major_weight_is_the_samples_own(sources):
    x, ids = np.zeros((500, 1), "f4"), np.arange(500)
    options = {"alpha": 0.5, "sources": sources, "label_mode": "pairs"}
    drawn, major = (
        MixUp(**options, keep_major=keep_major)(x, ids, seed=SEED)[1].numpy()
        for keep_major in (False, True)
    )
    np.testing.assert_array_equal(major[:, 0], drawn[:, 0])
    np.testing.assert_array_equal(major[:, 1, 0], drawn[:, 1].max(axis=1))
    # Of two, the other weight is 1 minus the major one, which rounds.
    np.testing.assert_allclose(np.sort(major[:, 1]), np.sort(drawn[:, 1]), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "options",
    [{"alpha": (2.0, 0.5)}, {"sources": 4, "keep_major": True}, {"alpha": (1, 3), "sources": 3}],
)
def test_laws_of_lambda_are_the_same_in_every_mode(options):
    x, ids = RANDOM.random((8, 3), np.float32), np.arange(8)
    layer = MixUp(**options, label_mode="pairs")

    def call():
        return layer(tf.constant(x), tf.constant(ids), seed=SEED)

    eager = call()
    compiled = tf.function(call, jit_compile=True)()
    dataset = tf.data.Dataset.from_tensor_slices((x, ids)).batch(8)
    mapped = next(iter(dataset.map(lambda x, y: layer(x, y, seed=SEED))))
    for found in (tf.function(call)(), compiled, mapped):
        np.testing.assert_array_equal(found[1], eager[1])
        np.testing.assert_allclose(found[0], eager[0], rtol=0, atol=2e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": (1.0,)}, r"`alpha` must be .* or a pair .* Received: alpha=\(1.0,\)"),
        ({"alpha": (1, 2, 3)}, r"Received: alpha=\(1, 2, 3\)"),
        ({"alpha": (0, 1)}, r"a pair \(a, b\) of finite numbers above 0 .* alpha=\(0, 1\)"),
        ({"alpha": (1, float("inf"))}, r"Received: alpha=\(1, inf\)"),
        ({"alpha": ("1", 2)}, r"Received: alpha=\('1', 2\)"),
        ({"sources": 1}, r"`sources` must be an integer of at least 2. Received: sources=1"),
        ({"sources": 2.5}, r"Received: sources=2.5"),
    ],
)
def test_a_law_that_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MixUp(**options)


def test_laws_of_lambda_are_saved_and_shown():
    layer = MixUp((2, 5), sources=3, keep_major=True)
    assert repr(layer) == "MixUp(alpha=[2.0, 5.0], sources=3, keep_major=True)"
    config = json.loads(json.dumps(layer.get_config()))
    again = MixUp.from_config(config)
    assert (again.alpha, again.keep_major, again.num_sources) == ((2.0, 5.0), True, 3)
    assert MixUp((3, 3)).alpha == 3.0
