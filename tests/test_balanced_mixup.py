"""The recipe of Balanced-MixUp: a little of a class-balanced partner."""

import numpy as np
import tensorflow as tf
from contract import SEEDS, seed_of
from scipy import stats

from keras_mix import data, recipes

UNLIKELY = 1e-4
IDS = np.array([0] * 45 + [1] * 4 + [2])
X = IDS.astype("float32")[:, None]


def test_weight_of_the_partner_is_beta_and_one_for_the_batch():
    layer = recipes.balanced_mixup(0.2, label_mode="pairs")
    seeds = np.random.default_rng(0).integers(-(2**31), 2**31, (600, 2))
    draw = tf.function(lambda seed: layer(X, IDS, seed=seed)[1][:, 1])
    weights = np.array([draw(seed_of(seed)) for seed in seeds])[..., 1]
    mixed = weights.max(axis=1)
    assert ((weights == 0) | (weights == mixed[:, None])).all()
    assert stats.kstest(mixed.astype("f8"), stats.beta(0.2, 1).cdf).pvalue > UNLIKELY


def test_partners_are_of_each_class_alike():
    layer = recipes.balanced_mixup(0.3, label_mode="pairs")
    found = [layer(X, IDS, seed=seed_of(seed))[1].numpy()[:45, 0, 1] for seed in SEEDS]
    assert stats.chisquare(np.bincount(np.ravel(found).astype(int))).pvalue > UNLIKELY


def test_partners_of_a_balanced_dataset():
    samples = tf.data.Dataset.from_tensor_slices((X, IDS))
    classes = [samples.filter(lambda x, y, k=k: y == k).repeat() for k in range(3)]
    balanced = tf.data.Dataset.sample_from_datasets(classes, seed=1)
    layer = recipes.balanced_mixup(8.0, pairing="shuffle", num_classes=3, per="sample")
    source = samples.repeat(40).batch(50)
    batches = data.mix(source, layer, partners=balanced.batch(50), seed=1)
    share = np.mean([y.numpy().mean(axis=0) for _, y in batches], axis=0)
    own = np.bincount(IDS) / 50
    # The mean of Beta(8, 1) is 8 / 9.
    np.testing.assert_allclose(share, own / 9 + 8 / 27, atol=0.02)
