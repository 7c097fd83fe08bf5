"""MixUp: x = λ x_i + (1 - λ) x_j. The laws of all: test_contract_*."""

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
