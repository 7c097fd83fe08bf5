"""Sounds mixed before and behind a real front end: Keras's MelSpectrogram and TensorFlow's STFT."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix import data
from keras_mix.layers import BetweenClass, MixUp, SpecMix, SpectrogramMixUp
from keras_mix.models import MixingModel

pytestmark = pytest.mark.slow

SIZE, FRAME, FRAMES, CLASSES = 6, 64, 10, 3


def stft(waves):
    """Complex [B, FRAMES, FRAME // 2 + 1] of frames side by side, without a window."""
    return tf.signal.stft(waves, FRAME, FRAME, window_fn=None)


def front(name):
    """The layers from waveforms (B, samples) to spectrograms (B, T, F, 1)."""
    if name == "stft":
        bands = FRAME // 2 + 1
        layers = [keras.layers.Lambda(lambda waves: tf.abs(stft(waves)))]
    else:
        bands = 8  # wide enough that none is empty
        mel = keras.layers.MelSpectrogram(
            FRAME, FRAME, num_mel_bins=bands, sampling_rate=4000, min_freq=60, power_to_db=False
        )
        layers = [mel, keras.layers.Permute((2, 1))]
    return [*layers, keras.layers.Reshape((-1, bands, 1), name="spectrogram")]


def levels(waves):
    """Decibels of the bins of the two tones: [B, FRAMES, 2]."""
    return 10 * np.log10(np.abs(stft(waves))[..., 4:10:5] ** 2 + 1e-3)


def spectrograms(name, waves):
    layers = [keras.Input(waves.shape[1:]), *front(name)]
    return keras.Sequential(layers)(waves).numpy()


def noises():
    return np.random.default_rng(0).uniform(-1, 1, (SIZE, FRAMES * FRAME)).astype("float32")


@pytest.mark.parametrize("make", [MixUp, BetweenClass], ids=lambda make: make.__name__)
def test_waveforms_are_mixed_as_their_complex_spectra_would_be(make):
    waves, layer = noises(), make(2.0, pairing="roll", num_classes=SIZE)
    plan = layer.plan(waves[..., None], seed_of())
    gains = getattr(plan.combine, "gains", plan.weights).numpy()
    expected = np.einsum("bs,bstf->btf", gains, stft(waves).numpy()[plan.sources.numpy()])
    dataset = tf.data.Dataset.from_tensor_slices((waves, np.arange(SIZE))).batch(SIZE)
    mixing = dataset.map(lambda x, y: layer(x, y, seed=seed_of()))
    spectra, labels = next(iter(mixing.map(lambda x, y: (stft(x), y))))
    np.testing.assert_allclose(spectra, expected, atol=1e-4)
    np.testing.assert_array_equal(np.diag(labels), plan.weights[:, 0])


@pytest.mark.parametrize("name", ["stft", "mel"])
def test_labels_are_the_shares_of_spectrograms(name):
    """Of one noise in several strengths, whose spectrograms are constant beside the first's."""
    strength = np.arange(1, SIZE + 1, dtype="float32")
    spectra = spectrograms(name, noises()[:1] * strength[:, None])
    flat = spectra / spectra[:1]
    values = strength ** {"stft": 1, "mel": 2}[name]
    np.testing.assert_allclose(flat, np.broadcast_to(values[:, None, None, None], flat.shape), 1e-4)
    bands = {"time_bands": (1, 2), "frequency_bands": (1, 2)}
    mixed, labels = SpecMix(**bands, pairing="derange", num_classes=SIZE)(
        flat, np.arange(SIZE), seed=seed_of()
    )
    assert ((np.diag(labels) > 0) & (np.diag(labels) < 1)).all()
    np.testing.assert_allclose(np.mean(mixed, axis=(1, 2, 3)), labels.numpy() @ values, rtol=1e-4)


def test_sounds_of_one_loudness_add_up_as_their_powers_do():
    """Two tones, each with bins of its own, mixed half and half on either side of the STFT."""
    time = np.arange(FRAMES * FRAME) * 2 * np.pi / FRAME
    tones = np.stack([np.sin(4 * time), np.sin(9 * time)]).astype("float32")
    half = {"alpha": 1e6, "pairing": "reverse"}
    before = levels(BetweenClass(**half)(tones[..., None])[..., 0])
    behind = SpectrogramMixUp(domain="power", **half)(levels(tones)[..., None])
    np.testing.assert_allclose(before, behind[..., 0], atol=0.05)


def test_a_network_learns_from_sounds_mixed_on_both_sides():
    ids = np.arange(48) % CLASSES
    time = np.arange(FRAMES * FRAME) * 2 * np.pi / FRAME
    starts = np.random.default_rng(0).uniform(0, 2 * np.pi, (48, 1))
    waves = np.sin((4 + 6 * ids[:, None]) * time + starts).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((waves, ids)).batch(24)
    dataset = data.mix(dataset, MixUp(num_classes=CLASSES, jit_compile=False), seed=1)
    last = [keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax")]
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input(waves.shape[1:]), *front("mel"), *last])
    model = MixingModel(network, mixer=SpecMix(rate=0.5), mix_at=["spectrogram"], seed=1)
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", jit_compile=True)
    losses = model.fit(dataset, epochs=8, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    clean = np.argmax(network(waves), axis=1)
    assert np.mean(clean == ids) > 0.9
