"""Saved models: they load in a new process, on any backend."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from faults.common import Checks

ROOT = Path(__file__).resolve().parents[2]

checks = Checks()

SAVE = """
import keras, keras_mix, numpy as np
L = keras_mix.layers
def base():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                             keras.layers.Dense(4, activation="relu"),
                             keras.layers.Dense(3, activation="softmax")])
x, y = np.random.rand(16, 8, 8, 1).astype("float32"), np.arange(16) % 3
def keep(model, name, y=y):
    model.fit(x, y, verbose=0)
    model.save(name + ".keras")
model = keras_mix.models.MixingModel(base())
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
keep(model, "mixing_model")
last = keras.layers.Dense(3, activation="softmax")
point = keras.Sequential([*base().layers[:2], L.MixPoint(), last])
model = keras_mix.models.ManifoldMixup(point)
model.compile("sgd", "sparse_categorical_crossentropy")
keep(model, "mix_point")
if keras.config.backend() == "tensorflow":
    model = keras_mix.models.ManifoldMixup(base(), mix_at=["input"], mixer=L.CutMix())
    model.compile("sgd", "sparse_categorical_crossentropy")
    keep(model, "manifold_mixup")
    inputs = keras.Input((8, 8, 1))
    outputs = base()(L.MixUp(inputs_only=True)(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    keep(model, "mixer_inside")
model = base()
model.compile("sgd", keras_mix.losses.MixedLoss("sparse_categorical_crossentropy"),
              metrics=[keras_mix.metrics.MixedMetric("sparse_categorical_accuracy")])
keep(model, "mixed_loss")
print("saved")
"""

LOAD = """
import glob, keras, keras_mix, numpy as np
x, y = np.random.rand(16, 8, 8, 1).astype("float32"), np.arange(16) % 3
names = sorted(glob.glob("*.keras"))
for name in names:
    keras.models.load_model(name).fit(x, y, verbose=0)
print("loaded and trained", *[name[:-6] for name in names])
"""

IMPORT_TIME = """
import time, tensorflow, keras
start = time.perf_counter()
import keras_mix
print(time.perf_counter() - start)
"""


def run(code, backend="tensorflow", folder=None):
    """Returns the last line that a new Python process prints, or of its error."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    environment["JAX_PLATFORMS"] = "cpu"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True
    )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else ""


@checks("A1")
def saved_models_load_in_a_new_process():
    """Every class is registered by `import keras_mix` alone."""
    names = {
        "tensorflow": "manifold_mixup mix_point mixed_loss mixer_inside mixing_model",
        "jax": "mix_point mixed_loss mixing_model",
    }
    for backend, right in names.items():
        with tempfile.TemporaryDirectory() as folder:
            yield f"{backend}: saves", run(SAVE, backend, folder), "saved"
            loaded = run(LOAD, backend, folder)
            yield f"{backend}: loads", loaded, f"loaded and trained {right}"
    # The least of several: what else the machine does only adds to it.
    seconds = min(float(run(IMPORT_TIME)) for _ in range(5))
    yield "import keras_mix, s", seconds if seconds > 0.15 else "≤ 0.15", "≤ 0.15"
    free = run("import keras_mix, sys; print('tensorflow' in sys.modules)", "jax")
    yield "JAX: TensorFlow is imported", free, "False"
