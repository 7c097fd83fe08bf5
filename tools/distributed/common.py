"""What all checks of tools/train_distributed.py share: a small task, a model, and how they tell."""

import sys

import numpy as np

CLASSES = 4
REPLICAS = 2
# Of one replica.
BATCH = 8
STEPS = 6


class Failure(Exception):
    """A check that does not hold."""


def tell(line):
    """Print by one write: two processes may do so at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def check(holds, what):
    """Say what holds, or fail."""
    if not holds:
        raise Failure(what)
    tell(f"ok: {what}")


def data():
    """Points around one corner for each class; a label tells the corner."""
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
    """The kind of an error and its longest line, in which TensorFlow tells the cause."""
    return f"{type(error).__name__}: {max(str(error).splitlines(), key=len)[:200]}"


def tell_of_plain_keras(what, function):
    """Whether Keras itself, without mixing, can do it; either is fine."""
    try:
        function()
    except Exception as error:
        tell(f"plain Keras: {what} fails with {says(error)}")
    else:
        tell(f"plain Keras: {what} works")


def fit(model, epochs=8):
    """The losses of the epochs of `fit`, and whether they are finite and falling."""
    x, y = data()
    losses = model.fit(x, y, batch_size=REPLICAS * BATCH, epochs=epochs, verbose=0).history["loss"]
    return losses, bool(np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0])
