"""Digits spoken by the program espeak-ng, a package of Debian and others."""

import functools
import io
import itertools
import shutil
import subprocess
import wave

import numpy as np
from scipy import signal

RATE = 8000  # samples a second
LENGTH = 8000  # samples of a clip
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Nobody in the test was heard in training. (The voice en-gb would not do: it takes no variants.)
TRAINING_VOICES = ("en-us+m1", "en-us+f1", "en+m3", "en+f3")
TEST_VOICES = ("en-us+m7", "en+f5", "en-gb-scotland+m2", "en-029+f4", "en-gb-x-rp+Andrea")
SPEEDS = (130, 160, 190)  # words a minute
PITCHES = (35, 50, 65)  # of espeak-ng's 0 to 99


def available():
    """Returns whether the program is installed."""
    return shutil.which("espeak-ng") is not None


@functools.cache
def recordings(voices):
    """(clips, ids): all digits in all voices, speeds and pitches.

    Args:
        voices: A tuple of names of voices.

    Returns:
        float32 (N, LENGTH) with a peak of 1, each followed by silence; and int64 (N,).
    """
    ways = list(itertools.product(range(len(WORDS)), voices, SPEEDS, PITCHES))
    clips = np.stack([_clip(_spoken(WORDS[digit], *way)) for digit, *way in ways])
    return clips, np.array([digit for digit, *_ in ways])


def _spoken(text, voice, speed, pitch):
    """float64 (T,) at RATE."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    done = subprocess.run(command, capture_output=True, check=True)
    with wave.open(io.BytesIO(done.stdout)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype("float64")
    return signal.resample_poly(samples, RATE, rate)


def _clip(samples):
    """The first LENGTH samples, padded by silence."""
    samples = samples[:LENGTH] / np.abs(samples).max()
    return np.pad(samples, (0, LENGTH - len(samples))).astype("float32")
