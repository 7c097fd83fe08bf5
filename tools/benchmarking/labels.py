"""Packed pairs against one-hot labels, both made from class ids of a large label space."""

import keras_mix
from benchmarking import rows
from benchmarking.contenders import Workload, mapped
from benchmarking.rounds import measure as timed

CLASSES = 21_000


def measure(quick):
    """One table, a row for each side of the images."""
    return [
        rows.table(
            f"Labels of {CLASSES:,} classes, MixUp float32",
            "µs a sample",
            [_row(side) for side in ((32,) if quick else (32, 224))],
        )
    ]


def _row(side):
    workload = Workload(128, side, "float32", CLASSES)
    dataset = workload.dataset(one_hot=False)
    layer = keras_mix.layers.MixUp
    one_hot, pairs = timed(
        [mapped(dataset, layer(num_classes=CLASSES)), mapped(dataset, layer(label_mode="pairs"))],
        rounds=5,
    )
    what = f'label_mode="pairs", {rows.shape(workload.shape)}'
    return rows.costlier(what, pairs, "one-hot", one_hot, workload.batch, most=1.0)
