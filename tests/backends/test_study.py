"""The study's engine trains many seeds at once as Keras trains each of them."""

import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from scipy.special import softmax

if keras.backend.backend() != "jax":
    pytest.skip("the engine of the study runs on JAX", allow_module_level=True)

from keras_mix.calibration import MixupRescaling
from keras_mix.models import ManifoldMixup
from tools.study import attacks, engine, networks
from tools.study.rescaling import rescaled_logits

SEEDS, STEPS, BATCH, CLASSES = (3, 11), 3, 6, 3


def build():
    return networks.build("digits", "narrow", (8, 8, 1), CLASSES)


@functools.cache
def plain():
    """A trainer of the network itself, which several tests share."""
    return engine.Trainer(build, SEEDS)


def samples():
    rng = np.random.default_rng(0)
    x = rng.random((len(SEEDS), STEPS, BATCH, 8, 8, 1), np.float32)
    ids = rng.integers(0, CLASSES, x.shape[:3])
    return x, np.eye(CLASSES, dtype=np.float32)[ids]


@pytest.mark.parametrize("wrap", [None, lambda network: ManifoldMixup(network, mix_at=["input"])])
def test_a_seed_is_trained_as_keras_trains_it(wrap):
    x, y = samples()
    trainer = plain() if wrap is None else engine.Trainer(build, SEEDS, wrap)
    rates = np.full(STEPS, engine.RATE)
    states = trainer.steps(trainer.start, x, y, rates)
    keras.utils.set_random_seed(SEEDS[1])
    network = build()
    model = network if wrap is None else wrap(network)
    model.compile(
        keras.optimizers.Adam(engine.RATE), keras.losses.CategoricalCrossentropy(from_logits=True)
    )
    for step in range(STEPS):
        model.train_on_batch(x[1, step], y[1, step])
    for stacked, variable in zip(states[0], network.trainable_variables, strict=True):
        np.testing.assert_allclose(stacked[1], variable, atol=2e-5)


def test_the_rate_of_each_step_is_the_one_given():
    x, y = samples()
    trainer = plain()
    still = trainer.steps(trainer.start, x, y, np.zeros(STEPS))
    for before, after in zip(trainer.start[0], still[0], strict=True):
        np.testing.assert_array_equal(before, after)


def test_stacked_networks_predict_and_are_attacked_as_each_by_itself():
    x, y = samples()
    trainer = plain()
    stacked = engine.Networks(build(), [np.asarray(each) for each in trainer.start[0]])
    images, ids = x.reshape(len(SEEDS), -1, 8, 8, 1), y.argmax(axis=-1).reshape(len(SEEDS), -1)
    logits = stacked.logits(images)
    under = attacks.accuracies(stacked, images, ids)
    for place, seed in enumerate(SEEDS):
        keras.utils.set_random_seed(seed)
        np.testing.assert_allclose(logits[place], build()(images[place]), atol=1e-5)
    clean = (logits.argmax(axis=-1) == ids).mean(axis=1)
    assert (under["pgd"] <= under["fgsm"]).all()
    assert (under["fgsm"] <= clean).all()


def test_rescaled_predictions_are_those_of_the_package():
    x, y = samples()
    images, labels = x.reshape(2, -1, 8, 8, 1), y.reshape(2, -1, CLASSES)
    trainer = plain()
    stacked = engine.Networks(build(), [np.asarray(each) for each in trainer.start[0]])
    held = SimpleNamespace(
        x=images[:, 6:], train=images[:, :6], given=labels.argmax(axis=-1)[:, :6], classes=CLASSES
    )
    found = softmax(rescaled_logits(stacked, held, 1.0)[0], axis=-1)
    keras.utils.set_random_seed(SEEDS[0])
    model = MixupRescaling(build(), alpha=1.0, from_logits=True)
    model.adapt(held.train[0], labels[0, :6])
    np.testing.assert_allclose(found, softmax(np.log(model(held.x[0])), axis=-1), atol=1e-5)


def test_the_convolution_is_kerass_own():
    ours = networks.Convolution(4)
    x = np.random.default_rng(0).random((2, 7, 8, 3), np.float32)
    kernel = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype("float32")
    ours.build(x.shape)
    ours.dense.kernel.assign(kernel.reshape(-1, 4))
    padded = keras.ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    right = keras.ops.relu(keras.ops.conv(padded, kernel, strides=2, padding="valid"))
    np.testing.assert_allclose(ours(x), right, atol=1e-5)


def test_the_order_is_a_permutation_in_each_epoch():
    order = engine.order(10, 4, 5, seed=0)
    assert order.shape == (5, 4)
    for epoch in order.reshape(2, 10):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(10))
