"""The train step of models that mix, against the plain step, on every backend of Keras.

Run as a program it measures one fresh process, on the backend that KERAS_BACKEND names, and prints
JSON: `steps MODE WIDTH SECONDS` or `first MODE VARIANT`.
"""

import functools
import importlib.util
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np

from benchmarking import fresh

BATCH = 64
PLAIN = "plain"
# {backend: {mode: `jit_compile`}}; PyTorch's steps are eager.
MODES = {
    "tensorflow": {"graph": False, "jit": True},
    "jax": {"jit": True},
    "torch": {"eager": False},
}
# How many times the plain step's time it may take.
STEP_LIMITS = {"tensorflow": 1.02, "jax": 1.05, "torch": 1.05}
# He et al., arXiv:1512.03385, section 4.2, with n = 3; and the same with twice the filters, four
# times the work.
WIDTHS = {1: "ResNet-20", 2: "ResNet-20, twice as wide"}
# The least number of rounds, however long they take.
FEWEST = 5
# What fresh processes are spent on.
FRESH = (PLAIN, "ManifoldMixup")
FIRST_LIMIT = 1.5
MEMORY_LIMIT = 1.03
ROOT = Path(__file__).parents[2]
TORCH = ROOT / ".venv-torch" / "bin" / "python"


def measure(repeats, seconds, widths=tuple(WIDTHS)):
    """All ratios to the plain model.

    Args:
        repeats: The number of fresh processes of each kind.
        seconds: How long the steps of a width and a mode take turns.
        widths: The keys of `WIDTHS` to measure.

    Returns:
        A list of rows: backend, mode, variant, what, ratio, quartiles or None, limit; and
        {backend that is not installed: the reason}.
    """
    rows, absent = [], {}
    for backend, modes in MODES.items():
        python = _python(backend)
        if python is None:
            absent[backend] = "not installed; `make test-torch` makes its environment"
            continue
        run = functools.partial(
            fresh.figures,
            "train_steps",
            python=python,
            KERAS_BACKEND=backend,
            PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        )
        for mode in modes:
            found = [_steps(run, backend, mode, width, seconds) for width in widths]
            found.append(_fresh(run, mode, repeats))
            rows += [{"backend": backend, "mode": mode, **row} for part in found for row in part]
    return rows, absent


def _python(backend):
    """The interpreter that has a backend, None if none has."""
    if backend != "torch" or importlib.util.find_spec("torch"):
        return sys.executable
    return str(TORCH) if TORCH.exists() else None


def _steps(run, backend, mode, width, seconds):
    found = run("steps", mode, str(width), str(seconds))
    plain = statistics.median(found.pop(PLAIN))
    return [
        {
            "variant": variant,
            "what": f"a step of a {WIDTHS[width]}",
            "ratio": statistics.median(own) / plain,
            "quartiles": [each / plain for each in statistics.quantiles(own, n=4)[::2]],
            "limit": STEP_LIMITS[backend],
        }
        for variant, own in found.items()
    ]


def _fresh(run, mode, repeats):
    """The first step and the peak memory; processes take turns."""
    runs = [{variant: run("first", mode, variant) for variant in FRESH} for _ in range(repeats)]
    limits = {"the first step": FIRST_LIMIT, "peak memory": MEMORY_LIMIT}
    return [
        {
            "variant": variant,
            "what": what,
            "ratio": statistics.median(each[variant][what] / each[PLAIN][what] for each in runs),
            "quartiles": None,
            "limit": limit,
        }
        for variant in FRESH[1:]
        for what, limit in limits.items()
    ]


def _stepper(variant, mode, width=1):
    """A function that trains one batch and waits for its loss."""
    model = _variants()[variant](_resnet20(width))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=MODES[keras.backend.backend()][mode])
    images = np.random.default_rng(0).random((BATCH, 32, 32, 3), "float32")
    batch = map(keras.ops.convert_to_tensor, (images, np.arange(BATCH) % 10))
    return functools.partial(model.train_on_batch, *batch)


def _resnet20(width):
    layers = keras.layers
    x = images = keras.Input((32, 32, 3))
    x = layers.Conv2D(16 * width, 3, padding="same", use_bias=False)(x)
    for stage, filters in enumerate((16 * width, 32 * width, 64 * width)):
        for block in range(3):
            strides = 2 if stage and block == 0 else 1
            inner = layers.Conv2D(filters, 3, strides, "same", use_bias=False)(x)
            inner = layers.ReLU()(layers.BatchNormalization()(inner))
            inner = layers.Conv2D(filters, 3, padding="same", use_bias=False)(inner)
            inner = layers.BatchNormalization()(inner)
            skip = x if strides == 1 else layers.Conv2D(filters, 1, strides, use_bias=False)(x)
            x = layers.ReLU()(layers.Add()([inner, skip]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(10)(x))


def _variants():
    """{name: function of the base model}."""
    from keras_mix import layers, models

    return {
        PLAIN: lambda model: model,
        "ManifoldMixup": models.ManifoldMixup,
        "MixUp on device": functools.partial(models.MixingModel, mixer=layers.MixUp()),
        "CutMix on device": functools.partial(models.MixingModel, mixer=layers.CutMix()),
    }


def _in_turns(mode, width, seconds):
    """{variant: seconds of each of its steps}.

    Steps take turns one by one, in an order drawn anew for each round, since the ratios to be
    seen are smaller than what a machine's speed changes within a second.
    """
    steps = {variant: _stepper(variant, mode, int(width)) for variant in _variants()}
    found = {variant: [] for variant in steps}
    for step in steps.values():
        for _ in range(3):
            step()
    order = random.Random(0)
    begun = time.perf_counter()
    while len(found[PLAIN]) < FEWEST or time.perf_counter() - begun < float(seconds):
        for variant in order.sample(list(steps), len(steps)):
            start = time.perf_counter()
            steps[variant]()
            found[variant].append(time.perf_counter() - start)
    return found


def _first(mode, variant):
    if keras.backend.backend() == "tensorflow":
        # What draws λ there: without its import and the first use of its functions, which any
        # pipeline that mixes has paid for, since they would be most of what is seen.
        import tensorflow_probability as tfp

        tfp.math.betaincinv(np.float64(0.2), np.float64(0.2), np.linspace(0.1, 0.9, 2**14))
    step = _stepper(variant, mode)
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    for _ in range(5):
        step()
    return {"the first step": first, "peak memory": fresh.peak_memory()}


if __name__ == "__main__":
    print(json.dumps({"steps": _in_turns, "first": _first}[sys.argv[1]](*sys.argv[2:])))
