"""The loudness of sounds: the mean power of all of a sound, or of its loudest window."""

import numpy as np

from keras_mix._core.backend import xp

# Relative to full scale. Quieter sounds are clipped to it, so that gains stay bounded.
_SILENCE = 1e-8  # -80 dB


def mean_power(sounds, axis, valid=None):
    """The mean power over valid time steps.

    Args:
        sounds: `(B, ...)`, with one time axis.
        axis: The time axis. The power of channels is summed.
        valid: bool `(B, T)`, the time steps that count; None for all.

    Returns:
        float64 `(B,)`.
    """
    channels = [a for a in range(1, len(sounds.shape)) if a != axis]
    powers = xp.reduce_sum(xp.square(xp.cast(sounds, "float64")), axis=channels)
    if valid is None:
        return xp.reduce_mean(powers, axis=1)
    total = xp.reduce_sum(xp.where(valid, powers, xp.zeros([], "float64")), axis=1)
    # A sound of padding alone has no power.
    count = xp.maximum(xp.count_nonzero(valid, axis=1), 1)
    return total / xp.cast(count, "float64")


def pressure(sounds, axis, window, sampling_rate=None):
    """The root of the mean power of the loudest window, at least -80 dB.

    Windows overlap by half. A clip shorter than a window is padded by zeros.

    Args:
        sounds: `(B, ...)`, with one time axis.
        axis: The time axis. The power of channels is summed.
        window: The length of a window, an even number of time steps.
        sampling_rate: Time steps per second, for A-weighted power; None for unweighted power.

    Returns:
        float64 `(B,)`.
    """
    last = len(sounds.shape) - 1
    order = [0, *(a for a in range(1, last + 1) if a != axis), axis]
    sounds = xp.transpose(sounds, order) if order != list(range(last + 1)) else sounds
    shape = xp.shape(sounds)
    sounds = xp.reshape(sounds, [shape[0], -1, shape[last]])
    missing = xp.maximum(window - shape[last], 0)
    sounds = xp.pad(sounds, [[0, 0], [0, 0], [0, missing]])
    powers = (
        _powers(sounds, window)
        if sampling_rate is None
        else _weighted(sounds, window, sampling_rate)
    )
    return xp.sqrt(xp.maximum(xp.reduce_max(powers, axis=1), _SILENCE))


def _powers(sounds, window):
    """float64 `(B, windows)`, the mean squares."""
    half = window // 2
    number = xp.shape(sounds)[2] // half
    squares = xp.square(xp.cast(sounds[..., : number * half], "float64"))
    squares = xp.reshape(xp.reduce_sum(squares, axis=1), [-1, number, half])
    halves = xp.reduce_sum(squares, axis=2)
    return (halves[:, :-1] + halves[:, 1:]) / window


def _weighted(sounds, window, sampling_rate):
    """float64 `(B, windows)`, the A-weighted power of windows with a Hann taper."""
    frames = xp.frame(xp.cast(sounds, "float32"), window, window // 2)
    spectra = xp.rfft(frames * xp.hann_window(window))
    power = xp.square(xp.real(spectra)) + xp.square(xp.imag(spectra))
    weights = xp.constant(_a_weights(sampling_rate, window), "float32")
    # Not `matvec`, which is wrong eagerly with several batch axes (seen on TF 2.21).
    weighted = xp.tensordot(power, weights, 1)
    return xp.cast(xp.reduce_sum(weighted, axis=1), "float64")


def _a_weights(sampling_rate, window):
    """float64 `(window // 2 + 1,)`, the A-weighting of the power of each frequency.

    The curve of IEC 61672, which is 1 at 1000 Hz, at least -80 dB.
    """
    squares = np.square(np.linspace(0.0, sampling_rate / 2, window // 2 + 1))
    response = 12194.0**2 * np.square(squares)
    response /= (squares + 20.6**2) * (squares + 12194.0**2)
    response /= np.sqrt((squares + 107.7**2) * (squares + 737.9**2))
    return np.maximum(np.square(response) * 10**0.2, _SILENCE)
