"""Shared by all checks of tools/train_distributed.py: a small task, a model, and output."""

import sys

import numpy as np

CLASSES = 4
REPLICAS = 2
# Of one replica.
BATCH = 8
STEPS = 6


class Failure(Exception):
    """A check that failed."""


def tell(line):
    """Prints by one write, since two processes may print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def check(holds, what):
    """Prints what holds, or fails."""
    if not holds:
        raise Failure(what)
    tell(f"ok: {what}")


def data():
    """Points around one corner for each class."""
    noise, ids = np.random.default_rng(0), np.arange(REPLICAS * BATCH * STEPS) % CLASSES
    points = np.eye(CLASSES)[ids] + 0.1 * noise.standard_normal((len(ids), CLASSES))
    return points.astype("float32"), ids.astype("int32")


def base_model(*between):
    """A small classifier: layers in between, and a hidden one to mix at."""
    import keras

    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.Input((CLASSES,)),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            *between,
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def compiled(model, rate=0.1, **options):
    """The model, ready to train by plain gradient descent."""
    import keras

    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", **options)
    return model


def says(error):
    """Returns the type of an error and its longest line, where TensorFlow states the cause."""
    return f"{type(error).__name__}: {max(str(error).splitlines(), key=len)[:200]}"


def tell_of_plain_keras(what, function):
    """Reports whether Keras itself can do it without mixing; either is fine."""
    try:
        function()
    except Exception as error:
        tell(f"plain Keras: {what} fails with {says(error)}")
    else:
        tell(f"plain Keras: {what} works")


def fit(model, epochs=8):
    """Returns the losses of the epochs of `fit`, and whether they are finite and falling."""
    x, y = data()
    losses = model.fit(x, y, batch_size=REPLICAS * BATCH, epochs=epochs, verbose=0).history["loss"]
    return losses, bool(np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0])
