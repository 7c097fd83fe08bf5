"""What all tests share: how hypothesis searches, equal initial weights, and a quiet TensorFlow."""

import gc
import os
import random

import hypothesis
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Graphs are many small objects: collecting garbage less often takes a tenth off the tests' time.
gc.set_threshold(100_000, 50, 100)

# The first call of an op in a process is slow, so no try has a deadline. In CI the tries are
# the same each time: a failure there is one of the change, not of the dice.
hypothesis.settings.register_profile(
    "keras_mix", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("keras_mix")

# Single tests that `make test-quick` leaves out, by a part of their ids: modes other than eager
# calls, training, statistics, and tables of all layers whose rows take long. Files that hold
# nothing else mark themselves as slow.
SLOW_IDS = (
    *("XLA", "compiled", "dataset", "every_mode", "graph", "modes", "symbolic", "tf.data", "xla"),
    *("_learn", "_fit_", "train_as", "trains"),
    *("_beta", "_distributed", "_often", "_uniform", "as_likely", "authors", "fraction_of"),
    *("about_a_half", "mean_and_variance", "unrelated"),
    *("each_head", "editors_complete", "empty_and_single", "every_mixer"),
)


@pytest.fixture(autouse=True)
def _seeded():
    """Keras's initializers begin at the same place, whatever ran before.

    They take their seeds from Python's generator. `keras.utils.set_random_seed` would empty
    TensorFlow's cache of kernels as well, which makes tests a tenth slower.
    """
    random.seed(0)
    np.random.seed(0)


def pytest_collection_modifyitems(items):
    for item in items:
        if any(part in item.name for part in SLOW_IDS):
            item.add_marker("slow")
