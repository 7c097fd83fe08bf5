"""Digits by a small vision transformer: cut images whose labels go by area, or by attention too."""

import keras
import numpy as np
from keras import layers, ops
from sklearn import datasets
from sklearn.model_selection import train_test_split

from comparisons.training import batched, fit, scored
from keras_mix.layers import CutMix, GridMix
from keras_mix.models import AttentionWeights, MixingModel

CLASSES, EPOCHS = 10, 100
TRAINING = 600  # images to train on; the test has all others
PATCH, WIDTH, BLOCKS = 2, 32, 3
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
LAST = f"attention_{BLOCKS - 1}"

# {method: (the mixer, the label weights), or None}
METHODS = {
    "none": None,
    "CutMix": lambda: (CutMix(), None),
    "TransMix": lambda: (CutMix(), AttentionWeights(LAST)),
    "GridMix": lambda: (GridMix(), None),
    "MixPro": lambda: (GridMix(), AttentionWeights(LAST, trust="progressive")),
}
# {title: (method, the one that it is compared with, seed by seed)}
PAIRS = {
    "CutMix": ("CutMix", "none"),
    "attention, with CutMix": ("TransMix", "CutMix"),
    "GridMix": ("GridMix", "none"),
    "attention, with GridMix": ("MixPro", "GridMix"),
}


def run(seed, epochs=EPOCHS):
    """{method: {score: value}} of one seed, with the losses of the first and the last epoch."""
    images, ids = datasets.load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
    x, test, y, test_ids = train_test_split(
        images, ids, train_size=TRAINING, stratify=ids, random_state=seed
    )
    found = {}
    for method, make in METHODS.items():
        base = network(seed)
        model = base
        if make is not None:
            mixer, weights = make()
            model = MixingModel(base, mixer=mixer, weigh_labels=weights, seed=seed)
        losses = fit(model, batched(x, y, seed), epochs, rate=2e-3, loss=LOGITS)
        found[method] = {
            **scored(base.predict(test, verbose=0), test_ids),
            "loss, first epoch": losses[0],
            "loss, last epoch": losses[-1],
        }
    return found


def network(seed):
    """A vision transformer of three blocks and a class token, with initial weights of the seed."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(WIDTH, PATCH, strides=PATCH)(inputs)
    x = Tokens()(layers.Reshape((-1, WIDTH))(x))
    for block in range(BLOCKS):
        attended = layers.LayerNormalization()(x)
        attended = layers.MultiHeadAttention(4, WIDTH // 4, name=f"attention_{block}")(
            attended, attended
        )
        x = layers.Add()([x, attended])
        hidden = layers.Dense(2 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(WIDTH)(hidden)])
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.LayerNormalization()(x)[:, 0]))


class Tokens(layers.Layer):
    """Puts a class token before the patches, and adds what is learned of each position."""

    def build(self, input_shape):
        _, count, width = input_shape
        self.positions = self.add_weight(shape=(count + 1, width), initializer="random_normal")

    def call(self, patches):
        return ops.pad(patches, [[0, 0], [1, 0], [0, 0]]) + self.positions


def differences(results):
    """{title: {score: [one for each seed]}}, of the scores of predictions."""
    return {
        title: {
            score: list(np.subtract(results[method][score], results[other][score]))
            for score in ("accuracy", "nll", "ece")
        }
        for title, (method, other) in PAIRS.items()
    }
