"""Mixers, pairings and rules that look at the pair, on the backend that KERAS_BACKEND names."""

import keras
import numpy as np
from keras import ops

from keras_mix._core import incomplete_beta
from keras_mix.lambda_rules import KernelWarping
from keras_mix.layers import FMix, GuidedMixup, MixUp, NoiseMix
from keras_mix.pairings import ByKey, ByLabel, BySaliency

RNG = np.random.default_rng(0)
IDS = np.arange(6)


def mixed(layer, x, y):
    """The mixture as arrays of NumPy."""
    x = keras.tree.map_structure(ops.convert_to_tensor, x)
    found = layer(x, ops.convert_to_tensor(y), seed=3)
    return keras.tree.map_structure(ops.convert_to_numpy, found)


def test_kernel_warping_changes_lambda_by_the_distance():
    x = RNG.normal(size=(6, 5)).astype("float32") * np.arange(1, 7, dtype="f4")[:, None]
    _, plain = mixed(MixUp(1.0, pairing="roll", num_classes=6), x, IDS)
    rule = KernelWarping(tau_std=0.7)
    _, labels = mixed(MixUp(1.0, pairing="roll", num_classes=6, lambda_rule=rule), x, IDS)
    far = ((x - np.roll(x, -1, axis=0)) ** 2).sum(axis=1)
    for i, share in enumerate(far / far.mean()):
        tau = np.exp((share - 1) / (2 * 0.7**2))
        expected = incomplete_beta.distribution(tau, tau, plain[i, i : i + 1].astype("f8"))
        np.testing.assert_allclose(labels[i, i], expected[0], atol=0.01)


def test_kernel_warping_of_one_region_for_a_batch():
    images = RNG.random((6, 8, 8, 1)).astype("float32")
    layer = FMix(8.0, per="batch", pairing="roll", num_classes=6, lambda_rule=KernelWarping())
    x, labels = mixed(layer, images, IDS)
    own = (x == images).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(labels[IDS, IDS], own, atol=1e-6)
    assert len(set(own)) > 1


def test_partners_have_similar_labels():
    # Sums of the weights of seven partners exceed 32 bits.
    values = np.array([0, 0, 0, 0, 0, 0, 0, 9, 9], "float32")
    x, _ = mixed(MixUp(pairing=ByLabel(0.1)), values[:, None], values)
    np.testing.assert_array_equal(x[:, 0], values)


def test_noise_lies_at_its_ratio():
    waves = RNG.normal(size=(6, 400, 1)).astype("float32") * np.arange(1, 7).reshape(6, 1, 1)
    waves = waves.astype("float32")
    waves[3] = 0
    x, labels = mixed(NoiseMix(snr=6, pairing="roll", num_classes=6), waves, IDS)
    for i in (0, 1, 4, 5):
        noise = np.mean((x[i] - waves[i]) ** 2)
        np.testing.assert_allclose(10 * np.log10(np.mean(waves[i] ** 2) / noise), 6, atol=1e-3)
        np.testing.assert_allclose(labels[i, i], 1 / (1 + 10 ** (-6 / 20)), rtol=1e-6)
    # Silence, and a silent partner.
    np.testing.assert_array_equal(x[2:4], waves[2:4])


def test_partners_come_from_another_domain():
    x = {"a": RNG.random((6, 3)).astype("float32"), "domain": IDS % 2}
    layer = MixUp(8.0, pairing=ByKey("domain"), passthrough=["domain"], num_classes=3)
    found, labels = mixed(layer, x, IDS // 2)
    np.testing.assert_allclose(labels, np.eye(3)[IDS // 2], atol=1e-6)
    assert (np.abs(found["a"] - x["a"]).max(axis=1) > 0).all()


def test_salient_pixels_stay_and_partners_are_a_cycle():
    images = np.full((6, 24, 24, 1), 0.5, "float32") + 0.01 * RNG.random((6, 24, 24, 1), np.float32)
    for i in range(6):
        images[i, 3 * i : 3 * i + 3, 4:7] = 1
    x, labels = mixed(GuidedMixup(pairing=BySaliency(), num_classes=6), images, IDS)
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    partners = np.argmax(np.where(np.eye(6), 0, labels), axis=1)
    assert sorted(partners) == list(range(6))
    for i in range(6):
        # More of its contrast than the half that MixUp would leave.
        assert x[i, 3 * i + 1, 5, 0] > 0.76
