"""Sounds, and several modalities of a sample."""

import functools

import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking import limits, rows
from benchmarking.contenders import OURS, Contender, mapped, plus_one, repeated
from benchmarking.images import COPY, rows_of, taking_turns
from benchmarking.rounds import measure as timed

CLASSES = 10
SPECTROGRAM_MIXERS = ("SpecMix", "SpecAugment", "SpectrogramMixUp")
# Shapes, and who mixes them: waveforms B×T, spectrograms B×T×F and B×T×F×C.
SOUNDS = {
    (64, 160_000): ("MixUp", "BetweenClass"),
    (64, 1000, 128): SPECTROGRAM_MIXERS,
    (64, 400, 128, 1): SPECTROGRAM_MIXERS,
}
SAMPLE = {"image": (128, 224, 224, 3), "sound": (128, 16_000), "ids": (128, 64)}
TOKENS = {"kinds": {"ids": "token_ids"}}
# What is cut, and along how many axes; all else is blended, which token ids cannot be.
CUTS = {
    "the ids": {"ids": 1},
    "ids and image": {"image": 2, "ids": 1},
    "all": {"image": 2, "sound": 1, "ids": 1},
}
# How many times the time of its modalities, each mixed alone, a CrossModalMix may take.
JOINT_LIMIT = 1.15


def measure(quick):
    """Tables of the mixers of sounds, and of modalities that are mixed together."""
    rounds = 5 if quick else 15
    return [*(_sounds(*each, rounds) for each in SOUNDS.items()), _together(rounds)]


def _sounds(shape, mixers, rounds):
    """The mixers of sounds of a shape take turns with their limits and a copy."""
    dataset = _dataset({"sound": shape})
    copy = Contender("", COPY, mapped(dataset, _copied))
    limit = {
        mixer: limits.limiting(mixer, limits.SOUNDS[mixer], dataset, _moved) for mixer in mixers
    }
    own = {mixer: Contender(mixer, OURS, mapped(dataset, _layer(mixer))) for mixer in mixers}
    seconds = taking_turns([copy, *own.values(), *limit.values()], rounds)
    floors = limits.aims(limits.SOUNDS)
    made = [
        row
        for mixer in mixers
        for row in rows_of(own[mixer], [limit[mixer], copy], seconds, shape[0], floors)
    ]
    return rows.table(f"Sounds, {rows.shape(shape)}, float32", "samples/s", made)


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
