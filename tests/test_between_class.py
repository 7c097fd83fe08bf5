"""BetweenClass and SpectrogramMixUp: sounds as they are heard. The laws of all: test_contract_*."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import sampled, seed_of
from scipy import signal

from keras_mix._core.draw import loudness
from keras_mix._core.plan import blending
from keras_mix._core.plan import plan as plans
from keras_mix._core.plan.combinations import Gains
from keras_mix.layers import BetweenClass, CutMix, MixUp, RandomChoice, SpectrogramMixUp

RANDOM = np.random.default_rng(0)
# Sounds of very different loudness, the last one silent, the one before a short one.
WAVES = (
    RANDOM.uniform(-1, 1, (7, 3000)) * 10.0 ** np.array([[0, -1, -2, 0, -0.5, 0, -9]]).T
).astype("float32")
WAVES[5, 400:] = 0


def level(sound, window=2048):
    """The level in dB of the loudest window, at least -80."""
    sound = np.pad(sound.astype("float64"), (0, max(0, window - len(sound))))
    starts = range(0, len(sound) - window + 1, window // 2)
    power = max(np.mean(sound[start : start + window] ** 2) for start in starts)
    return max(10 * math.log10(power), -80) if power else -80.0


def a_level(sound, rate, window):
    """The same under the A-weighting as IEC 61672 has it, of what a Hann window lets through."""
    f = np.fft.rfftfreq(window, 1 / rate)
    with np.errstate(divide="ignore"):
        response = 20 * np.log10(
            12194**2
            * f**4
            / (
                (f**2 + 20.6**2)
                * np.sqrt((f**2 + 107.7**2) * (f**2 + 737.9**2))
                * (f**2 + 12194**2)
            )
        )
    weight = 10 ** (np.maximum(response + 2.0, -80) / 10)
    taper = signal.get_window("hann", window)
    starts = range(0, len(sound) - window + 1, window // 2)
    power = max(
        np.sum(weight * np.abs(np.fft.rfft(taper * sound[s : s + window].astype("f8"))) ** 2)
        for s in starts
    )
    return max(10 * math.log10(power), -80) if power else -80.0


def mixed_by_the_formula(one, other, r, levels):
    p = 1 / (1 + 10 ** ((levels[0] - levels[1]) / 20) * (1 - r) / r)
    return (p * one + (1 - p) * other) / math.sqrt(p**2 + (1 - p) ** 2)


@pytest.mark.parametrize(
    ("options", "measure", "compile_all"),
    [
        ({}, level, False),
        ({"window": 512}, lambda x: level(x, 512), True),
        ({"window": 512, "sampling_rate": 8000}, lambda x: a_level(x, 8000, 512), False),
        ({"window": 512, "sampling_rate": 8000}, lambda x: a_level(x, 8000, 512), True),
        ({"window": 1024, "sampling_rate": 44100}, lambda x: a_level(x, 44100, 1024), False),
    ],
    ids=["plain", "short windows", "A at 8 kHz", "A at 8 kHz in XLA", "A at 44.1 kHz"],
)
def test_sounds_are_mixed_by_the_formula(options, measure, compile_all):
    layer = BetweenClass(label_mode="pairs", pairing="roll", **options)
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    mixed, pairs = call(tf.constant(WAVES), tf.range(7), seed=seed_of())
    for i in range(7):
        other, r = (i + 1) % 7, float(pairs[i, 1, 0])
        levels = measure(WAVES[i]), measure(WAVES[other])
        expected = mixed_by_the_formula(WAVES[i], WAVES[other], r, levels)
        np.testing.assert_allclose(mixed[i], expected, atol=3e-5)


def test_what_is_heard_is_in_the_ratio_of_the_labels():
    drawn = sampled(BetweenClass())
    images = np.ones((6, 30), "float32")
    layer = BetweenClass(label_mode="pairs", pairing="roll")
    mixed, pairs = layer(images * np.arange(1, 7)[:, None], np.arange(6), seed=seed_of())
    assert drawn.combine.gains.shape == (6, 2)
    np.testing.assert_allclose(tf.reduce_sum(drawn.combine.gains**2, axis=1), 1, atol=1e-6)
    own, other = np.arange(1, 7), np.roll(np.arange(1, 7), -1)
    r = pairs[:, 1, 0].numpy().astype("f8")
    # The pressures of what is heard of both are as r to 1 - r.
    p = r * other / (r * other + (1 - r) * own)
    np.testing.assert_allclose(p * own / ((1 - p) * other), r / (1 - r), rtol=1e-9)
    expected = (p * own + (1 - p) * other) / np.sqrt(p**2 + (1 - p) ** 2)
    np.testing.assert_allclose(mixed[:, 0], expected, rtol=1e-5)


def test_r_is_uniform_and_is_the_label():
    waves = RANDOM.normal(size=(4000, 8)).astype("float32")
    _, pairs = BetweenClass(label_mode="pairs", pairing="roll")(
        waves, np.arange(4000), seed=seed_of()
    )
    r = np.sort(pairs[:, 1, 0])
    assert np.abs(r - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / np.sqrt(4000)
    np.testing.assert_array_equal(pairs[:, 1].numpy().sum(axis=1), 1)


def test_a_silent_partner_changes_little():
    layer = BetweenClass(label_mode="pairs", pairing="roll", alpha=8.0)
    waves = np.stack([WAVES[0], np.zeros_like(WAVES[0])])
    mixed, _ = layer(waves, np.arange(2), seed=seed_of())
    # Silence counts as -80 dB: what is next to it is turned down as if that could be heard.
    assert np.isfinite(mixed).all()
    assert np.abs(mixed[0]).max() < 0.01


@pytest.mark.parametrize("shape", [(3000, 2), (2, 3000)], ids=["B,T,C", "B,C,T"])
def test_channels_share_one_gain(shape):
    waves = np.stack([WAVES, 0.1 * WAVES], axis=1 + shape.index(2))
    data_format = "channels_first" if shape[0] == 2 else "channels_last"
    layer = BetweenClass(pairing="roll", data_format=data_format)
    mixed = layer(waves, np.eye(7), seed=seed_of())[0].numpy()
    mono = BetweenClass(pairing="roll")(WAVES, np.eye(7), seed=seed_of())[0].numpy()
    found = np.moveaxis(mixed, 1 + shape.index(2), 0)
    np.testing.assert_allclose(found[0], mono, atol=1e-5)
    np.testing.assert_allclose(found[1], 0.1 * mono, atol=1e-6)


def test_other_inputs_are_blended_by_r():
    x = {"audio": WAVES, "features": np.eye(7, dtype="f4")}
    mixed, y = BetweenClass()(x, np.eye(7), seed=seed_of())
    np.testing.assert_allclose(mixed["features"], y, atol=1e-6)


def test_partners_of_another_batch_have_their_own_loudness():
    layer = BetweenClass(label_mode="pairs", pairing="roll")
    donors = (WAVES[::-1].copy(), np.arange(7))
    mixed, pairs = layer((WAVES, np.arange(7)), partners=donors, seed=seed_of())
    for i in range(7):
        other, r = donors[0][int(pairs[i, 0, 1])], float(pairs[i, 1, 0])
        expected = mixed_by_the_formula(WAVES[i], other, r, (level(WAVES[i]), level(other)))
        np.testing.assert_allclose(mixed[i], expected, atol=3e-5)


def test_lengths_are_those_of_the_longer():
    lengths = np.array([3000, 3000, 100, 3000, 3000, 400, 0])
    layer = BetweenClass(label_mode="pairs", pairing="roll", kinds={"length": "lengths"})
    x, _ = layer({"sound": WAVES, "length": lengths}, np.arange(7), seed=seed_of())
    np.testing.assert_array_equal(x["length"], np.maximum(lengths, np.roll(lengths, -1)))


def test_targets_on_the_grid_are_blended_by_the_weights():
    _, y = BetweenClass(pairing="roll")(WAVES, WAVES[..., None], seed=seed_of())
    _, pairs = BetweenClass(pairing="roll", label_mode="pairs")(WAVES, np.arange(7), seed=seed_of())
    r = pairs[:, 1, :1].numpy()
    expected = r * WAVES + (1 - r) * np.roll(WAVES, -1, axis=0)
    np.testing.assert_allclose(y[..., 0], expected, atol=1e-6)


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_one_of_several_mixers(per):
    mixers = [BetweenClass(pairing="roll"), CutMix(spatial_dims=1, pairing="roll")]
    layer = RandomChoice(mixers, probabilities=[0.5, 0.5], per=per)
    found = set()
    for k in range(8):
        mixed = layer(WAVES, np.eye(7), seed=seed_of((k, 1)))[0].numpy()
        cut = ((mixed == WAVES) | (mixed == np.roll(WAVES, -1, axis=0))).all(axis=1)
        found |= set(cut.tolist())
        assert per == "sample" or len(set(cut[:5].tolist())) == 1
    assert found == {True, False}


@pytest.mark.parametrize("frequency", [63, 125, 1000, 4000])
def test_the_a_weighting_is_that_of_the_standard(frequency):
    # IEC 61672-1, table 3, in dB.
    listed = {63: -26.2, 125: -16.1, 1000: 0.0, 4000: 1.0}
    rate, window = 16000, 4096
    time = np.arange(2 * window) / rate
    tones = np.sin(2 * np.pi * np.array([[frequency], [1000.0]]) * time).astype("float32")
    pressure = loudness.pressure(tf.constant(tones), 1, window, rate).numpy()
    found = 20 * np.log10(pressure[0] / pressure[1])
    assert abs(found - listed[frequency]) < 0.3


def test_defaults_of_between_class_are_the_papers_choices():
    layer = BetweenClass()
    assert (layer.alpha, layer.window, layer.sampling_rate) == (1.0, 2048, None)


# Gains in a plan.


def test_who_is_alone_keeps_gain_one():
    drawn = plans.blend(tf.constant([0, 2, 1]), tf.constant([[0.25, 0.75]]))
    drawn = drawn._replace(combine=Gains(tf.fill([3, 2], 0.7)))
    kept = plans.unless_alone(drawn)
    np.testing.assert_array_equal(kept.combine.gains, np.float32([[1, 0], [0.7, 0.7], [0.7, 0.7]]))
    np.testing.assert_array_equal(kept.weights, [[1, 0], [0.25, 0.75], [0.25, 0.75]])


@pytest.mark.parametrize("gains", [(1, 0), (0, 1), (0.6, 0.8), (2, -1), (0, 0)])
def test_sources_are_added_by_their_gains(gains):
    one, other = (tf.constant([-0.0, 3.0, -2.5, np.inf]), tf.constant([1.0, 3.0, 4.0, 5.0]))
    found = blending.add([one, other], [tf.constant(float(g)) for g in gains]).numpy()
    parts = [g * x for g, x in zip(gains, (one.numpy(), other.numpy()), strict=True) if g]
    np.testing.assert_allclose(found, sum(parts, np.zeros(4)), rtol=1e-6)
    if gains == (1, 0):
        assert np.signbit(found[0])


# Spectrograms that are logarithms.

SPECTRA = RANDOM.uniform(-80, 0, (6, 9, 5)).astype("float32")
FACTORS = {"db": 10.0, "log10": 1.0, "log": math.log(10)}


@pytest.mark.parametrize("scale", FACTORS)
@pytest.mark.parametrize("domain", ["power", "amplitude", "log"])
def test_domains(domain, scale):
    compile_all = scale == "db" and domain == "power"
    spectra = (SPECTRA / 10 * FACTORS[scale]).astype("float32")
    layer = SpectrogramMixUp(1.0, domain=domain, scale=scale, label_mode="pairs", pairing="roll")
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    mixed, pairs = call(tf.constant(spectra), tf.range(6), seed=seed_of())
    share = pairs[:, 1, 1].numpy().astype("float64")[:, None, None]
    bels = SPECTRA.astype("float64") / 10
    other = np.roll(bels, -1, axis=0)
    if domain == "log":
        expected = (1 - share) * bels + share * other
    else:
        k = 1 if domain == "power" else 0.5
        expected = np.log10((1 - share) * 10 ** (k * bels) + share * 10 ** (k * other)) / k
    np.testing.assert_allclose(mixed, expected * FACTORS[scale], rtol=2e-5, atol=2e-5)


def test_the_log_domain_is_mixup():
    plain = MixUp(1.0)(SPECTRA, np.eye(6), seed=seed_of())
    logs = SpectrogramMixUp(1.0, domain="log")(SPECTRA, np.eye(6), seed=seed_of())
    for one, other in zip(plain, logs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("domain", ["power", "amplitude", "log"])
def test_a_gain_of_both_is_one_of_the_blend(domain):
    layer = SpectrogramMixUp(1.0, domain=domain)
    mixed, y = layer(SPECTRA, np.eye(6), seed=seed_of())
    louder, same = layer(SPECTRA + 30, np.eye(6), seed=seed_of())
    np.testing.assert_allclose(louder, mixed + 30, atol=1e-4)
    np.testing.assert_array_equal(same, y)


def test_other_inputs_and_targets_are_blended_as_they_are():
    x = {"spectra": SPECTRA, "features": np.eye(6, dtype="f4")}
    y = {"clip": np.eye(6, dtype="f4"), "clean": SPECTRA}
    mixed, labels = SpectrogramMixUp(1.0)((x, y), seed=seed_of())
    np.testing.assert_allclose(mixed["features"], labels["clip"], atol=1e-6)
    blended = np.einsum("ij,jtf->itf", labels["clip"], SPECTRA)
    np.testing.assert_allclose(labels["clean"], blended, atol=1e-4)
    assert np.abs(mixed["spectra"] - blended).max() > 1


def test_infinities_and_silence_in_logarithms():
    one = tf.constant([-np.inf, -np.inf, 0.0, np.inf, np.inf, np.nan])
    other = tf.constant([-np.inf, 0.0, -np.inf, 1.0, np.inf, 0.0])
    half = tf.constant(0.5)
    found = blending.blend_logarithms([one, other], [half, half], 1.0).numpy()
    log = math.log(0.5)
    np.testing.assert_allclose(found, [-np.inf, log, log, np.inf, np.inf, np.nan], rtol=1e-6)


def test_large_differences_do_not_overflow():
    one, other = tf.constant([1e4, -1e4]), tf.constant([-1e4, 1e4])
    share = tf.constant(0.25)
    found = blending.blend_logarithms([one, other], [1 - share, share], 1.0).numpy()
    np.testing.assert_allclose(found, [1e4 + math.log(0.75), 1e4 + math.log(0.25)])


def test_three_sources_of_logarithms():
    sources = [tf.constant(RANDOM.normal(size=8)) for _ in range(3)]
    shares = [tf.constant(share, tf.float64) for share in (0.2, 0.5, 0.3)]
    found = blending.blend_logarithms(sources, shares, 2.0)
    powers = sum(s.numpy() * np.exp(2 * x.numpy()) for s, x in zip(shares, sources, strict=True))
    np.testing.assert_allclose(found, np.log(powers) / 2, rtol=1e-12)


def test_a_loaded_mixer_blends_alike():
    layer = SpectrogramMixUp(1.0, domain="amplitude", scale="log10")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    one, other = (each(SPECTRA, np.eye(6), seed=seed_of())[0] for each in (layer, copy))
    np.testing.assert_array_equal(one, other)
