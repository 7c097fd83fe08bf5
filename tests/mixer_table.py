"""The table of all mixers, which keep the laws of `contract`, and the images they are tried on.

A new mixer is one more row of `MIXERS`. Nothing here needs TensorFlow.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_mix import layers


class Row(NamedTuple):
    """A mixer, and what its laws depend on.

    Attributes:
        make: The class.
        strong: Arguments with which it visibly mixes every sample that has a partner.
        off: Arguments with which it mixes nothing.
        varied: Arguments with the values that are tried.
        pastes: Whether every pixel comes from exactly one source.
        erases: Whether it only fills pixels.
        moves: Whether its sources move, so that a sample mixed with itself is another one.
        resizes: Whether its sources are read between their pixels.
        fixed: Whether its share of each source is no draw.
        looks: Whether its regions, or how loud its sources are, depend on the images.
        scatters: Whether each sample's region has its own place where one draw serves the batch.
        smallest: The least height and width of its images.
        read: Of a blend of `membership_images` that is not the plain one: reads the sources'
            shares, in the last axis, from mixed pixels.
    """

    make: type
    strong: dict
    off: dict
    varied: dict
    pastes: bool = True
    erases: bool = False
    moves: bool = False
    resizes: bool = False
    fixed: bool = False
    looks: bool = False
    scatters: bool = False
    smallest: int = 1
    read: Callable | None = None

    def paired(self, pairing):
        """The pairing as an option, for mixers that draw partners."""
        return {} if self.erases else {"pairing": pairing}

    @property
    def sources(self):
        """The number of sources of a sample."""
        return self.make.num_sources

    def grid(self, *sizes):
        """The sizes, as large as the mixer needs them."""
        return tuple(max(size, self.smallest) for size in sizes)


def shares_of_gains(pixels):
    """Of sounds of one loudness, whose gains are as their shares."""
    return pixels / pixels.sum(axis=-1, keepdims=True)


def shares_of_powers(pixels):
    """Of dB, where the powers are blended: 1 dB over 0 dB."""
    return (10 ** (pixels / 10) - 1) / (10**0.1 - 1)


ALPHAS = {"alpha": [0.01, 0.2, 1.0, 8.0, (0.5, 2.0)], "keep_major": [False, True]}
BY_ALPHA = {"strong": {"alpha": 8.0}, "off": {"alpha": 0}, "varied": ALPHAS}
MOVES = {"moves": True, "smallest": 2}
MIXERS = {
    "MixUp": Row(layers.MixUp, **BY_ALPHA, pastes=False),
    "MixGen": Row(
        layers.MixGen,
        strong={},
        off={"rate": 0},
        varied={"mixing_weight": [0.5, 0.1]},
        pastes=False,
        fixed=True,
    ),
    "CutMix": Row(layers.CutMix, **BY_ALPHA),
    "FMix": Row(
        layers.FMix,
        strong={"alpha": 8.0, "decay": 2.5},
        off={"alpha": 0},
        varied={**ALPHAS, "decay": [1.0, 3.0], "spectrum": ["paper", "code"]},
    ),
    "RICAP": Row(layers.RICAP, **BY_ALPHA, **MOVES),
    "ResizeMix": Row(
        layers.ResizeMix,
        strong={"scale": [0.5, 0.9]},
        off={"rate": 0},
        varied={"scale": [(0.1, 0.8), (0.0, 1.0)]},
        moves=True,
        resizes=True,
        scatters=True,
    ),
    # Without a previous batch it is mixed with itself; the recursion: `test_recursive_mix`.
    "RecursiveMix": Row(
        layers.RecursiveMix,
        strong={"fraction": [0.3, 0.8]},
        off={"rate": 0},
        varied={"fraction": [(0.0, 0.5), (0, 1)]},
        moves=True,
        resizes=True,
    ),
    "SaliencyMix": Row(layers.SaliencyMix, **BY_ALPHA, looks=True),
    "SmoothMix": Row(
        layers.SmoothMix,
        strong={"sigma": [0.3, 0.6]},
        off={"rate": 0},
        varied={"sigma": [(0.25, 0.5), (0.01, 3.0)]},
        pastes=False,
    ),
    "CowMix": Row(
        layers.CowMix,
        strong={"fraction": [0.3, 0.7]},
        off={"fraction": [0, 0]},
        varied={
            "fraction": [(0.2, 0.8), (0, 1)],
            "sigma": [(0.125, 0.5), (0.02, 0.1)],
            "wrap": [False, True],
        },
    ),
    "GridMix": Row(
        layers.GridMix,
        strong={"alpha": 8.0, "cells": [3, 5]},
        off={"alpha": 0},
        varied={**ALPHAS, "cells": [1, 4, (2, 7)]},
    ),
    "GuidedMixup": Row(
        layers.GuidedMixup, strong={}, off={"rate": 0}, varied={}, pastes=False, looks=True
    ),
    "Mosaic": Row(
        layers.Mosaic,
        strong={"offset": [0.4, 0.6]},
        off={"rate": 0},
        varied={"offset": [(0.25, 0.75), (0, 1)]},
        resizes=True,
        **MOVES,
    ),
    "TabularMix": Row(layers.TabularMix, **BY_ALPHA, pastes=False),
    "Cutout": Row(
        layers.Cutout,
        strong={"size": 0.75, "fill_value": 77},
        off={"rate": 0},
        varied={"size": [0.1, 0.5, 1.0, 1], "count": [1, 3], "fill_value": [77]},
        erases=True,
    ),
    "GridMask": Row(
        layers.GridMask,
        strong={"keep_ratio": 0.3, "fill_value": 77},
        off={"keep_ratio": 1.0},
        varied={"unit": [(0.43, 1.0), (0.1, 0.2)], "rotation": [0, 360], "fill_value": [77]},
        erases=True,
    ),
    "SpecMix": Row(
        layers.SpecMix,
        strong={"time_bands": [1, 3], "frequency_bands": [1, 3], "width": [0.2, 0.5]},
        off={"time_bands": 0, "frequency_bands": [0, 0]},
        varied={"time_bands": [0, 2, (1, 3)], "width": [(0.05, 0.3), (0, 1), (0.5, 0.5)]},
    ),
    "SpecAugment": Row(
        layers.SpecAugment,
        strong={"time_width": 0.9, "frequency_width": 0.9, "fill_value": 77},
        off={"time_masks": 0, "frequency_masks": 0},
        varied={
            "time_masks": [0, 1, 3],
            "time_width": [1, 100, 0.3],
            "frequency_width": [2, 1.0],
            "max_time_fraction": [0.0, 0.5, 1.0],
            "fill_value": [77],
        },
        erases=True,
    ),
    "BetweenClass": Row(
        layers.BetweenClass, **BY_ALPHA, pastes=False, looks=True, read=shares_of_gains
    ),
    "SpectrogramMixUp": Row(
        layers.SpectrogramMixUp, **BY_ALPHA, pastes=False, read=shares_of_powers
    ),
    "NoiseMix": Row(
        layers.NoiseMix,
        strong={"snr": [-10, 10]},
        off={"rate": 0},
        varied={"snr": [0, (-20, 20)]},
        pastes=False,
        looks=True,
        read=shares_of_gains,
    ),
}
SEED = (1, 2)
SEEDS = [(0, 0), (1, 2), (-3, 4), (5, -6), (-(2**31), 2**31 - 1)]
# Bits that arithmetic loses: the zero's sign, what is not finite, a subnormal.
FRAGILE = np.array([-0.0, np.inf, -np.inf, np.nan, 1e-40, 3.0], np.float32)
MIXING = {name: row for name, row in MIXERS.items() if not row.erases}


def constant_images(size, height, width, dtype="uint8"):
    """Every pixel of sample i is i."""
    return np.tile(np.arange(size, dtype=dtype)[:, None, None, None], (1, height, width, 1))


def membership_images(size, height, width):
    """Channel i of sample i is 1, all others 0: a mixed pixel is the row of its shares."""
    return np.tile(np.eye(size, dtype="float32")[:, None, None], (1, height, width, 1))


def random_images(size, height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((size, height, width, channels), np.float32)


def bits(array):
    array = np.ascontiguousarray(array)
    return array.view(f"u{array.itemsize}")
