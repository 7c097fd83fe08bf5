"""Mixes and trains as a new user does, with the keras_mix that is installed."""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_mix

installed = Path(keras_mix.__file__).resolve()
assert installed.is_relative_to(Path(sys.prefix).resolve()), f"{installed} is not the installed one"

draw = np.random.default_rng(0)
images, labels = draw.random((4, 8, 8, 3), dtype="float32"), np.array([0, 1, 2, 0], "int32")
dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
for mixer in (keras_mix.layers.MixUp(num_classes=3), keras_mix.layers.CutMix(num_classes=3)):
    for mixed, weights in keras_mix.data.mix(dataset, mixer, seed=1):
        assert mixed.shape == (4, 8, 8, 3), mixed.shape
        assert np.allclose(np.sum(weights, axis=1), 1.0), weights

text, picture = keras.Input((6,), dtype="int32", name="text"), keras.Input((3,), name="picture")
words = keras.layers.Embedding(9, 4, mask_zero=True, name="words")(text)
read = keras.layers.LSTM(4)(words)
seen_and_read = keras.layers.Concatenate()([picture, read])
x = {"text": np.ones((8, 6), "int32"), "picture": np.ones((8, 3), "float32")}


def trained(inputs, outputs, mix_at=None):
    """Returns a wrapped model after an epoch on the inputs of these names."""
    base = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(outputs))
    model = keras_mix.models.ManifoldMixup(base, mix_at=mix_at)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    given = {name: x[name] for name in inputs}
    history = model.fit(given, np.arange(8) % 3, verbose=0).history
    assert np.isfinite(history["loss"]).all(), history
    return model


trained({"text": text, "picture": picture}, seen_and_read, [("input/picture", "words")])
model = trained({"text": text}, read)
model.save("wrapped.keras")
np.save("predicted.npy", model.predict({"text": x["text"]}, verbose=0))
