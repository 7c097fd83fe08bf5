"""MixUp and CutMix against Keras's own layers, a plain copy, their limits, and `data.mix`."""

import keras

import keras_mix
from benchmarking import limits, rows
from benchmarking.contenders import (
    MIXERS,
    THREADS,
    Contender,
    Workload,
    copying,
    mapped,
    on_images,
    ours,
    stepper,
)
from benchmarking.rounds import measure as timed

SIZES = ((224, 1000), (32, 10))
DTYPES = ("float32", "uint8")
COPY = "copy only (x + 1)"
KERAS = "keras.layers"
MIX = "keras_mix.data.mix"
# The side and the dtype that the aims of the limits are for.
AIMED = (224, "float32")
# (side, dtype, mixer): how many times as fast as Keras's keras_mix must be. Keras's layers get the
# same uint8 input as ours.
FLOORS = {
    (224, "float32", "MixUp"): 2.5,
    (224, "uint8", "MixUp"): 4.0,
    (224, "float32", "CutMix"): 8.0,
    **{(32, dtype, mixer): 3.0 for dtype in DTYPES for mixer in MIXERS},
}


def measure(quick):
    """One table for each size and dtype of images."""
    cases = [(*size, dtype) for size in SIZES for dtype in DTYPES]
    return [
        _compared(Workload(128, side, dtype, classes), 3 if quick else 5)
        for side, classes, dtype in (cases[:1] if quick else cases)
    ]


def limit_of(mixer, workload):
    """The contender that moves the bytes which a mixer of images has to."""
    return limits.limiting(mixer, limits.IMAGES[mixer], workload.dataset(), on_images)


def of_keras(mixer, workload):
    """The contender that maps Keras's layer of the same name."""
    layer = getattr(keras.layers, mixer)(**MIXERS[mixer])
    return Contender(mixer, KERAS, mapped(workload.dataset(), layer))


def floors_of(workload):
    """{(mixer, library): how many times as fast as that a mixer must be} on a workload."""
    at = (workload.side, workload.dtype)
    floors = limits.aims(limits.IMAGES) if at == AIMED else {}
    return floors | {
        (mixer, KERAS): floor for (*place, mixer), floor in FLOORS.items() if tuple(place) == at
    }


def title(workload):
    """What the contenders of a workload have in common."""
    return f"{rows.shape(workload.shape)}, {workload.dtype}, {workload.classes:,} classes"


def rows_of(own, others, seconds, samples, floors):
    """The rows of one mixer.

    Args:
        own: The contender that is ours.
        others: Those that it is compared with.
        seconds: {contender: its record}.
        samples: The number of samples of a batch.
        floors: Least ratios, by (mixer, library).
    """
    return [
        rows.faster(
            own.mixer,
            seconds[own],
            other.library,
            seconds[other],
            samples,
            floors.get((own.mixer, other.library)),
        )
        for other in others
    ]


def taking_turns(found, rounds):
    """{contender: its seconds a batch, one number for each round}."""
    return dict(zip(found, timed([each.step for each in found], rounds), strict=True))


def _compared(workload, rounds):
    copy = copying(workload, COPY)
    groups = {ours(mixer, workload, **MIXERS[mixer]): _rivals(mixer, workload) for mixer in MIXERS}
    found = [copy, *groups, *(rival for rivals in groups.values() for rival in rivals)]
    seconds = taking_turns(found, rounds)
    floors = floors_of(workload)
    made = [
        row
        for own, rivals in groups.items()
        for row in rows_of(own, [*rivals, copy], seconds, workload.batch, floors)
    ]
    return rows.table(title(workload), "samples/s", made)


def _rivals(mixer, workload):
    layer = getattr(keras_mix.layers, mixer)(**MIXERS[mixer])
    mixed = keras_mix.data.mix(workload.dataset(), layer, num_parallel_calls=THREADS)
    return [
        limit_of(mixer, workload),
        of_keras(mixer, workload),
        Contender(mixer, MIX, stepper(mixed)),
    ]
