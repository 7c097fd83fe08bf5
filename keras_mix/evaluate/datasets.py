"""Data sets for the command: the digits of scikit-learn, Keras's, and folders of images."""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from keras_mix._core import checks
from keras_mix._core.optional_imports import require
from keras_mix._core.spelling import suggestion
from keras_mix.evaluate import image_folder

KERAS = ("cifar10", "cifar100", "fashion_mnist", "mnist")
BUILT_IN = ("digits", *KERAS)
# The fraction of a data set without given splits that is used for training.
TRAIN_FRACTION = 0.8
# The pixels of an image of a folder, in height and in width, unless a size is given.
FOLDER_IMAGE_SIZE = 32


class Data(NamedTuple):
    """A data set, split.

    Attributes:
        name: String, as passed to `load`.
        train: Pair of float32 images `(N, H, W, C)` in [0, 1] and int64 class ids `(N,)`.
        validation: The same, of other images.
        class_names: List of K strings.
        skipped: List of strings, the files that could not be read.
        notes: Tuple of strings, remarks for the reader of the results: the splits of a folder, the
            scale of images whose format defines none, and wrong labels.
    """

    name: str
    train: tuple
    validation: tuple
    class_names: list
    skipped: list
    notes: tuple = ()


def load(name, train_size=None, image_size=None, seed=0, label_noise=0.0):
    """Loads a data set and splits it into training and validation samples.

    `digits` and folders of classes are split at random with the classes in proportion, by default
    80 % for training; all other samples are for validation. Keras's data sets use their own test
    split for validation, and `train_size` draws from their training split. The same holds for
    folders with splits: beside `train`, the sub-folder `val` (`valid`, `validation`, `dev`) is for
    validation, or `test` if there is no other; a `test` beside both is not read.

    Args:
        name: `"digits"` (1,797 scans of 8×8 pixels, part of scikit-learn), `"cifar10"`,
            `"cifar100"`, `"mnist"`, `"fashion_mnist"` (downloaded by Keras), or the path of a
            folder with one sub-folder of images per class, or with such folders below `train` and
            `val`.
        train_size: Integer. Number of training samples. Defaults to None: all.
        image_size: Integer, in pixels. Height and width to which images of a folder are resized,
            whatever their aspect ratio. Defaults to None: 32 for a folder; built-in data sets keep
            their size and refuse this argument.
        seed: Integer. Seed of the split and of the wrong labels. Defaults to 0.
        label_noise: Float in [0, 1]. Fraction of the training labels that are made wrong, see
            `with_wrong_labels`; validation labels stay as they are. Defaults to 0.0.

    Returns:
        A `Data`.

    Raises:
        ValueError: If the name is neither known nor a folder; if the folder does not have two
            classes of images; if its splits differ in their classes; if `train_size` leaves a class
            without samples; if `image_size` is given for a built-in data set; or if `label_noise`
            is out of range.
        OSError: If a download fails.
        ImportError: If scikit-learn or Pillow is needed and missing.

    Example:

    >>> data = load("digits", train_size=300)
    >>> data.train[0].shape, data.validation[0].shape
    ((300, 8, 8, 1), (1497, 8, 8, 1))
    """
    if name in BUILT_IN and image_size is not None:
        raise ValueError(
            "datasets.load: `image_size` is for folders, built-in data sets keep their size. "
            f"Received: image_size={image_size} for {name}"
        )
    checks.number("label_noise", label_noise, high=1.0)
    data = _loaded(name, train_size, image_size, seed)
    return with_wrong_labels(data, label_noise, seed) if label_noise else data


def with_wrong_labels(data, label_noise, seed=0):
    """Makes a fraction of the training labels wrong, as annotators do.

    Of N training samples, round(`label_noise` · N) are drawn without replacement, and the label of
    each is replaced by another class, all others equally probable: the fraction is that of labels
    that are really wrong. The samples are the same for every mixer and seed of a comparison.

    Args:
        data: A `Data`.
        label_noise: Float in [0, 1].
        seed: Integer. Defaults to 0.

    Returns:
        A `Data` with the same images, with a note on the labels.

    Raises:
        ValueError: If `label_noise` is out of range.

    Example:

    >>> clean = load("digits", train_size=100)
    >>> noisy = with_wrong_labels(clean, 0.3)
    >>> int((noisy.train[1] != clean.train[1]).sum())
    30
    """
    label_noise = checks.number("label_noise", label_noise, high=1.0)
    images, ids = data.train
    # Another stream of numbers than the split's, which is drawn by the bare seed.
    rng = np.random.default_rng([seed, 1])
    wrong = rng.permutation(len(ids))[: round(label_noise * len(ids))]
    classes, changed = len(data.class_names), ids.copy()
    changed[wrong] = (ids[wrong] + rng.integers(1, classes, len(wrong))) % classes
    note = (
        f"{len(wrong):,} of the {len(ids):,} training labels ({100 * label_noise:g} %) are wrong "
        "on purpose, each drawn among the other classes; the validation labels are as they were."
    )
    return data._replace(train=(images, changed), notes=(*data.notes, note))


