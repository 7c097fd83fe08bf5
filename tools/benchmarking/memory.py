"""What pooled memory is worth: maps, and a whole `fit`.

Run as a module with the name of a regime and of a task it measures one process and prints JSON.
"""

import statistics
import sys
import time

from benchmarking import fresh, regimes, rows

BATCH, SIDE, CLASSES = 128, 224, 10
# Fresh processes of each kind.
REPEATS = 2
FIT_BATCH, FIT_IMAGES, STORED = 64, 512, 256


def measure(quick):
    """Medians over fresh processes, in which the regimes take turns.

    The maps of a layer, and the epochs of a `fit` whose pipeline decodes, crops and mixes.
    """
    return [
        rows.table("Pooled memory, a map", "images/s", _rows("maps")),
        rows.table("Pooled memory, a whole fit", "images/s", _rows("fit")),
    ]


def _rows(task):
    runs = [
        {regime: fresh.figures("memory", regime, task) for regime in regimes.REGIMES}
        for _ in range(REPEATS)
    ]
    made = []
    for name in runs[0][regimes.DEFAULT]:
        pooled, default = (
            [1 / run[regime][name] for run in runs] for regime in (regimes.POOLED, regimes.DEFAULT)
        )
        made.append(rows.faster(name, pooled, "default memory", default, samples=1))
    return made


def maps():
    """Images/s of each layer, the same batch over and over."""
    from benchmarking import contenders, rounds

    dataset = contenders.Workload(BATCH, SIDE, "float32", CLASSES).dataset()
    layers = _layers()
    seconds = rounds.measure([contenders.mapped(dataset, each) for each in layers.values()], 5)
    return {
        name: BATCH / statistics.median(each) for name, each in zip(layers, seconds, strict=True)
    }


def _layers():
    """{name: function of a dict of images and labels}."""
    import keras

    import keras_mix
    from benchmarking import contenders

    return {
        "copy (x + 1)": contenders.copied,
        **{
            f"{library.__name__}.{mixer}": getattr(library, mixer)(**arguments)
            for mixer, arguments in contenders.MIXERS.items()
            for library in (keras_mix.layers, keras.layers)
        },
    }


def fit():
    """Images/s of epochs of `fit` that wait for a pipeline: decode, crop, batch, mix, prefetch."""
    import keras
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (16, 8, 8, 3)).astype("float32")
    pictures = tf.cast(tf.image.resize(coarse, (STORED, STORED)), tf.uint8)
    files = [tf.io.encode_jpeg(picture) for picture in pictures] * (FIT_IMAGES // 16)
    labels = np.arange(FIT_IMAGES) % CLASSES

    def decoded(file, label):
        image = tf.image.random_crop(tf.io.decode_jpeg(file, channels=3), (SIDE, SIDE, 3))
        labels = tf.one_hot(label, CLASSES)
        return {"images": tf.cast(image, tf.float32) / 255.0, "labels": labels}

    found = {}
    for name, layer in _layers().items():
        batches = (
            tf.data.Dataset.from_tensor_slices((files, labels))
            .map(decoded, num_parallel_calls=2)
            .batch(FIT_BATCH)
            .map(lambda batch, mix=layer: _pair(mix(batch)), num_parallel_calls=2)
            .prefetch(2)
        )
        network = keras.Sequential(
            [
                keras.Input((SIDE, SIDE, 3)),
                keras.layers.Conv2D(8, 8, strides=8, activation="relu"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(CLASSES, activation="softmax"),
            ]
        )
        network.compile("sgd", "categorical_crossentropy")
        network.fit(batches, epochs=1, verbose=0)
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            network.fit(batches, epochs=1, verbose=0)
            seconds.append(time.perf_counter() - start)
        found[name] = FIT_IMAGES / statistics.median(seconds)
    return found


def _pair(batch):
    return batch["images"], batch["labels"]


def _main(regime, task):
    import json

    regimes.enter(regime)
    tasks = {"maps": maps, "fit": fit}
    print(json.dumps(tasks[task]()))


if __name__ == "__main__":
    _main(*sys.argv[1:])
