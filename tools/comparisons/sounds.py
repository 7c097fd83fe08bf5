"""Sounds: mixing waveforms before the front end, and spectrograms after it."""

import keras
import numpy as np

from comparisons import speech
from comparisons.training import fit, gathered, mixed, scored
from keras_mix.layers import BetweenClass, MixUp, SpecAugment, SpecMix

CLASSES, EPOCHS = 10, 60
TRAINING, TEST = 100, 1000  # tones
CLIPS = 120  # spoken digits to train on, of 360; the test has all of its voices
FLOOR = -50  # dB, of silence
FRONT_END = keras.layers.MelSpectrogram(
    fft_length=256,
    sequence_stride=128,
    sampling_rate=speech.RATE,
    num_mel_bins=40,
    min_power=10 ** (FLOOR / 10),
    # Keras takes it from the loudest bin of the batch: a clip would depend on the others.
    top_db=300,
)

ONE_HOT = {"num_classes": CLASSES}
# As wide bands at most on either axis; filled with the mean, as the paper's zeros are.
BANDS = {"time_bands": (1, 3), "frequency_bands": (1, 3), "width": (0.05, 0.3)}
FILLED = {"time_width": 0.2, "frequency_width": 0.2, "fill_value": "mean"}
# {method: (what mixes waveforms or spectrograms, "before" or "after" the front end)}
METHODS = {
    "none": (MixUp(rate=0, **ONE_HOT), "after"),
    "MixUp": (MixUp(**ONE_HOT), "before"),
    "BetweenClass": (BetweenClass(sampling_rate=speech.RATE, **ONE_HOT), "before"),
    "MixUp, spectrograms": (MixUp(**ONE_HOT), "after"),
    "SpecMix, 1 to 3 bands of 5 to 30 %": (SpecMix(**BANDS, **ONE_HOT), "after"),
    "SpecAugment": (SpecAugment(**FILLED, **ONE_HOT), "after"),
}


def run(seeds, epochs=EPOCHS):
    """{data set: {method: {score: [one for each seed]}}}."""
    sets = {"tones": tones}
    if speech.available():
        sets["spoken digits"] = spoken
    return {
        name: {
            method: gathered([_trained(make, *how, seed, epochs) for seed in range(seeds)])
            for method, how in METHODS.items()
        }
        for name, make in sets.items()
    }


def tones(seed):
    """((clips, ids) to train on, (clips, ids) of the test): whole tones in any timbre, in noise."""
    rng = np.random.default_rng(seed)
    return _notes(TRAINING, rng), _notes(TEST, rng)


def spoken(seed):
    """Digits by four voices to train on, and by five others."""
    clips, ids = speech.recordings(speech.TRAINING_VOICES)
    chosen = np.random.default_rng(seed).permutation(len(ids))[:CLIPS]
    return (clips[chosen], ids[chosen]), speech.recordings(speech.TEST_VOICES)


def spectrograms(clips):
    """Waveforms (B, T) as log-mel spectrograms (B, frames, 40); 0 is silence."""
    return keras.ops.swapaxes(FRONT_END(clips), 1, 2) / -FLOOR + 1


def encoder(shape):
    """A small convolutional network from a spectrogram to a vector; its bands stay in order."""
    layers = keras.layers
    inputs = keras.Input(shape)
    x = layers.Reshape((*shape, 1))(inputs)
    for channels in (16, 32, 64):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False)(x)
        # The default momentum needs more steps than these.
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, layers.Flatten()(keras.ops.mean(x, axis=1)))


def _notes(number, rng):
    """(clips, ids)."""
    ids = np.arange(number) % CLASSES
    detuned = ids + rng.uniform(-0.3, 0.3, number)  # in whole tones
    pitch = 220 * 2 ** (detuned / 6)  # in hertz
    harmonics = np.arange(1, 6)
    loud = rng.exponential(1, (number, len(harmonics)))
    phase = rng.uniform(0, 2 * np.pi, (number, len(harmonics)))
    time = np.arange(speech.LENGTH) / speech.RATE
    clips = np.zeros((number, speech.LENGTH))
    for i, harmonic in enumerate(harmonics):
        turns = harmonic * pitch[:, None] * time
        clips += loud[:, i, None] * np.sin(2 * np.pi * turns + phase[:, i, None])
    start, length = rng.uniform(0, 0.5, (2, number, 1))
    clips *= (time >= start) & (time < start + 0.1 + length)
    clips += rng.normal(0, 1, clips.shape)
    return (clips / np.abs(clips).max(axis=1, keepdims=True)).astype("float32"), ids


def _trained(make, mixer, where, seed, epochs):
    """The scores of one network."""
    (clips, ids), (test, test_ids) = make(seed)
    if where == "before":
        dataset = mixed(mixer, clips, ids, seed).map(_front_end)
    else:
        dataset = mixed(mixer, spectrograms(clips), ids, seed)
    test = spectrograms(test)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([encoder(test.shape[1:]), keras.layers.Dense(CLASSES)])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    fit(model, dataset, epochs, loss=loss, rate=3e-3)
    return scored(model.predict(test, verbose=0), test_ids)


def _front_end(clips, labels):
    return spectrograms(clips), labels