def _loaded(name, train_size, image_size, seed):
    if name in KERAS:
        return _keras(name, train_size, seed)
    if name == "digits":
        images, ids, class_names = _digits()
        return Data(name, *_drawn(images, ids, train_size, seed, class_names), class_names, [])
    size = FOLDER_IMAGE_SIZE if image_size is None else image_size
    return _folder(name, _found(name), train_size, size, seed)


def sample(name, count, image_size=None, seed=0):
    """Loads images for a preview; from a folder it reads only as many files as requested.

    Args:
        name: As in `load`. From a folder with splits, training samples are read.
        count: Integer ≥ 1. Number of images to read from a folder, drawn at random; all if there
            are fewer. Built-in data sets are loaded whole.
        image_size: Integer, in pixels, as in `load`.
        seed: Integer. Seed of the choice. Defaults to 0.

    Returns:
        A `Data`, without validation samples if it is a folder.

    Raises:
        ValueError: As in `load`.
        OSError: As in `load`.
        ImportError: As in `load`.
    """
    if name in BUILT_IN:
        return load(name, image_size=image_size, seed=seed)
    folder = _found(name)
    part = image_folder.splits(folder).get(image_folder.TRAIN, ".")
    size = FOLDER_IMAGE_SIZE if image_size is None else image_size
    samples, class_names, *remarks = image_folder.sample(folder, size, count, seed, part)
    images, ids = samples[0]
    return Data(str(name), (images, ids), (images[:0], ids[:0]), class_names, *remarks)


def held_out(name, image_size):
    """Loads the samples on which a model is evaluated that was trained elsewhere.

    Args:
        name: As in `load`. Of a folder with splits, `val` is read, or `test` if there is no other;
            of a folder of classes, all images; of built-in data sets what validates there.
        image_size: Pair of integers, in pixels. Height and width to which images of a folder are
            resized; built-in data sets keep their size and refuse all but None.

    Returns:
        A `Data`, without training samples if it is a folder.

    Raises:
        ValueError: As in `load`.
        OSError: As in `load`.
        ImportError: As in `load`.
    """
    if name in BUILT_IN:
        return load(name, image_size=image_size)
    folder = _found(name)
    splits = image_folder.splits(folder)
    part = splits.get(image_folder.VALIDATION, splits.get(image_folder.TEST))
    if splits and part is None:
        raise ValueError(
            "datasets.held_out: a folder of splits must hold images with labels for validation. "
            f"Received: {splits[image_folder.TRAIN]} alone in {str(folder)!r}"
        )
    samples, class_names, skipped, scale = image_folder.read(folder, image_size, [part or "."])
    images, ids = samples[0]
    notes = (f"The split {part!r} is scored.",) if part else ()
    notes += (f"The classes, in this order: {', '.join(class_names)}.",)
    return Data(
        str(name), (images[:0], ids[:0]), (images, ids), class_names, skipped, notes + scale
    )


def _found(name):
    """Returns the path of a folder, or refuses the name."""
    folder = pathlib.Path(os.path.expanduser(name))
    if not str(name) or not folder.is_dir():
        lacking = "a file instead of a folder" if folder.is_file() else "no such folder"
        raise ValueError(
            f"datasets.load: unknown data set, and {lacking}. Received: {str(name)!r}. "
            f"Known: {', '.join(BUILT_IN)}, or a folder with one sub-folder of images per class."
            + suggestion(str(name), BUILT_IN)
        )
    return folder


def _folder(name, folder, train_size, image_size, seed):
    splits = image_folder.splits(folder)
    scoring = splits.get(image_folder.VALIDATION, splits.get(image_folder.TEST))
    parts = [splits[image_folder.TRAIN] if splits else ".", *([scoring] if scoring else [])]
    samples, class_names, skipped, scale = image_folder.read(folder, image_size, parts)
    images, ids = samples[0]
    if scoring is None:
        train, validation = _drawn(images, ids, train_size, seed, class_names)
    else:
        train = _thinned(images, ids, train_size, seed, class_names)
        validation = samples[1]
    return Data(str(name), train, validation, class_names, skipped, _notes(splits, scoring) + scale)


