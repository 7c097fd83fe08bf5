"""Sounds, several modalities of a sample, and partners by label over a whole data set.

Run as a module with a number of targets it measures pairing in one fresh process and prints JSON;
with 0 the same batches come without partners.
"""

import functools
import json
import statistics
import sys
import time

import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking import fresh, limits
from benchmarking.comparison import COPY, rows_of
from benchmarking.contenders import OURS, Contender, mapped, plus_one, repeated
from benchmarking.rounds import measure, ratio

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
PAIRED = 100_000
TARGETS = (1, 2)
# MiB that pairing may add to the peak memory of a process.
MEMORY_LIMIT = 256


def sounds(rounds):
    """Measures the speed of the mixers of sounds, in turns with their limits and a copy.

    Returns:
        A list of groups: their shapes, and rows as those of `comparison.compare`.
    """
    groups = []
    floors = limits.aims(limits.SOUNDS)
    for shape, mixers in SOUNDS.items():
        dataset = _dataset({"sound": shape})
        found = [Contender("", COPY, mapped(dataset, functools.partial(_moved, plus_one)))]
        for mixer in mixers:
            found += [
                Contender(mixer, OURS, mapped(dataset, _layer(mixer))),
                limits.limiting(mixer, limits.SOUNDS[mixer], dataset, _moved),
            ]
        seconds = measure([contender.step for contender in found], rounds)
        rows = [row for mixer in mixers for row in rows_of(mixer, shape[0], found, seconds, floors)]
        like = {"shape": shape, "dtype": "float32", "classes": CLASSES}
        groups.append({**like, "rows": rows, "absent": {}})
    return groups


def joint(rounds):
    """Compares the time of `CrossModalMix` with those of its modalities, each mixed alone.

    Returns:
        Rows: what is cut, microseconds a sample, ours against the copy, the ratio to the sum of
        the modalities' times, and its limit.
    """
    return [_joint(what, rounds) for what in CUTS]


def pairing(repeats):
    """Measures `pair_by_label` for a data set in memory, as medians over new processes.

    Returns:
        Rows: samples, targets, seconds to the first batch of the first epoch and of a later one,
        when all partners are drawn, MiB beyond the peak without partners, and their limit.
    """
    counts = [0, *TARGETS]
    runs = [
        {count: fresh.figures("modalities", str(count)) for count in counts} for _ in range(repeats)
    ]
    return [
        {
            "samples": PAIRED,
            "targets": count,
            "first": statistics.median(run[count]["first"] for run in runs),
            "later": statistics.median(run[count]["later"] for run in runs),
            "mib": statistics.median(run[count]["mib"] - run[0]["mib"] for run in runs),
            "limit": MEMORY_LIMIT,
        }
        for count in TARGETS
    ]


def exceeded(joint, pairing):
    """Returns sentences on figures above their limits."""
    slow = [
        f"CrossModalMix that cuts {row['what']}: {row['ratio']:.2f}× the time of its parts"
        for row in joint
        if row["ratio"] > row["limit"]
    ]
    large = [
        f"pair_by_label by {row['targets']} targets: {row['mib']:.0f} MiB"
        for row in pairing
        if row["mib"] > row["limit"]
    ]
    return slow + large


def _joint(what, rounds):
    cuts = CUTS[what]
    together = _layer("CrossModalMix", cuts={name: _alone(name, cuts) for name in cuts}, **TOKENS)
    copying = functools.partial(_moved, plus_one)
    steps = [mapped(_dataset(SAMPLE), function) for function in (copying, together)]
    steps += [
        mapped(_dataset({name: shape}), _alone(name, cuts, **(TOKENS if name == "ids" else {})))
        for name, shape in SAMPLE.items()
    ]
    copy, own, *alone = measure(steps, rounds)
    parts = [sum(times) for times in zip(*alone, strict=True)]
    return {
        "what": what,
        "microseconds": 1e6 * statistics.median(own) / SAMPLE["image"][0],
        "copy": ratio(own, copy),
        "ratio": ratio(parts, own),
        "limit": JOINT_LIMIT,
    }


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


def _main(targets):
    rng = np.random.default_rng(0)
    x = rng.random((PAIRED, 8), "float32")
    y = rng.normal(size=(PAIRED, max(targets, 1))).astype("float32")
    start = time.perf_counter()
    if targets:
        dataset = keras_mix.data.pair_by_label(x, y)
    else:
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    next(iter(dataset))
    first = time.perf_counter() - start
    start = time.perf_counter()
    epoch = iter(dataset)
    next(epoch)
    later = time.perf_counter() - start
    for _ in epoch:
        pass
    print(json.dumps({"first": first, "later": later, "mib": fresh.peak_memory() / 2**20}))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
