"""Typical pipelines: `data.mix` against `map` of the same layer."""

import pathlib
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

import keras_mix
from benchmarking import rows

CLASSES = 10
BATCH = 128
BUFFER = 50_000
# How many times the seconds of an epoch with `map` one with `data.mix` may take.
LIMIT = 1.15
# (side, number of images): as many bytes of uint8 for both.
SIZES = ((32, 50_000), (224, 1_024))
FILES, FILE_SIDE = 512, 96


def measure(quick):
    """Compares the time of an epoch with `data.mix` to that with `map`.

    Both run in turn, a whole epoch each; which comes first alternates. An epoch before pays for
    tracing and compilation. With `quick`, a fifth of the images is mixed.
    """
    rounds = 3 if quick else 5
    with tempfile.TemporaryDirectory() as folder:
        made = [
            _row(name, images, build, rounds)
            for name, images, build in _pipelines(quick, pathlib.Path(folder))
        ]
    title = f"data.mix with CutMix in batches of {BATCH}"
    return [rows.table(title, "µs an image", made)]


def _pipelines(quick, folder):
    """(name, number of images, function from a mixing to a dataset) of each pipeline."""
    for side, count in SIZES:
        count = count // 5 if quick else count
        arrays = _arrays(count, side)
        name = f"{side} × {side}"
        yield f"{name}: shuffle, batch", count, lambda mixing, a=arrays: mixing(_shuffled(a))
        yield (
            f"{name}: shuffle, batch, mix, repeat",
            2 * count,
            lambda mixing, a=arrays: mixing(_shuffled(a)).repeat(2),
        )
        yield (
            f"{name}: shuffle, repeat, batch",
            2 * count,
            lambda mixing, a=arrays: mixing(_slices(a).shuffle(BUFFER).repeat(2).batch(BATCH)),
        )
        yield (
            f"{name}: cache, shuffle, batch",
            count,
            lambda mixing, a=arrays: mixing(_slices(a).cache().shuffle(BUFFER).batch(BATCH)),
        )
        yield (
            f"{name}: cache, batch",
            count,
            lambda mixing, a=arrays: mixing(_slices(a).cache().batch(BATCH)),
        )
        yield (
            f"{name}: batch, cache",
            count,
            lambda mixing, a=arrays: mixing(_slices(a).batch(BATCH).cache()),
        )
    count = FILES // 4 if quick else FILES
    _write_images(folder, count)
    yield (
        f"{FILE_SIDE} × {FILE_SIDE}: decode, resize, batch",
        count,
        lambda mixing: mixing(_decoded(folder)),
    )
    yield "image_dataset_from_directory", count, lambda mixing: mixing(_directory(folder))


def _row(name, images, build, rounds):
    layer = keras_mix.layers.CutMix(num_classes=CLASSES)
    ways = (
        lambda dataset: dataset.map(layer, num_parallel_calls=tf.data.AUTOTUNE),
        lambda dataset: keras_mix.data.mix(dataset, layer, seed=1),
    )
    datasets = [build(way).prefetch(tf.data.AUTOTUNE) for way in ways]
    seconds = [[], []]
    for number in range(-1, rounds):
        for index in (0, 1) if number % 2 else (1, 0):
            elapsed = _seconds(datasets[index])
            if number >= 0:
                seconds[index].append(elapsed)
    by_map, by_mix = seconds
    return rows.costlier(name, by_mix, "map", by_map, images, LIMIT)


def _seconds(dataset):
    """The seconds of all of a dataset."""
    start = time.perf_counter()
    for _ in dataset:
        pass
    return time.perf_counter() - start


def _arrays(count, side):
    """uint8 images and class ids, always the same."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, side, side, 3), "uint8")
    return images, rng.integers(0, CLASSES, count)


def _slices(arrays):
    return tf.data.Dataset.from_tensor_slices(arrays)


def _shuffled(arrays):
    return _slices(arrays).shuffle(BUFFER, seed=1).batch(BATCH)


def _write_images(folder, count):
    """JPEG files, one sub-folder for each class."""
    images, ids = _arrays(count, FILE_SIDE)
    for number, (image, label) in enumerate(zip(images, ids, strict=True)):
        path = folder / str(label) / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        keras.utils.save_img(path, image, scale=False)


def _decoded(folder):
    paths = sorted(folder.glob("*/*.jpg"))
    slices = _slices(([str(path) for path in paths], [int(path.parent.name) for path in paths]))
    decoded = slices.shuffle(BUFFER, seed=1).map(_decode, num_parallel_calls=tf.data.AUTOTUNE)
    return decoded.batch(BATCH)


def _decode(path, label):
    image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return tf.image.resize(image, (FILE_SIDE, FILE_SIDE)), label


def _directory(folder):
    size = (FILE_SIDE, FILE_SIDE)
    return keras.utils.image_dataset_from_directory(
        folder, image_size=size, batch_size=BATCH, seed=1, verbose=False
    )
