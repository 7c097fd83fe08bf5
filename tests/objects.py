"""Batches whose pixels tell where they come from: for test_keypoints.py, test_instance_masks.py."""

from typing import NamedTuple

import numpy as np
import pytest
from contract import MIXERS

from keras_mix.layers import RICAP, CutMix, Cutout, FMix, RandomApply, RandomChoice, SpecAugment

SIZE, HEIGHT, WIDTH = 6, 14, 17
FILL = -1


def numbered(size=SIZE, first=0):
    """float32 `(size, HEIGHT, WIDTH, 1)`, images in which each pixel has a number of its own."""
    shape = (size, HEIGHT, WIDTH, 1)
    start = first * HEIGHT * WIDTH
    return np.arange(start, start + np.prod(shape), dtype="float32").reshape(shape)


class Origin(NamedTuple):
    """What each pixel of numbered images shows after they are mixed.

    Attributes:
        sample: `(B, H, W)`, the number of the sample; FILL where the pixel is filled.
        row: `(B, H, W)`, the row in that sample.
        column: `(B, H, W)`, the column in that sample.
    """

    sample: np.ndarray
    row: np.ndarray
    column: np.ndarray


def origin(mixed):
    """The `Origin` of numbered images that a layer has mixed, `(B, H, W)` or `(B, H, W, 1)`."""
    number = np.asarray(mixed).reshape(-1, HEIGHT, WIDTH).astype("int64")
    sample, rest = np.divmod(number, HEIGHT * WIDTH)
    return Origin(np.where(number < 0, FILL, sample), rest // WIDTH, rest % WIDTH)


def choice(**options):
    """Mixers that paste, move, and fill, drawn for each sample."""
    mixers = [CutMix(8.0, pairing="roll"), RICAP(8.0, pairing="roll"), Cutout(fill_value=FILL)]
    return RandomChoice(mixers, **options)


def sometimes(**options):
    return RandomApply(FMix(8.0, pairing="roll"), rate=0.5, **options)


def _strong(row):
    """Arguments with which a mixer visibly mixes, and leaves something of every sample."""
    options = {**row.paired("roll"), **row.strong}
    if row.make is SpecAugment:
        options |= {"time_width": 0.3, "frequency_width": 0.3}
    return options | ({"fill_value": FILL} if row.erases else {})


# Mixers that show each pixel of a source at most once, whole, by name.
PASTING = {
    name: lambda row=row, **options: row.make(**{**_strong(row), **options})
    for name, row in MIXERS.items()
    if row.pastes and not row.resizes and row.make.grid_rank != 1
} | {"RandomChoice": choice, "RandomApply": sometimes}
RESIZING = {
    name: lambda row=row, **options: row.make(**{**_strong(row), **options})
    for name, row in MIXERS.items()
    if row.resizes
}
every_pasting = pytest.mark.parametrize("make", PASTING.values(), ids=PASTING)
every_resizing = pytest.mark.parametrize("make", RESIZING.values(), ids=RESIZING)


def sources_and_weights(pairs):
    """The sources and the weights `(B, S)` of labels that were packed by label_mode="pairs"."""
    return pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()
