"""Trains ManifoldMixup around architectures of all kinds: two epochs, compiled by XLA and not.

    python tools/train_architectures.py                     # all of them; some ten minutes
    python tools/train_architectures.py MobileNetV3Small    # one

Each must train with a falling loss, predict after saving and loading as before, and train on.
Prints a line for each, and exits with 1 if one fails.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers

from keras_mix.models import ManifoldMixup

CLASSES = 4
SAMPLES = 128
WORDS, LENGTH = 40, 12


def images():
    """Noise around a color that depends on the class."""
    rng, ids = np.random.default_rng(0), np.arange(SAMPLES) % CLASSES
    colours = rng.random((CLASSES, 3))
    x = 255 * (0.8 * colours[ids][:, None, None] + 0.2 * rng.random((SAMPLES, 32, 32, 3)))
    return x.astype("float32"), ids


def sentences():
    """Words from the part of the vocabulary of each class, padded by zeros."""
    rng, ids = np.random.default_rng(0), np.arange(SAMPLES) % CLASSES
    words = 1 + 9 * ids[:, None] + rng.integers(0, 9, (SAMPLES, LENGTH))
    lengths = rng.integers(3, LENGTH + 1, (SAMPLES, 1))
    return np.where(np.arange(LENGTH) < lengths, words, 0).astype("int32"), ids


def application(name):
    """One of keras.applications, untrained."""
    build = getattr(keras.applications, name)
    return build(weights=None, input_shape=(32, 32, 3), classes=CLASSES)


@keras.saving.register_keras_serializable(package="train_architectures")
class Residual(keras.Model):
    """A residual network by subclassing: Keras does not know its graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = layers.Rescaling(1 / 255)
        self.stem = layers.Conv2D(8, 3, padding="same")
        self.blocks = [Block(8, name="block1"), Block(8, name="block2")]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, inputs):
        """Probabilities of the classes."""
        x = self.stem(self.scale(inputs))
        for block in self.blocks:
            x = block(x)
        return self.head(self.pool(x))


@keras.saving.register_keras_serializable(package="train_architectures")
class Block(layers.Layer):
    """Two convolutions and a skip connection."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.first = layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.norm = layers.BatchNormalization()
        self.second = layers.Conv2D(filters, 3, padding="same")

    def build(self, input_shape):
        """Builds the sub-layers, all of one shape."""
        for layer in (self.first, self.norm, self.second):
            layer.build(input_shape)

    def call(self, inputs, training=None):
        """The features, of the same shape."""
        x = self.norm(self.first(inputs), training=training)
        return keras.ops.relu(inputs + self.second(x))

    def get_config(self):
        """Returns the config of an equal layer."""
        return {**super().get_config(), "filters": self.filters}


def vision_transformer():
    """Patches of 8 × 8 pixels through two encoder blocks."""
    pixels = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(32, 8, strides=8)(x)
    x = layers.Reshape((16, 32))(x)
    for index in range(2):
        x = encoder_block(x, f"block{index}")
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(pixels, layers.Dense(CLASSES, activation="softmax")(x))


def transformer():
    """Token ids with padding through two encoder blocks."""
    ids = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, 32, mask_zero=True, name="embedding")(ids)
    for index in range(2):
        x = encoder_block(x, f"block{index}")
    x = layers.GlobalAveragePooling1D(name="sentence")(x)
    return keras.Model(ids, layers.Dense(CLASSES, activation="softmax")(x))


def encoder_block(x, name):
    """Attention and two dense layers, each with a skip connection."""
    attended = layers.MultiHeadAttention(2, 16)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    inner = layers.Dense(32)(layers.Dense(64, activation="gelu")(x))
    return layers.LayerNormalization(name=name)(layers.Add()([x, inner]))


def lstm():
    """Token ids with padding through two LSTMs."""
    ids = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, 32, mask_zero=True, name="embedding")(ids)
    x = layers.LSTM(32, return_sequences=True)(x)
    return keras.Model(ids, layers.Dense(CLASSES, activation="softmax")(layers.LSTM(32)(x)))


ARCHITECTURES = {
    "MobileNetV3Small": (lambda: application("MobileNetV3Small"), images),
    "EfficientNetB0": (lambda: application("EfficientNetB0"), images),
    "residual": (Residual, images),
    "vision-transformer": (vision_transformer, images),
    "transformer": (transformer, sentences),
    "lstm": (lstm, sentences),
}


def train(name, jit_compile):
    """Trains, saves, loads and continues training; returns the losses and the mix points."""
    keras.utils.set_random_seed(0)
    build, data = ARCHITECTURES[name]
    x, y = data()
    model = ManifoldMixup(build(), alpha=0.2)
    model.compile(
        keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=jit_compile
    )
    losses = model.fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"]
    if not losses[1] < losses[0]:
        raise AssertionError(f"the loss did not fall: {losses}")
    before = model.predict(x, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = keras.models.load_model(Path(folder) / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), before, rtol=1e-4, atol=1e-5)
    losses += loaded.fit(x, y, batch_size=16, verbose=0).history["loss"]
    if not losses[2] < losses[0]:
        raise AssertionError(f"the loaded model does not continue: {losses}")
    return losses, model.mix_points


def main():
    """Runs the requested architectures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ARCHITECTURES)}")
    names = parser.parse_args().names or list(ARCHITECTURES)
    unknown = sorted(set(names) - set(ARCHITECTURES))
    if unknown:
        parser.error(f"unknown: {unknown}. Known: {', '.join(ARCHITECTURES)}")
    failed = 0
    for name in names:
        for jit_compile in (False, True):
            start = time.perf_counter()
            try:
                losses, places = train(name, jit_compile)
            except Exception as error:
                failed += 1
                print(f"FAILED  {name}, jit_compile={jit_compile}: {error}", flush=True)
                continue
            shown = " → ".join(f"{loss:.3f}" for loss in losses)
            seconds = time.perf_counter() - start
            print(
                f"ok      {name}, jit_compile={jit_compile}: loss {shown}, {seconds:.0f} s; "
                f"mix points {places}",
                flush=True,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
