"""The side-by-side comparison, the scaling of the cost, and the floors of the ratios."""

import statistics

import keras_mix
from benchmarking import limits
from benchmarking.contenders import MIXERS, OURS, Workload, contenders, mapped, on_images
from benchmarking.rounds import measure, ratio, spread

COPY = "copy only (x + 1)"
KERAS = "keras.layers"
# (dtype, mixer, against): how many times as fast keras_mix must be, on 224 × 224 images.
# Keras's layers get the same uint8 input as ours.
FLOORS = {
    ("float32", "MixUp", KERAS): 2.5,
    ("uint8", "MixUp", KERAS): 4.0,
    ("float32", "CutMix", KERAS): 8.0,
    ("float32", "FMix", "keras_cv.layers.FourierMix"): 5.0,
    ("float32", "Mosaic", "keras_cv.layers.Mosaic"): 5.0,
    ("float32", "Cutout", "keras.layers.RandomErasing"): 20.0,
    ("float32", "Cutout", "keras_cv.layers.RandomCutout"): 5.0,
    ("float32", "GridMask", "keras_cv.layers.GridMask"): 20.0,
    **{("float32", *key): aim for key, aim in limits.aims(limits.IMAGES).items()},
}
FLOORS_SIDE = 224
# Seconds to the first batch beyond the plain pipeline's.
FIRST_BATCH_LIMIT = 1.5
LARGE_LABEL_SPACE = 21_000


def compare(workload, rounds):
    """Measures the speed of all contenders on one workload.

    Returns:
        One row for each mixer and contender, with its speed and the speed ratio of ours to it;
        and the peers that are absent, as {library: reason}.
    """
    found, absent = contenders(workload, COPY)
    found += [limit_of(mixer, workload) for mixer in MIXERS]
    seconds = measure([contender.step for contender in found], rounds)
    floors = floors_of(workload)
    rows = [
        row for mixer in MIXERS for row in rows_of(mixer, workload.batch, found, seconds, floors)
    ]
    return rows, {peer.library: peer.reason for peer in absent}


def limit_of(mixer, workload):
    """The contender that moves the bytes which a mixer of images has to."""
    return limits.limiting(mixer, limits.IMAGES[mixer], workload.dataset(), on_images)


def floors_of(workload):
    """The floors that hold for images, by (mixer, library)."""
    if workload.side != FLOORS_SIDE:
        return {}
    return {tuple(key): floor for (dtype, *key), floor in FLOORS.items() if dtype == workload.dtype}


def rows_of(mixer, batch, found, seconds, floors):
    """Returns the rows of one mixer: ours, its rivals, and those that do not mix.

    Args:
        mixer: The mixer's name.
        batch: The number of samples B.
        found: The contenders, of this mixer and of others.
        seconds: Their records.
        floors: Least speed ratios of ours, by (mixer, library).
    """
    records = [
        (contender, record)
        for contender, record in zip(found, seconds, strict=True)
        if contender.mixer in (mixer, "")
    ]
    own = next(record for contender, record in records if contender.library == OURS)
    return [
        _row(mixer, contender.library, batch, own, record, floors.get((mixer, contender.library)))
        for contender, record in records
    ]


def growth(quick, rounds):
    """Measures microseconds per image for growing B, image sides and K."""
    base = Workload(64, 112, "float32", 100)
    grown = [
        *(base._replace(batch=batch) for batch in (16, 64, 256)),
        *(base._replace(side=side) for side in (32, 64, 224)),
        *(base._replace(classes=classes) for classes in (10, 1000, LARGE_LABEL_SPACE)),
    ]
    workloads = grown[1::2] if quick else grown
    steps = [
        mapped(workload.dataset(), _layer(mixer)) for workload in workloads for mixer in MIXERS
    ]
    medians = iter([statistics.median(record) for record in measure(steps, rounds)])
    return [
        {
            **workload._asdict(),
            **{mixer: 1e6 * next(medians) / workload.batch for mixer in MIXERS},
        }
        for workload in workloads
    ]


def packed_pairs(sides, rounds):
    """Packed pairs against one-hot labels, both made from class ids of a large label space."""
    rows = []
    for side in sides:
        workload = Workload(128, side, "float32", LARGE_LABEL_SPACE)
        layers = _layer("MixUp", num_classes=LARGE_LABEL_SPACE), _layer("MixUp", label_mode="pairs")
        steps = [mapped(workload.dataset(one_hot=False), layer) for layer in layers]
        one_hot, pairs = measure(steps, rounds)
        rows.append(
            {
                **workload._asdict(),
                "one_hot": 1e6 * statistics.median(one_hot) / workload.batch,
                "pairs": 1e6 * statistics.median(pairs) / workload.batch,
                "ratio": ratio(pairs, one_hot),
            }
        )
    return rows


def below(groups):
    """Returns sentences on ratios below their floors."""
    return [
        f"{row['mixer']}, {sizes(group)} {group['dtype']}, against {row['library']}: "
        f"{row['ratio']:.2f}×"
        for group in groups
        for row in group["rows"]
        if row["verdict"] == "below"
    ]


def sizes(row):
    """Returns the shape of a row or group as text."""
    shape = row.get("shape") or (row["batch"], row["side"], row["side"], 3)
    return " × ".join(f"{size:,}" for size in shape)


def slow_to_start(fresh):
    """Returns sentences on first batches above their limit."""
    return [
        f"first batch of {mixer}: {fresh[mixer]:.2f} s beyond the plain one"
        for mixer in MIXERS
        if fresh and fresh[mixer] > FIRST_BATCH_LIMIT
    ]


def _layer(mixer, **options):
    return getattr(keras_mix.layers, mixer)(**MIXERS[mixer], **options)


def _row(mixer, library, batch, own, record, floor):
    row = {
        "mixer": mixer,
        "library": library,
        "samples_per_second": batch / statistics.median(record),
        "verdict": "",
    }
    if record is own:
        return row
    row["ratio"] = ratio(own, record)
    row["quartiles"] = spread(own, record)
    row["floor"] = floor
    if floor:
        row["verdict"] = "ok" if row["ratio"] >= floor else "below"
    return row
