"""The train step of models that mix, against the plain step.

Run as a program with a variant and a mode it measures one fresh process and prints JSON.
"""

import functools
import json
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarking import fresh, rounds

BATCH = 64
PLAIN = "plain"
MODES = {"graph": False, "jit_compile": True}
# (mode, variant): how many times the plain step's time it may take.
STEP_LIMITS = {
    ("graph", "ManifoldMixup"): 1.05,
    ("jit_compile", "ManifoldMixup"): 1.10,
    **{(mode, mixer): 1.05 for mode in MODES for mixer in ("CutMix on device", "MixUp on device")},
}
# What fresh processes are spent on.
FRESH = (PLAIN, "ManifoldMixup")
FIRST_LIMITS = {"graph": 1.5, "jit_compile": 3.0}
MEMORY_LIMIT = 1.05


def measure(repeats, count):
    """All ratios to the plain model.

    Args:
        repeats: The number of fresh processes of each kind.
        count: The number of rounds that steps take turns in.

    Returns:
        A list of rows: mode, variant, what, ratio, limit.
    """
    rows = []
    for mode in MODES:
        rows += _steps(mode, count)
        rows += _fresh(mode, repeats)
    return rows


def exceeded(rows):
    """Returns sentences on figures above their limits."""
    return [
        f"{row['variant']}, {row['mode']}: {row['what']} {row['ratio']:.2f}× the plain model's"
        for row in rows
        if row["ratio"] > row["limit"]
    ]


def _steps(mode, count):
    steps = [_stepper(variant, mode) for variant in VARIANTS]
    plain, *others = rounds.measure(steps, count)
    return [
        {
            "mode": mode,
            "variant": variant,
            "what": "a step",
            "ratio": rounds.ratio(plain, seconds),
            "limit": STEP_LIMITS[mode, variant],
        }
        for variant, seconds in zip(list(VARIANTS)[1:], others, strict=True)
    ]


def _fresh(mode, repeats):
    """The first step and the peak memory; processes take turns."""
    runs = [
        {variant: fresh.figures("train_steps", variant, mode) for variant in FRESH}
        for _ in range(repeats)
    ]
    limits = {"the first step": FIRST_LIMITS[mode], "peak memory": MEMORY_LIMIT}
    return [
        {
            "mode": mode,
            "variant": variant,
            "what": what,
            "ratio": statistics.median(run[variant][what] / run[PLAIN][what] for run in runs),
            "limit": limit,
        }
        for variant in FRESH[1:]
        for what, limit in limits.items()
    ]


def _stepper(variant, mode):
    model = VARIANTS[variant](_resnet20())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=MODES[mode])
    images = np.random.default_rng(0).random((BATCH, 32, 32, 3), "float32")
    dataset = tf.data.Dataset.from_tensors((images, np.arange(BATCH) % 10)).repeat()
    model.make_train_function()
    return functools.partial(model.train_function, iter(dataset))


def _resnet20():
    """He et al., arXiv:1512.03385, section 4.2, with n = 3."""
    layers = keras.layers
    x = images = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            inner = layers.Conv2D(filters, 3, strides, "same", use_bias=False)(x)
            inner = layers.ReLU()(layers.BatchNormalization()(inner))
            inner = layers.Conv2D(filters, 3, padding="same", use_bias=False)(inner)
            inner = layers.BatchNormalization()(inner)
            skip = x if strides == 1 else layers.Conv2D(filters, 1, strides, use_bias=False)(x)
            x = layers.ReLU()(layers.Add()([inner, skip]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(10)(x))


def _as_it_is(model):
    return model


def _manifold(model):
    from keras_mix.models import ManifoldMixup

    return ManifoldMixup(model)


def _on_device(mixer, model):
    import keras_mix

    return keras_mix.models.MixingModel(model, mixer=getattr(keras_mix.layers, mixer)())


VARIANTS = {
    PLAIN: _as_it_is,
    "ManifoldMixup": _manifold,
    "CutMix on device": functools.partial(_on_device, "CutMix"),
    "MixUp on device": functools.partial(_on_device, "MixUp"),
}


def _main(variant, mode):
    step = _stepper(variant, mode)
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    for _ in range(5):
        step()
    print(json.dumps({"the first step": first, "peak memory": fresh.peak_memory()}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
