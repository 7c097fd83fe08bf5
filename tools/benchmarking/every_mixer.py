"""Every mixer of images against its limit, a plain copy and a layer of Keras that does the same."""

import keras

import keras_mix
from benchmarking import rows
from benchmarking.contenders import MIXERS, Contender, Workload, copying, mapped, ours
from benchmarking.images import COPY, floors_of, limit_of, of_keras, rows_of, taking_turns, title
from keras_mix.layers._class_modules import IN_MODELS, NOT_OF_IMAGES, OPTIONS
from keras_mix.layers._mixer.mixer_of_mixers import Composed

NAMES = sorted(
    name
    for name in keras_mix.layers.__all__
    if name not in ("Mixer", *IN_MODELS, *NOT_OF_IMAGES, *OPTIONS)
    and not issubclass(getattr(keras_mix.layers, name), Composed)
)
# What differs most between bytes and floats: a blend, a paste, a placed and a resized frame. And
# the bytes of a value that is read and of the one that is written.
BYTES = {"CutMix": 1 + 1, "FMix": 1 + 1, "MixUp": 1 + 4, "Mosaic": 1 + 1, "RICAP": 1 + 1}
FLOATS = 4 + 4
ERASING = "keras.layers.RandomErasing"
FLOORS = {("Cutout", ERASING): 20.0}


def measure(quick):
    """All mixers on floats, some on bytes, and what a byte costs in both."""
    floats, small = (Workload(128, 224, dtype, 10) for dtype in ("float32", "uint8"))
    if quick:
        return [_compared(floats, NAMES, _of_keras, rounds=3)]
    return [
        _compared(floats, NAMES, _all_rivals, rounds=5),
        _compared(small, BYTES, _all_rivals, rounds=5),
        _per_byte(small, floats, rounds=5),
    ]


def _all_rivals(name, workload):
    return [copying(workload, COPY), *_of_keras(name, workload)]


def _of_keras(name, workload):
    if name == "Cutout":
        layer = keras.layers.RandomErasing(factor=(1.0, 1.0), fill_value=0)
        return [Contender(name, ERASING, mapped(workload.dataset(), layer))]
    return [of_keras(name, workload)] if name in MIXERS else []


def _compared(workload, names, rivals, rounds):
    """Each mixer takes turns with its limit and its rivals."""
    made, floors = [], floors_of(workload) | FLOORS
    for name in names:
        own = ours(name, workload)
        others = [limit_of(name, workload), *rivals(name, workload)]
        seconds = taking_turns([own, *others], rounds)
        made += rows_of(own, others, seconds, workload.batch, floors)
    return rows.table(f"Every mixer, {title(workload)}", "samples/s", made)


def _per_byte(small, floats, rounds):
    made = []
    for name, size in BYTES.items():
        own, other = (ours(name, workload) for workload in (small, floats))
        seconds = taking_turns([own, other], rounds)
        # Seconds for as many bytes as the floats have.
        equal = [FLOATS / size * elapsed for elapsed in seconds[own]]
        values = small.batch * small.side**2 * 3
        made.append(
            rows.faster(
                f"{name}, uint8", equal, "float32", seconds[other], FLOATS * values / 1e9, least=1.0
            )
        )
    return rows.table("Bytes against floats, read and written", "GB/s", made)
