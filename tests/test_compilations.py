"""How often XLA compiles where batches and images vary: once for each number of samples."""

import pytest
from fresh import output_of

pytestmark = pytest.mark.slow

# XLA writes a file for each program that it compiles, here into the folder that is given.
SCRIPT = """
import json, os, sys
from pathlib import Path

folder = Path(sys.argv[1])
os.environ["XLA_FLAGS"] = f"--xla_dump_to={folder} --xla_dump_hlo_as_text"
import numpy as np
import tensorflow as tf
from keras_mix import data
from keras_mix._core.backend import xla
from keras_mix.layers import CutMix

xla.available()  # compiles, too


def batches(shapes, known):
    found = [np.zeros((*shape, 1), "float32") for shape in shapes]
    spec = tf.TensorSpec((None, *known, 1))
    return tf.data.Dataset.from_generator(lambda: iter(found), output_signature=spec)


def compilations(dataset, epochs=2):
    before = len(list(folder.glob("*before_optimizations.txt")))
    mixed = [batch for _ in range(epochs) for batch in dataset]
    return len(mixed), len(list(folder.glob("*before_optimizations.txt"))) - before


cutmix = CutMix()
ragged = batches([(4, 8, 8)] * 5 + [(3, 8, 8)], (8, 8))
numbers = batches([(n, 8, 8) for n in (1, 2, 3, 5, 3, 2, 1)], (8, 8))
sides = batches([(4, n, n) for n in range(4, 12)], (None, None))
print(json.dumps({
    "ragged": compilations(ragged.map(cutmix)),
    "numbers": compilations(numbers.map(cutmix, num_parallel_calls=2)),
    "mix": compilations(data.mix(numbers, cutmix, seed=1)),
    "partners": compilations(data.mix(ragged.take(5), cutmix, partners=numbers.take(4))),
    "sides": compilations(sides.map(cutmix)),
}))
"""


def test_xla_compiles_once_for_each_number_of_samples_and_never_for_unknown_sizes(tmp_path):
    found = output_of(SCRIPT, tmp_path)
    # Batches of two epochs, and the numbers of samples among them.
    assert found == {
        "ragged": [12, 2],
        "numbers": [14, 4],
        "mix": [14, 4],
        "partners": [10, 4],
        "sides": [16, 0],
    }
