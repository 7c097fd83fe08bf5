"""Sounds, sequences and tables, and several modalities of a sample."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking import limits, rows
from benchmarking.contenders import OURS, Contender, mapped, plus_one, repeated
from benchmarking.images import COPY, rows_of, taking_turns
from benchmarking.rounds import measure as timed

CLASSES = 10


class Case(NamedTuple):
    """What is mixed alone.

    Attributes:
        what: Its name; "ids" are integers, all else floats.
        shape: Its shape.
        mixers: {the name of a mixer: its options}.
        limit: {the name of a mixer: its `limits.Limit`}.
    """

    what: str
    shape: tuple[int, ...]
    mixers: dict
    limit: dict


TOKENS = {"kinds": {"ids": "token_ids"}}
OF_WAVES = {"MixUp": {}, "BetweenClass": {}}
OF_SPECTROGRAMS = {"SpecMix": {}, "SpecAugment": {}, "SpectrogramMixUp": {}}
OF_IDS = {"CutMix": {"spatial_dims": 1, **TOKENS}}
# Waveforms B×T, spectrograms B×T×F and B×T×F×C, sequences of ids B×T, and tables B×F, of which one
# has a million rows.
CASES = (
    Case("waveforms", (64, 160_000), OF_WAVES, limits.SOUNDS),
    Case("spectrograms", (64, 1000, 128), OF_SPECTROGRAMS, limits.SOUNDS),
    Case("spectrograms", (64, 400, 128, 1), OF_SPECTROGRAMS, limits.SOUNDS),
    Case("ids", (512, 2048), OF_IDS, limits.IMAGES),
    Case("table", (4096, 32), {"TabularMix": {}}, limits.TABLES),
    Case("table", (1_000_000, 32), {"TabularMix": {}}, limits.TABLES),
)
SAMPLE = {"image": (128, 224, 224, 3), "sound": (128, 16_000), "ids": (128, 64)}
# What is cut, and along how many axes; all else is blended, which token ids cannot be.
CUTS = {
    "the ids": {"ids": 1},
    "ids and image": {"image": 2, "ids": 1},
    "all": {"image": 2, "sound": 1, "ids": 1},
}
# How many times the time of its modalities, each mixed alone, a CrossModalMix may take.
JOINT_LIMIT = 1.15


def measure(quick):
    """Tables of mixers of one modality, and of modalities that are mixed together."""
    rounds = 5 if quick else 7
    return [*(_alone_of(case, rounds) for case in CASES), _together(rounds)]


def _alone_of(case, rounds):
    """The mixers of a case take turns with their limits and a copy."""
    dataset = _dataset({case.what: case.shape})
    copy = Contender("", COPY, mapped(dataset, _copied))
    own, limit = {}, {}
    for mixer, options in case.mixers.items():
        own[mixer] = Contender(mixer, OURS, mapped(dataset, _layer(mixer, **options)))
        limit[mixer] = limits.limiting(mixer, case.limit[mixer], dataset, _moved)
    seconds = taking_turns([copy, *own.values(), *limit.values()], rounds)
    floors = limits.aims(case.limit)
    made = [
        row
        for mixer in case.mixers
        for row in rows_of(own[mixer], [limit[mixer], copy], seconds, case.shape[0], floors)
    ]
    return rows.table(f"{case.what}, {rows.shape(case.shape)}".capitalize(), "samples/s", made)


def _together(rounds):
    """`CrossModalMix` against its modalities, each mixed alone."""
    made = [row for what in CUTS for row in _joint(what, rounds)]
    shapes = ", ".join(f"{name} {rows.shape(shape)}" for name, shape in SAMPLE.items())
    return rows.table(f"CrossModalMix: {shapes}, float32", "µs a sample", made)


def _joint(what, rounds):
    cuts = CUTS[what]
    together = _layer("CrossModalMix", cuts={name: _alone(name, cuts) for name in cuts}, **TOKENS)
    steps = [mapped(_dataset(SAMPLE), function) for function in (_copied, together)]
    steps += [
        mapped(_dataset({name: shape}), _alone(name, cuts, **(TOKENS if name == "ids" else {})))
        for name, shape in SAMPLE.items()
    ]
    copy, own, *alone = timed(steps, rounds)
    parts = [sum(times) for times in zip(*alone, strict=True)]
    samples = SAMPLE["image"][0]
    return [
        rows.costlier(f"cuts {what}", own, "its modalities alone", parts, samples, JOINT_LIMIT),
        rows.costlier(f"cuts {what}", own, COPY, copy, samples),
    ]


def _alone(name, cuts, **options):
    """Returns the layer that mixes one modality as `CrossModalMix` does."""
    if name in cuts:
        return _layer("CutMix", spatial_dims=cuts[name], **options)
    return _layer("MixUp", alpha=1.0, **options)


def _layer(mixer, **options):
    return getattr(keras_mix.layers, mixer)(**options)


def _dataset(shapes):
    """Returns a dataset that repeats one batch: a dict of modalities, and one-hot labels."""
    rng = np.random.default_rng(0)
    x = {
        name: rng.integers(0, 1000, shape) if name == "ids" else rng.random(shape, "float32")
        for name, shape in shapes.items()
    }
    size = next(iter(shapes.values()))[0]
    return repeated((x, tf.one_hot(rng.integers(0, CLASSES, size), CLASSES)))


def _moved(move, x, y):
    return tf.nest.map_structure(move, x), y


_copied = functools.partial(_moved, plus_one)
