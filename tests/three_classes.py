"""Three classes, a network that can tell them apart, and how it is compiled."""

import keras
import numpy as np

RNG = np.random.default_rng(0)
IDS = np.arange(96) % 3
X = (RNG.normal(size=(96, 8)) + 2.0 * np.eye(8)[IDS]).astype("float32")


def network(**options):
    return keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, activation="relu", name="one"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(16, activation="relu", name="two"),
            keras.layers.Dense(3, activation="softmax", dtype="float32", name="head"),
        ],
        **options,
    )


def compiled(model, **options):
    options = {"jit_compile": False, "metrics": ["accuracy"], **options}
    optimizer = options.pop("optimizer", keras.optimizers.SGD(0.05))
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    return model
