"""The resident memory of every mixer on the way through many batches.

Run as a module with the name of a mixer and a number of batches it measures one process and prints
JSON.
"""

import json
import sys
from typing import NamedTuple

from benchmarking import fresh, machine, rows

# Samples of a batch at most; batches of an epoch, after which a ragged one follows; classes.
BATCH, EPOCH, CLASSES = 16, 20, 10
# At how many points of the way the memory is read.
POINTS = 10
# How many times the memory after the first point that after the last may be.
LIMIT = 1.02


class Leaf(NamedTuple):
    """One leaf of the inputs.

    Attributes:
        shape: Its largest shape, without the batch.
        varied: How many of the first axes of that vary in `PIPELINES` that vary sizes.
        dtype: "float32", "int64" for ids, or "string".
    """

    shape: tuple[int, ...]
    varied: int = 0
    dtype: str = "float32"


IMAGE = {"x": Leaf((32, 32, 3), 2)}
WAVEFORM = {"x": Leaf((2_000,), 1)}
SPECTROGRAM = {"x": Leaf((64, 32), 1)}
TABLE = {"age": Leaf(()), "income": Leaf(()), "job": Leaf((), dtype="int64")}
PAIR = {"image": Leaf((32, 32, 3), 2), "caption": Leaf((), dtype="string")}
CLIP = {"video": Leaf((10, 16, 16, 3)), "sound": Leaf((2_000,))}
THREE = {"image": Leaf((32, 32, 3), 2), "sound": Leaf((2_000,), 1), "table": Leaf((8,))}
# What a mixer takes, if not images alone.
INPUTS = {
    "BetweenClass": WAVEFORM,
    "CrossModalMix": THREE,
    "MixGen": PAIR,
    "SpecAugment": SPECTROGRAM,
    "SpecMix": SPECTROGRAM,
    "SpectrogramMixUp": SPECTROGRAM,
    "SynchronizedAugmentation": CLIP,
    "TabularMix": TABLE,
}
# {pipeline: (whether the number of samples varies, whether the sizes of a sample do)}.
PIPELINES = {
    "equal batches, the last one of each epoch ragged": (False, False),
    "batches of 1 to 16 samples": (True, False),
    "batches of 1 to 16 samples of varied sizes": (True, True),
}


def measure(quick):
    """Returns a table for each pipeline: the memory of each mixer after all and after a tenth."""
    names = ("MixUp", "CrossModalMix") if quick else mixers()
    count = 1_000 if quick else 10_000
    found = {name: fresh.figures("curves", name, str(count)) for name in names}
    return [
        rows.table(
            f"Resident memory after {count:,} batches: {title}",
            "MiB",
            [_row(name, curves[title]) for name, curves in found.items()],
        )
        for title in PIPELINES
    ]


def mixers():
    """The names of all layers of datasets."""
    import keras_mix
    from keras_mix.layers._class_modules import IN_MODELS, OPTIONS

    return [
        name for name in keras_mix.layers.__all__ if name not in ("Mixer", *IN_MODELS, *OPTIONS)
    ]


def _row(name, points):
    ratio = points[-1] / points[0]
    return rows.Row(name, points[-1], "after a tenth of them", points[0], ratio, most=LIMIT)


def curve(name, count, batches_vary, sizes_vary):
    """Returns the resident memory in MiB at ten points of the way through `count` batches."""
    batches = dataset(INPUTS.get(name, IMAGE), batches_vary, sizes_vary)
    batches = batches.map(mixer(name), num_parallel_calls=machine.THREADS).prefetch(2)
    points = []
    for number, _ in enumerate(batches.take(count), start=1):
        if number % (count // POINTS) == 0:
            kib = machine.read("/proc/self/status", r"VmRSS:\s*(\d+) kB")
            points.append(round(int(kib) / 1024))
    return points


def mixer(name):
    """Returns a function of (x, y) that applies the mixer of that name."""
    from keras_mix import layers

    special = {
        "CrossModalMix": lambda: layers.CrossModalMix(
            cuts={"image": layers.CutMix(), "sound": layers.CutMix(spatial_dims=1)}
        ),
        "MixGen": lambda: layers.MixGen(texts=["caption"]),
        "RandomApply": lambda: layers.RandomApply(layers.CutMix()),
        "RandomChoice": lambda: layers.RandomChoice([layers.MixUp(), layers.CutMix()]),
        "SynchronizedAugmentation": _synchronized,
    }
    return special.get(name, getattr(layers, name))()


def _synchronized():
    from keras_mix import layers

    rates = {"video": 10, "sound": 2_000}
    layer = layers.SynchronizedAugmentation(rates, duration=0.5, frames=["video"], flip=0.5)
    return lambda x, y: (layer(x), y)


def dataset(leaves, batches_vary, sizes_vary):
    """Returns an endless dataset of (x, y), x alone or a dict; y is one-hot.

    Args:
        leaves: {name: `Leaf`}.
        batches_vary: Whether each batch has its own number of samples.
        sizes_vary: Whether the samples of each batch have their own sizes, which are then unknown
            to the graph.
    """
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    samples = EPOCH * BATCH + BATCH // 2
    made = {name: _made(rng, (samples, *leaf.shape), leaf.dtype) for name, leaf in leaves.items()}
    labels = np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, samples)]
    batches = tf.data.Dataset.from_tensor_slices((made, labels)).batch(BATCH).repeat()
    numbers = tf.data.Dataset.random(seed=0).batch(2, drop_remainder=True)

    def varied(batch, number):
        x, y = batch
        size = tf.shape(y)[0]
        if batches_vary:
            size = 1 + tf.cast(number[0] % BATCH, tf.int32)
        # From a half to the whole.
        share = 0.5 + tf.cast(number[1] % 1000, tf.float32) / 2000 if sizes_vary else 1.0
        x = {name: _cut(x[name], leaves[name], size, share) for name in x}
        return x.get("x", x), y[:size]

    return tf.data.Dataset.zip(batches, numbers).map(varied)


def _made(rng, shape, dtype):
    if dtype == "string":
        return rng.choice(["a dog", "a red car", "the sea"], shape)
    return rng.integers(0, 9, shape) if dtype == "int64" else rng.random(shape, "float32")


def _cut(tensor, leaf, size, share):
    """The first samples of a leaf, each the first pixels of what it was."""
    import tensorflow as tf

    sizes = [slice(size)]
    if not isinstance(share, float):
        sizes += [
            slice(tf.cast(share * float(length), tf.int32)) for length in leaf.shape[: leaf.varied]
        ]
    return tensor[tuple(sizes)]


def _main(name, count):
    found = {title: curve(name, int(count), *vary) for title, vary in PIPELINES.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