def _notes(splits, scoring):
    if not splits:
        return ()
    if scoring is None:
        (train,) = splits.values()
        return (f"{train!r} trains and validates, since no other split has folders of classes.",)
    unread = [name for name in splits.values() if name not in (splits[image_folder.TRAIN], scoring)]
    note = f"The split {splits[image_folder.TRAIN]!r} trains, {scoring!r} validates"
    return (note + "".join(f"; {name!r} is not read" for name in unread) + ".",)


def _drawn(images, ids, size, seed, class_names):
    """Returns training and validation samples, drawn with the classes in proportion."""
    if size is None:
        size = round(TRAIN_FRACTION * len(ids))
        # Small classes: at least one image of each to train, and one to validate.
        size = int(np.clip(size, len(class_names), max(len(ids) - len(class_names), 1)))
    chosen, rest = split(ids, size, seed, class_names)
    return (images[chosen], ids[chosen]), (images[rest], ids[rest])


def _thinned(images, ids, size, seed, class_names):
    """Some of the training samples, drawn with the classes in proportion; all by default."""
    if size is None:
        return images, ids
    chosen, _ = split(ids, size, seed, class_names, rest=0)
    return images[chosen], ids[chosen]


def split(ids, size, seed, class_names, rest=1):
    """Draws samples with the classes in proportion.

    Args:
        ids: Integer array `(N,)` of class ids.
        size: Integer. Number of samples to draw.
        seed: Integer.
        class_names: List of K strings.
        rest: Integer. Number of samples of each class that must remain.

    Returns:
        Two sorted integer arrays: the indices of the drawn samples and of the others.

    Raises:
        ValueError: If a class would have no drawn sample or fewer than `rest` others.
    """
    counts = np.bincount(ids, minlength=len(class_names))
    for name, count in zip(class_names, counts, strict=True):
        if count < 1 + rest:
            raise ValueError(
                f"datasets.split: each class needs at least {1 + rest} images. "
                f"Received: {count} of class {name!r}"
            )
    smallest, largest = len(counts), int((counts - rest).sum())
    if not smallest <= size <= largest:
        raise ValueError(
            "datasets.split: the number of training samples must be from "
            f"{smallest} (one of each class) to {largest}. Received: train_size={size}"
        )
    shares = _proportional(counts, size, rest)
    order = np.random.default_rng(seed).permutation(len(ids))
    chosen = [order[ids[order] == k][:share] for k, share in enumerate(shares)]
    chosen = np.sort(np.concatenate(chosen))
    return chosen, np.setdiff1d(np.arange(len(ids)), chosen)


def _proportional(counts, size, rest):
    """Returns how many of each class to draw: in proportion, at least 1, at most count - rest."""
    exact = counts * size / counts.sum()
    shares = np.clip(np.floor(exact).astype(int), 1, counts - rest)
    while shares.sum() != size:
        step = 1 if shares.sum() < size else -1
        possible = (shares < counts - rest) if step > 0 else (shares > 1)
        furthest = np.argmax(np.where(possible, step * (exact - shares), -np.inf))
        shares[furthest] += step
    return shares


def _digits():
    digits = require("sklearn.datasets", "The data set digits").load_digits()
    # The scans count the set pixels, 0..16, of 4×4 blocks.
    images = (digits.images / 16.0).astype(np.float32)[..., None]
    return images, digits.target.astype(np.int64), [str(name) for name in digits.target_names]


def _keras(name, train_size, seed):
    import keras  # slow, and digits and folders do not need it

    try:
        (images, ids), validation = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception for every failed download
        raise OSError(f"datasets.load: {name} could not be downloaded: {error}") from error
    ids = np.asarray(ids).reshape(-1).astype(np.int64)
    class_names = _CLASS_NAMES.get(name) or [str(k) for k in range(ids.max() + 1)]
    images, ids = _thinned(images, ids, train_size, seed, class_names)
    test_ids = np.asarray(validation[1]).reshape(-1).astype(np.int64)
    return Data(name, (_scaled(images), ids), (_scaled(validation[0]), test_ids), class_names, [])


def _scaled(images):
    """Turns uint8 (N, H, W) or (N, H, W, C) into float32 (N, H, W, C) in 0..1."""
    images = np.asarray(images, np.float32) / 255.0
    return images if images.ndim == 4 else images[..., None]


_CLASS_NAMES = {
    "cifar10": [
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ],
    "fashion_mnist": [
        *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
    ],
}
