"""Digits from mixed features: aligned maps, and styles mixed for colors not trained on."""

import keras
import numpy as np
import tensorflow as tf
from sklearn import datasets
from sklearn.model_selection import train_test_split

from comparisons.training import BATCH, batched, fit, gathered, scored
from keras_mix.layers import MixStyle
from keras_mix.models import AlignMixup, ManifoldMixup, MixingModel

CLASSES, EPOCHS, TRAINING, WIDTH = 10, 60, 300, 32
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# {method: function of (network, seed) that makes the model to train}
WRAPPERS = {
    "none": lambda model, seed: model,
    "MixUp": lambda model, seed: MixingModel(model, alpha=1.0, seed=seed),
    "ManifoldMixup": lambda model, seed: ManifoldMixup(model, seed=seed),
    "AlignMixup": lambda model, seed: AlignMixup(model, seed=seed),
}
# {method: the options of MixStyle after the first convolution, None without it}
STYLES = {"none": None, "MixStyle": {}, "MixStyle, halves": {"pairing": "halves"}}
# The colors (ink, paper) of each domain.
KNOWN = [([0.9, 0.1, 0.1], [0.0, 0.0, 0.0]), ([0.2, 0.9, 0.2], [0.1, 0.1, 0.4])]
UNKNOWN = [([0.3, 0.4, 0.9], [0.3, 0.3, 0.1]), ([0.9, 0.9, 0.9], [0.4, 0.1, 0.4])]


def run(seeds, epochs=EPOCHS):
    """{data: {method: {score: [one for each seed]}}}."""
    return {
        "digits": _gathered(aligned, WRAPPERS, seeds, epochs),
        "digits in colors": _gathered(styled, STYLES, seeds, epochs),
    }


def aligned(wrap, seed, epochs):
    """The scores of a network that a model wraps in training."""
    x, test, y, test_ids = digits(seed)
    base = network((8, 8, 1), seed)
    fit(wrap(base, seed), batched(x, y, seed), epochs, loss=LOGITS)
    return scored(base.predict(test, verbose=0), test_ids)


def styled(options, seed, epochs):
    """The accuracies of a network with a style layer in the known and the unknown colors."""
    x, test, y, test_ids = digits(seed)
    model = network((8, 8, 3), seed, () if options is None else (MixStyle(seed=seed, **options),))
    fit(model, in_halves(x, y, seed), epochs, loss=LOGITS)
    found = {}
    for name, domains in (("known colors", KNOWN), ("unknown colors", UNKNOWN)):
        scores = [
            scored(model.predict(colored(test, *each), verbose=0), test_ids)["accuracy"]
            for each in domains
        ]
        found[name] = float(np.mean(scores))
    return found


def digits(seed):
    """Training images, test images, and the classes of both."""
    images, ids = datasets.load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
    return train_test_split(images, ids, train_size=TRAINING, stratify=ids, random_state=seed)


def colored(images, ink, paper):
    """Images (B, H, W, 1) in two colors."""
    return images * np.array(ink, "float32") + (1 - images) * np.array(paper, "float32")


def in_halves(x, y, seed):
    """Batches whose first half is of one domain, and the second of the other."""
    keras.utils.set_random_seed(seed)
    domains = [
        tf.data.Dataset.from_tensor_slices((colored(x, *each), y))
        .shuffle(len(y), seed=seed + number)
        .batch(BATCH // 2, drop_remainder=True)
        for number, each in enumerate(KNOWN)
    ]
    return tf.data.Dataset.zip(*domains).map(
        lambda *pairs: tf.nest.map_structure(lambda *each: tf.concat(each, 0), *pairs)
    )


def network(shape, seed, style=()):
    """Two convolutions, a pooling and a dense layer, with initial weights of the seed."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(WIDTH, 3, padding="same", activation="relu"),
            *style,
            layers.MaxPooling2D(),
            layers.Conv2D(WIDTH, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(CLASSES),
        ]
    )


def _gathered(experiment, methods, seeds, epochs):
    return {
        name: gathered([experiment(method, seed, epochs) for seed in range(seeds)])
        for name, method in methods.items()
    }
