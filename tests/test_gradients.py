"""Gradients pass through every mixer, compiled or not, to the layers before a mix point."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import every_mixer, random_images, seed_of

from keras_mix import layers, models
from keras_mix._core.backend.selection import select
from keras_mix._core.backend.xla import call_compiled

pytestmark = pytest.mark.slow


@every_mixer
def test_gradients_of_a_compiled_mixer_are_those_of_a_plain_one(row):
    images = tf.constant(random_images(6, *row.grid(8, 5)))
    seen = tf.constant(random_images(*images.shape[:3], seed=1))
    labels = tf.one_hot(np.arange(6) % 3, 3)
    # Other values would do, but the mean has a gradient of its own.
    options = {**row.strong, "fill_value": "mean"} if row.erases else row.strong

    def gradient(jit_compile):
        layer = row.make(jit_compile=jit_compile, **options)

        @tf.function
        def found(images):
            with tf.GradientTape() as tape:
                tape.watch(images)
                mixed, _ = layer(images, labels, seed=seed_of())
                total = tf.reduce_sum(mixed * seen)
            return tape.gradient(total, images)

        return found(images)

    plain = gradient(jit_compile=False)
    assert tf.reduce_max(tf.abs(plain)) > 0
    np.testing.assert_allclose(gradient(jit_compile=True), plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(), (1, 1, 3), (4, 1, 3), (4, 5, 3)], ids=str)
def test_the_gradient_of_a_selection_has_the_shape_of_what_was_broadcast(shape):
    value, other = tf.ones(shape), tf.zeros([4, 5, 3])
    condition = tf.constant(np.random.default_rng(0).random((4, 5, 1)) < 0.5)

    def gradients(selection):
        def found(value, other):
            with tf.GradientTape() as tape:
                tape.watch([value, other])
                total = tf.reduce_sum(selection(condition, value, other) * tf.range(3.0))
            return tape.gradient(total, [value, other])

        return tf.function(lambda *given: call_compiled(found, given, compiles=True))(value, other)

    for found, expected in zip(gradients(select), gradients(tf.where), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mixer", [layers.CutMix, layers.ResizeMix], ids=lambda c: c.__name__)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_layers_before_a_hidden_mix_point_are_trained(mixer, jit_compile):
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(hidden))
    model = models.ManifoldMixup(keras.Model(inputs, outputs), mixer=mixer(), mix_at=["first"])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(True), jit_compile=jit_compile)
    kernel = model.base.get_layer("first").kernel
    before = kernel.numpy()
    model.fit(random_images(8, 8, 8), np.eye(3, dtype="float32")[np.arange(8) % 3], verbose=0)
    assert np.abs(kernel.numpy() - before).max() > 0
