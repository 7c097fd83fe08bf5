"""NoiseMix: sounds at a signal-to-noise ratio in dB. The laws of all: test_contract_*."""

import math

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of
from scipy import stats

from keras_mix import data, label_rules
from keras_mix._core.draw import random
from keras_mix.layers import NoiseMix

UNLIKELY = 1e-4
RANDOM = np.random.default_rng(0)
WAVES = (
    RANDOM.uniform(-1, 1, (6, 300, 2))
    * 10.0 ** np.array([[[0]], [[-1]], [[-2]], [[0]], [[-3]], [[1]]])
).astype("float32")
NOISES = (RANDOM.normal(size=(4, 300, 2)) * 0.01).astype("float32")


def power(sound):
    """The mean power, the channels added up, one sample after the other."""
    return sum(float(value) ** 2 for value in sound.ravel()) / len(sound)


def ratios(size, low, high, seed=None):
    """The ratios in dB that a layer draws."""
    _, level = random.split(seed_of() if seed is None else seed, 2)
    return low + (high - low) * random.uniform(level, [size]).numpy().astype("f8")


@pytest.mark.parametrize("mode", ["eager", "all in XLA", "another batch"])
def test_noise_is_so_many_decibels_below_the_signal(mode):
    layer = NoiseMix(snr=(-5, 15), label_mode="pairs", pairing="roll")
    call = tf.function(layer, jit_compile=True) if mode == "all in XLA" else layer
    crossed = {"partners": (NOISES, tf.range(4))} if mode == "another batch" else {}
    mixed, pairs = call(tf.constant(WAVES), tf.range(6), seed=seed_of(), **crossed)
    others = NOISES if crossed else WAVES
    for i, snr in enumerate(ratios(6, -5, 15)):
        other = others[(i + 1) % len(others)]
        gain = math.sqrt(power(WAVES[i]) / power(other)) * 10 ** (-snr / 20)
        np.testing.assert_allclose(mixed[i], WAVES[i] + gain * other, rtol=1e-5, atol=1e-5)
        heard = 10 * math.log10(power(WAVES[i]) / power(mixed[i].numpy() - WAVES[i]))
        assert abs(heard - snr) < 1e-3
        np.testing.assert_allclose(pairs[i, 1, 0], 1 / (1 + 10 ** (-snr / 20)), rtol=1e-6)


def test_ratio_is_uniform_and_one_number_is_all_of_it():
    waves = np.tile(np.array([1.0, -1.0], "f4"), (2000, 4))[..., None]
    mixed = NoiseMix(snr=(3, 30), pairing="roll")(waves, seed=seed_of()).numpy()
    heard = -20 * np.log10(np.abs(mixed[:, 0, 0].astype("f8") - 1))
    assert stats.kstest(heard, "uniform", (3, 27)).pvalue > UNLIKELY
    mixed = NoiseMix(snr=20, pairing="roll")(waves, seed=seed_of())
    np.testing.assert_allclose(mixed, 1.1 * waves, rtol=1e-6)
    one = NoiseMix(snr=(3, 30), pairing="roll", per="batch")(waves, seed=seed_of()).numpy()
    assert len(np.unique(one[:, 0, 0])) == 1


def test_silence_is_left_alone_and_makes_no_nan():
    waves = WAVES.copy()
    waves[2] = 0
    waves[4] = 1e-7 * np.sign(waves[4])
    layer = NoiseMix(snr=0, label_mode="pairs", pairing="roll")
    mixed, pairs = layer(waves, np.arange(6), seed=seed_of())
    # Samples 1 and 3 have a silent partner.
    np.testing.assert_array_equal(mixed.numpy()[1:5], waves[1:5])
    np.testing.assert_array_equal(pairs[1:5, 1, 0], 1)
    assert np.isfinite(mixed).all()
    np.testing.assert_allclose(pairs.numpy()[[0, 5], 1, 0], 0.5)


def test_labels_are_kept_if_the_noise_has_none_or_if_that_is_asked():
    images = RANDOM.random((6, 4, 4), np.float32)
    batch = {"sound": WAVES, "image": images}, np.eye(6, dtype="f4"), np.arange(6, dtype="f4")
    layer = NoiseMix(snr=0, pairing="roll", keep_labels=True, main_input="sound")
    (mixed, labels, weights) = layer(*batch, seed=seed_of())
    np.testing.assert_array_equal(labels, batch[1])
    np.testing.assert_array_equal(weights, batch[2])
    np.testing.assert_array_equal(mixed["image"], images)
    assert (np.abs(mixed["sound"] - WAVES).max(axis=(1, 2)) > 0).all()
    mixed, labels = NoiseMix(num_classes=6)(WAVES, np.arange(6), partners=NOISES, seed=seed_of())
    np.testing.assert_array_equal(labels, np.eye(6))
    assert (np.abs(mixed - WAVES).max(axis=(1, 2)) > 0).all()


def test_padding_has_no_power():
    waves, lengths = WAVES[:4].copy(), np.array([300, 100, 7, 0])
    waves[np.arange(300) >= lengths[:, None]] = 0
    layer = NoiseMix(snr=6, pairing="roll", kinds={"n": "lengths"})
    found = layer(({"x": waves, "n": lengths},), seed=seed_of())[0]["x"].numpy()
    for i, other in ((0, 1), (1, 2)):
        levels = [power(waves[n][: lengths[n]]) for n in (i, other)]
        gain = math.sqrt(levels[0] / levels[1]) * 10 ** (-6 / 20)
        np.testing.assert_allclose(found[i], waves[i] + gain * waves[other], rtol=1e-4, atol=1e-5)
    # An empty sound is silent.
    np.testing.assert_array_equal(found[2:], waves[2:])


def test_noises_of_another_dataset():
    speech = tf.data.Dataset.from_tensor_slices((WAVES, np.arange(6))).batch(3)
    noises = tf.data.Dataset.from_tensor_slices(NOISES).repeat().batch(3)
    layer = NoiseMix(snr=(0, 10), num_classes=6)
    batches = list(data.mix(speech, layer, partners=noises, partner_labels="kept", seed=1))
    again = list(data.mix(speech, layer, partners=noises, partner_labels="kept", seed=1))
    for (x, y), (same, _) in zip(batches, again, strict=True):
        np.testing.assert_array_equal(x, same)
        assert (y.numpy().max(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"snr": math.inf}, "`snr` must be a finite number. Received: snr=inf"),
        ({"snr": (0, math.nan)}, "`snr` must be a finite number. Received: snr=nan"),
        ({"snr": (-math.inf, 3)}, "`snr` must be a finite number. Received: snr=-inf"),
        ({"snr": (20, 5)}, r"`snr` must be a pair \(low, high\), the smaller first"),
        ({"snr": (1, 2, 3)}, r"`snr` must be a pair \(low, high\)"),
        ({"keep_labels": 1}, "`keep_labels` must be True or False"),
        (
            {"keep_labels": True, "label_rule": label_rules.Remix([3, 1])},
            "`label_rule` has no effect, because `keep_labels` leaves labels as they are",
        ),
        (
            {"keep_labels": True, "label_mode": "union", "num_classes": 3},
            "`label_mode` has no effect, because `keep_labels`",
        ),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=f"^NoiseMix: {sentence}"):
        NoiseMix(**options)
