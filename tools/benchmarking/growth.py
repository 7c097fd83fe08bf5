"""How the cost of a mixer grows: not faster than its data, whatever it is that grows.

Small batches live in caches, and larger ones pay for memory, so a cost may grow as much as that of
a copy of the same batch where that is more. Each size is compared with the one before.
"""

import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras_mix
from benchmarking import rows
from benchmarking.contenders import Workload, copied, mapped
from benchmarking.every_mixer import NAMES
from benchmarking.rounds import measure as timed
from benchmarking.structured import BOXES, boxed

# How many times as much as its data a cost may grow: noise.
LIMIT = 1.25
BASE = Workload(32, 64, "float32", 10)


class Sweep(NamedTuple):
    """What grows.

    Attributes:
        title: Its name.
        sizes: Its sizes.
        mixers: The names of the mixers that it is measured with.
        dataset: Function from a size to a dataset.
        options: Function from a size to the options of the mixers.
        calls: Function from a size to the number of parallel calls.
        data: Function from a size to the amount of data of a batch.
    """

    title: str
    sizes: Sequence[int]
    mixers: Sequence[str]
    dataset: Callable
    options: Callable = lambda size: {}
    calls: Callable = lambda size: 2
    data: Callable = lambda size: size


LARGEST = 21_000
# A box, a field of waves, blobs, a blend, resized images, and a map of saliency.
KINDS = ("CutMix", "FMix", "CowMix", "MixUp", "Mosaic", "SaliencyMix")
SWEEPS = (
    Sweep("batch", (16, 64, 256), KINDS, lambda size: BASE._replace(batch=size).dataset()),
    Sweep(
        "side of images",
        (64, 128, 256),
        NAMES,
        lambda size: BASE._replace(side=size).dataset(),
        data=lambda size: size**2,
    ),
    Sweep(
        "classes, one-hot",
        (10, 1000, LARGEST),
        ("MixUp", "CutMix"),
        lambda size: BASE._replace(classes=size).dataset(one_hot=False),
        lambda size: {"num_classes": size},
        # Values of a sample: the image's and the label's.
        data=lambda size: 3 * BASE.side**2 + size,
    ),
    Sweep(
        "classes, pairs",
        (10, 1000, LARGEST),
        ("MixUp", "CutMix"),
        lambda size: BASE._replace(classes=size).dataset(one_hot=False),
        lambda size: {"label_mode": "pairs"},
        data=lambda size: 1,
    ),
    Sweep(
        "boxes a sample",
        (5, 20, 80, 320),
        ("CutMix", "Mosaic"),
        lambda size: boxed(BASE, (BOXES,), count=size),
        lambda size: {"bounding_boxes": "xyxy"},
    ),
    Sweep(
        "sources",
        (2, 4, 8),
        ("MixUp",),
        lambda size: BASE.dataset(),
        lambda size: {"sources": size},
    ),
    Sweep(
        "parallel calls",
        (1, 2),
        KINDS,
        lambda size: BASE._replace(batch=128).dataset(),
        calls=lambda size: size,
        data=lambda size: 1,
    ),
)


def measure(quick):
    """One table for each of what grows: microseconds a batch."""
    return [_grown(sweep, rounds=2 if quick else 3) for sweep in SWEEPS]


def _grown(sweep, rounds):
    copies = {size: mapped(sweep.dataset(size), copied, sweep.calls(size)) for size in sweep.sizes}
    steps = {
        (mixer, size): mapped(sweep.dataset(size), _layer(sweep, mixer, size), sweep.calls(size))
        for mixer in sweep.mixers
        for size in sweep.sizes
    }
    costs = map(statistics.median, timed([*copies.values(), *steps.values()], rounds))
    cost = dict(zip([*copies, *steps], costs, strict=True))
    made = [
        row(
            f"{mixer}, {size:,}",
            cost[mixer, size],
            f"{before:,}",
            cost[mixer, before],
            max(sweep.data(size) / sweep.data(before), cost[size] / cost[before]),
        )
        for mixer in sweep.mixers
        for before, size in itertools.pairwise(sweep.sizes)
    ]
    return rows.table(f"Growth with the {sweep.title}", "µs a batch", made)


def row(what, cost, against, before, allowed):
    """A row whose ratio says how many times as much as allowed the cost has grown.

    Args:
        what: The name of the larger.
        cost: Its seconds a batch.
        against: The name of the smaller.
        before: Its seconds a batch.
        allowed: How many times the cost may have become.
    """
    return rows.Row(what, 1e6 * cost, against, 1e6 * before, cost / before / allowed, most=LIMIT)


def _layer(sweep, mixer, size):
    return getattr(keras_mix.layers, mixer)(**sweep.options(size))
