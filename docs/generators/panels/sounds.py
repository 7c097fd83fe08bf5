"""Panels of mixers of sounds, on four sounds that are computed here."""

import functools

import matplotlib
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

from keras_mix import layers
from panels.panel import Panel, label

RATE = 8000
NAMES = ["glide", "beeps", "hum", "noise"]
IDS = np.arange(len(NAMES))
SEED = (3, 1)
SIDE = 256
FLOOR = -60.0


@functools.cache
def waves():
    """float32 (4, RATE), one second of each of NAMES."""
    time = np.arange(RATE) / RATE
    glide = 0.8 * np.sin(np.pi * time) * np.sin(2 * np.pi * (300 * time + 1200 * time**2))
    beeps = 0.3 * np.sin(2 * np.pi * 1800 * time) * (time % 0.25 < 0.12)
    hum = sum(np.sin(2 * np.pi * 110 * k * time) / k for k in range(1, 9)) / 3
    noise = 0.2 * np.random.default_rng(0).standard_normal(RATE)
    # A little noise in each shows in spectrograms what is filled.
    return (np.stack([glide, beeps, hum, noise]) + 0.1 * noise).astype("float32")


@functools.cache
def spectrograms():
    """float32 (4, T, F), in decibels below the loudest."""
    power = tf.abs(tf.signal.stft(waves(), 256, 64)) ** 2
    power /= tf.reduce_max(power, axis=(1, 2), keepdims=True)
    return np.maximum(10 * np.log10(np.array(power) + 1e-9), FLOOR).astype("float32")


def of_spectrograms(name, **options):
    """Returns two sounds and their mixture, as spectrograms."""
    sounds = spectrograms()
    layer = getattr(layers, name)(num_classes=len(NAMES), **options)
    mixed, labels = layer(sounds, IDS, seed=tf.constant(SEED))
    partner = Panel(spectrogram_pixels(sounds[1]), "Its partner", "beeps 1.00")
    return [
        Panel(spectrogram_pixels(sounds[0]), "A sample", "glide 1.00"),
        *([partner] if "pairing" in options else []),
        Panel(spectrogram_pixels(mixed[0]), name, label(labels[0], NAMES)),
    ]


def of_waves(name, **options):
    """Returns two waveforms of different loudness and their mixture."""
    layer = getattr(layers, name)(pairing="roll", num_classes=len(NAMES), **options)
    mixed, labels = layer(waves(), IDS, seed=tf.constant(SEED))
    return [
        Panel(wave_pixels(waves()[0]), "A sample", "glide 1.00, loud"),
        Panel(wave_pixels(waves()[1]), "Its partner", "beeps 1.00, quiet"),
        Panel(wave_pixels(mixed[0]), name, label(labels[0], NAMES)),
    ]


def spectrogram_pixels(sound):
    """Returns a spectrogram (T, F) as pixels, high frequencies at the top."""
    colors = matplotlib.colormaps["magma"](1 - np.flipud(np.array(sound).T) / FLOOR, bytes=True)
    return np.array(Image.fromarray(colors[..., :3]).resize((SIDE, SIDE)))


def wave_pixels(wave):
    """Returns a waveform as pixels: for each column the range of its samples."""
    picture = Image.new("RGBA", (SIDE, SIDE), (128, 128, 128, 24))
    pen = ImageDraw.Draw(picture)
    for column, part in enumerate(np.array_split(np.array(wave), SIDE)):
        low, high = (SIDE / 2 * (1 - x) for x in (part.max(), part.min()))
        pen.line([(column, low), (column, high)], fill=(92, 107, 192, 255))
    return np.array(picture)


DRAWN = {
    "SpecMix": functools.partial(of_spectrograms, "SpecMix", pairing="roll"),
    "SpectrogramMixUp": functools.partial(
        of_spectrograms, "SpectrogramMixUp", alpha=8.0, pairing="roll"
    ),
    "SpecAugment": functools.partial(of_spectrograms, "SpecAugment", fill_value=FLOOR),
    "BetweenClass": functools.partial(of_waves, "BetweenClass", alpha=8.0, sampling_rate=RATE),
    "NoiseMix": functools.partial(of_waves, "NoiseMix", snr=6),
}
