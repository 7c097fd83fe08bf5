"""Pairs of a written and a spoken digit, tested with noise on one and with one missing."""

import keras
import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from comparisons import speech
from comparisons.sounds import encoder, spectrograms
from comparisons.training import fit, gathered, mixed, scored
from keras_mix.layers import CrossModalMix, ModalityDropout
from keras_mix.losses import CrossModalConsistencyLoss, MixedLoss

CLASSES, EPOCHS = 10, 60
PAIRS = 100  # to train on; the test has all other images
DROPPED = 0.3  # the rate at which a modality is dropped, the layer's default
CONSISTENCY = 0.1  # the weight of the consistency loss

# {method: (rate of mixing, rate of dropping, weight of consistency)}
METHODS = {
    "none": (0.0, 0.0, 0.0),
    "CrossModalMix": (1.0, 0.0, 0.0),
    "+ ModalityDropout": (1.0, DROPPED, 0.0),
    "+ consistency": (1.0, DROPPED, CONSISTENCY),
}


def run(seeds, epochs=EPOCHS):
    """{"digits, seen and heard": {method: {"score, condition": [one for each seed]}}}."""
    if not speech.available():
        return {}
    return {
        "digits, seen and heard": {
            method: gathered([_trained(*how, seed, epochs) for seed in range(seeds)])
            for method, how in METHODS.items()
        }
    }


def conditions(images, clips, rng):
    """{condition: (images, spectrograms)} of a test. A missing modality is zeros: dark, silent."""
    noisy_images = images + rng.normal(0, images.std(), images.shape).astype("float32")
    noisy_clips = clips + rng.normal(0, clips.std(), clips.shape).astype("float32")
    sounds, noisy_sounds = (np.array(spectrograms(each)) for each in (clips, noisy_clips))
    return {
        "both": (images, sounds),
        "image noisy": (noisy_images, sounds),
        "sound noisy": (images, noisy_sounds),
        "image missing": (np.zeros_like(images), sounds),
        "sound missing": (images, np.zeros_like(sounds)),
    }


def paired(seed):
    """(images (N, 8, 8, 1), clips (N, T), ids (N,)) for training, and the same for testing."""
    rng = np.random.default_rng(seed)
    images, ids = datasets.load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
    parts = train_test_split(images, ids, train_size=PAIRS, stratify=ids, random_state=seed)
    seen, unseen = speech.TRAINING_VOICES, speech.TEST_VOICES
    return [
        (x, _said(y, voices, rng), y)
        for x, y, voices in ((parts[0], parts[2], seen), (parts[1], parts[3], unseen))
    ]


def network(shapes, rate, seed):
    """Two encoders; a classifier on both features, and both in a shared space to be compared."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    kept = ModalityDropout(rate)(inputs)
    image = layers.Conv2D(32, 3, activation="relu")(kept["image"])
    image = layers.Conv2D(32, 3, activation="relu")(image)
    image = layers.Dense(64, "relu")(layers.Flatten()(image))
    sound = layers.Dense(64, "relu")(encoder(shapes["sound"])(kept["sound"]))
    views = keras.ops.stack([layers.Dense(32)(image), layers.Dense(32)(sound)], axis=1)
    label = layers.Dense(CLASSES)(layers.Concatenate()([image, sound]))
    return keras.Model(inputs, {"label": label, "views": views})


def _trained(rate, dropped, consistency, seed, epochs):
    """The scores of one network under all conditions."""
    (images, clips, ids), (test_images, test_clips, test_ids) = paired(seed)
    x = {"image": images, "sound": np.array(spectrograms(clips))}
    mixer = CrossModalMix(rate=rate, label_mode="pairs")
    dataset = mixed(mixer, x, ids, seed).map(_for_both)
    model = network({name: leaf.shape[1:] for name, leaf in x.items()}, dropped, seed)
    losses = {
        "label": MixedLoss(keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        # Pairs of one class match, too, by the share that they have in common.
        "views": CrossModalConsistencyLoss("info_nce"),
    }
    weights = {"label": 1.0, "views": consistency}
    fit(model, dataset, epochs, loss=losses, loss_weights=weights, rate=3e-3)
    rng = np.random.default_rng(seed)
    found = {}
    for condition, (image, sound) in conditions(test_images, test_clips, rng).items():
        logits = model.predict({"image": image, "sound": sound}, verbose=0)["label"]
        for score, value in scored(logits, test_ids).items():
            found[f"{score}, {condition}"] = value
    return found


def _for_both(x, packed):
    return x, {"label": packed, "views": packed}


def _said(ids, voices, rng):
    """A recording of each digit, by any of the voices."""
    clips, spoken = speech.recordings(voices)
    return clips[[rng.choice(np.flatnonzero(spoken == digit)) for digit in ids]]
