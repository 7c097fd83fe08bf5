"""Every mixer of the package against its limit, a plain copy and the layers that do the same."""

import functools

import keras

import keras_mix
from benchmarking.comparison import COPY, floors_of, limit_of, rows_of
from benchmarking.contenders import OURS, Absent, Contender, copying, mapped, tried
from benchmarking.rounds import measure
from keras_mix.layers._class_modules import NOT_OF_IMAGES, OPTIONS
from keras_mix.layers._mixer.mixer_of_mixers import Composed

NAMES = [
    name
    for name in keras_mix.layers.__all__
    if name not in ("MixPoint", "Mixer", *NOT_OF_IMAGES, *OPTIONS)
    and not issubclass(getattr(keras_mix.layers, name), Composed)
]
# What differs most between bytes and floats: a blend, a paste, a placed and a resized frame.
BYTES = ["CutMix", "FMix", "MixUp", "Mosaic", "RICAP"]


def compare(workload, names, rounds):
    """Measures the speed of the mixers; each takes turns with its limit, the copy and its rivals.

    Returns:
        One row for each mixer and contender, and the absent, as `comparison.compare`.
    """
    rows, absent, floors = [], {}, floors_of(workload)
    for name in names:
        found = [copying(workload, COPY), _ours(name, workload), limit_of(name, workload)]
        rivals = [tried(build, library, workload, name) for library, build in RIVALS.get(name, ())]
        found += [rival for rival in rivals if isinstance(rival, Contender)]
        seconds = measure([contender.step for contender in found], rounds)
        rows += rows_of(name, workload.batch, found, seconds, floors)
        absent |= {rival.library: rival.reason for rival in rivals if isinstance(rival, Absent)}
    return rows, absent


def _ours(name, workload):
    return Contender(name, OURS, mapped(workload.dataset(), getattr(keras_mix.layers, name)()))


def _random_erasing(workload, mixer):
    layer = keras.layers.RandomErasing(factor=(1.0, 1.0), fill_value=0)
    return mapped(workload.dataset(), layer)


def _keras_cv(workload, mixer, name, **options):
    import keras_cv

    return mapped(workload.dataset(), getattr(keras_cv.layers, name)(**options))


def _of_keras_cv(name, **options):
    build = functools.partial(_keras_cv, name=name, **options)
    return f"keras_cv.layers.{name}", build


HALF = (0.5, 0.5)
RIVALS = {
    "Cutout": [
        ("keras.layers.RandomErasing", _random_erasing),
        _of_keras_cv("RandomCutout", height_factor=HALF, width_factor=HALF),
    ],
    "FMix": [_of_keras_cv("FourierMix", alpha=1.0)],
    "GridMask": [_of_keras_cv("GridMask")],
    "Mosaic": [_of_keras_cv("Mosaic")],
}
