"""Every mixer on tensors of JAX and PyTorch: its laws eagerly and compiled, and its plans.

No TensorFlow is imported here: the file runs where there is none. A plan is held equal to the one
that TensorFlow draws from the same seed, as `stored_plans.npz` has it.
"""

import pathlib
import zlib

import keras
import numpy as np
import oracles
import pytest
from mixer_table import MIXERS, SEED, constant_images, membership_images, random_images
from plans_drawn import MADE, STORED_PARTS, tensors_of

from keras_mix._core.backend import namespaces

pytestmark = pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="test_contract_*.py has these laws"
)

STORED = pathlib.Path(__file__).parents[1] / "stored_plans.npz"
SIZE = 6
OTHERWISE = (", strong", ", per batch")
every_mixer = pytest.mark.parametrize("row", MIXERS.values(), ids=MIXERS)


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def eager(layer):
    return layer


def compiled(layer):
    """The layer in a function that the backend compiles, of the batch and a seed."""
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch compiles nothing here")
    step = by_backend(lambda x, y, seed: layer(x, y, seed=seed))
    return lambda x, y, seed: step(x, y, seed)


def by_backend(function):
    """The function, compiled if the backend compiles: on JAX eager calls compile each operation."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


modes = pytest.mark.parametrize("mode", [eager, compiled], ids=["eager", "compiled"])


@modes
@every_mixer
def test_a_label_is_what_is_in_the_pixels(row, mode):
    layer = row.make(num_classes=SIZE)
    make = constant_images if row.pastes else membership_images
    given = keras.ops.convert_to_tensor(make(SIZE, *row.grid(9, 7)))
    ids = keras.ops.convert_to_tensor(np.arange(SIZE, dtype="int32"))
    seed = np.array(SEED, "int32")
    images, labels = map(numpy_of, mode(layer)(given, ids, seed=seed))
    assert images.dtype == ("uint8" if row.pastes else "float32")
    assert labels.dtype == "float32"
    if row.erases:
        np.testing.assert_array_equal(labels, np.eye(SIZE))
    elif row.pastes:
        counts = oracles.pixels_of(images, SIZE) / images[0].size
        np.testing.assert_allclose(labels, counts, rtol=0, atol=2e-7)
    elif row.make.grid_rank:
        images = row.read(images.astype("float64")) if row.read else images
        np.testing.assert_allclose(labels, images.mean(axis=(1, 2)), rtol=0, atol=2e-6)
    else:
        seen = np.broadcast_to(labels[:, None, None], images.shape)
        np.testing.assert_allclose(images, seen, rtol=0, atol=2e-7)


def test_arrays_of_64_bits_come_out_as_the_backend_takes_them():
    images, labels = MIXERS["CutMix"].make(num_classes=2)(np.ones((2, 3, 3, 1)), np.arange(2))
    narrow = keras.backend.backend() == "jax"
    assert keras.backend.standardize_dtype(images.dtype) == ("float32" if narrow else "float64")
    assert keras.backend.standardize_dtype(labels.dtype) == "float32"


@every_mixer
def test_rate_0_keeps_every_value(row):
    layer = row.make(rate=0.0, num_classes=SIZE)
    given = random_images(SIZE, *row.grid(9, 7))
    step = by_backend(lambda x, y, seed: layer(x, y, seed=seed))
    given = keras.ops.convert_to_tensor(given)
    ids = keras.ops.convert_to_tensor(np.arange(SIZE, dtype="int32"))
    images, labels = map(numpy_of, step(given, ids, np.array(SEED, "int32")))
    given = numpy_of(given)
    np.testing.assert_array_equal(images, given)
    np.testing.assert_array_equal(labels, np.eye(SIZE))


# On JAX each costs a compilation: there without those of other options of the same mixers.
PLANS = [name for name in MADE if keras.backend.backend() != "jax" or not name.endswith(OTHERWISE)]


@pytest.mark.parametrize("name", PLANS)
def test_plans_are_those_of_tensorflow(name):
    with np.load(STORED) as stored:
        expected = {
            part: stored[f"{name}/{part}"][:2]
            for part in STORED_PARTS
            if f"{name}/{part}" in stored
        }
    assert expected

    def drawn(seed):
        with namespaces.using(namespaces.default()):
            return tensors_of(MADE[name], seed)

    drawn = by_backend(drawn)
    seeds = [np.array([number, 7 * number - 100], "int32") for number in range(2)]
    plans = [{part: numpy_of(each) for part, each in drawn(seed).items()} for seed in seeds]
    for part, values in expected.items():
        if part == "region":
            found = [zlib.crc32(plan["region"].astype("uint8").tobytes()) for plan in plans]
        elif part == "soft":
            found = [plan["region"][:, ::8, ::8, 1] for plan in plans]
        else:
            found = [plan[part] for plan in plans]
        # λ is a quantile, which libraries compute alike but for the last bit.
        tolerance = 1e-6 if values.dtype.kind == "f" else 0
        np.testing.assert_allclose(found, values, rtol=0, atol=tolerance, err_msg=part)
