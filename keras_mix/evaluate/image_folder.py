"""Images in a folder with one sub-folder per class, optionally below folders of splits."""

import pathlib
import re

import numpy as np

from keras_mix._core.spelling import printable
from keras_mix.evaluate import image_file

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_SPLIT_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
# What archives of macOS leave behind.
_DEBRIS = "__MACOSX"


def splits(folder):
    """Finds the sub-folders that are splits instead of classes.

    Sub-folders are splits if at least two of train, val (valid, validation, dev) and test are
    among them, in any case, with or without a word such as `_set` or `_images` behind; others
    beside them do not count.

    Args:
        folder: str or path.

    Returns:
        dict, `"train"`, `"validation"` or `"test"` → name of the sub-folder; empty if the
        sub-folders are classes. Splits of unlabelled images, without sub-folders, are left out.

    Raises:
        ValueError: if there is no training split, two sub-folders are the same split, or the
            splits lie below the classes.
    """
    folder = pathlib.Path(folder)
    found = _splits(folder)
    if len(found) < 2:
        for path in _sub_folders(folder):
            if TRAIN in (inner := _splits(path)) and len(inner) > 1:
                raise ValueError(
                    "image_folder.splits: splits must lie above the classes, as in "
                    f"{TRAIN}/{path.name}. Received: splits in {str(path)!r}"
                )
        return {}
    for role, names in found.items():
        if len(names) > 1:
            raise ValueError(
                "image_folder.splits: each split must be one sub-folder. "
                f"Received: {' and '.join(map(repr, names))} for {role} in {str(folder)!r}"
            )
    if TRAIN not in found:
        raise ValueError(
            "image_folder.splits: a folder of splits must hold a training split. "
            f"Received: {', '.join(name for (name,) in found.values())} in {str(folder)!r}; name "
            f"one sub-folder {TRAIN}, or pass a folder with one sub-folder of images a class"
        )
    return {
        role: name
        for role, (name,) in found.items()
        if role == TRAIN or _sub_folders(folder / name)
    }


def read(folder, image_size, parts=(".",)):
    """Reads all images of one or several folders of classes.

    A sub-folder is a class, its name the class's; images may lie deeper in it. Hidden files and
    folders do not count. Images become RGB, turned upright as their EXIF data say, and are
    resized without regard to their proportions. What cannot be read as an image is named in
    `skipped`, and nothing else is lost.

    Args:
        folder: str or path.
        image_size: int in pixels, from 1, the height and width of the result.
        parts: sequence of str, the folders of classes below `folder`. The first one defines the
            classes; the others may lack some.

    Returns:
        samples: list of ((N, image_size, image_size, 3) float32 images in 0..1, (N,) int64 indices
            into `class_names`), one for each part.
        class_names: list of K str, sorted.
        skipped: list of str, the unreadable files relative to `folder`, in order.
        notes: tuple of str, a sentence on the scale of images that define no white, if any.

    Raises:
        ValueError: if there are fewer than two sub-folders, one of those that define the classes
            or a whole part holds no readable image, another part has a class of its own, or
            `image_size` is less than 1.
        ImportError: if Pillow is missing.
    """
    folder = pathlib.Path(folder)
    _check_size(image_size)
    class_names = _class_names(folder / parts[0])
    for part in parts[1:]:
        _check_classes(folder / part, class_names, parts[0])
    images, ids, skipped = [], [], []
    for part in parts:
        ids.append([])
        for k, name in enumerate(class_names):
            for file in _files(folder / part / name):
                image = image_file.decode(file, image_size)
                if image is None:
                    skipped.append(printable(file.relative_to(folder)))
                else:
                    images.append(image)
                    ids[-1].append(k)
            if len(ids) == 1 and k not in ids[0][-1:]:
                _refuse_empty(folder / part / name)
        if not ids[-1]:
            _refuse_empty(folder / part)
    notes = _scale_notes(images)
    # Together, so that images without a defined white have the same scale in all parts.
    images = np.split(image_file.scaled(images), np.cumsum([len(part) for part in ids])[:-1])
    samples = [(part, np.array(k, np.int64)) for part, k in zip(images, ids, strict=True)]
    return samples, [printable(name) for name in class_names], skipped, notes


def sample(folder, image_size, count, seed, part="."):
    """Reads some images of a folder of classes, drawn at random, and no other files.

    Args:
        folder: str or path.
        image_size: int in pixels, from 1, as in `read`.
        count: int, how many images to read; all of them if there are fewer.
        seed: int, of the choice.
        part: str, the folder of classes below `folder`.

    Returns:
        As `read`: the samples of the one part, the names of all classes, the unreadable files
        among those that were tried, and the notes.

    Raises:
        ValueError: as `read`, but that files which are not drawn are not tried.
        ImportError: if Pillow is missing.
    """
    folder = pathlib.Path(folder)
    _check_size(image_size)
    class_names = _class_names(folder / part)
    files = []
    for k, name in enumerate(class_names):
        found = _files(folder / part / name)
        if not found:
            _refuse_empty(folder / part / name)
        files += [(file, k) for file in found]
    images, ids, skipped = [], [], []
    for index in np.random.default_rng(seed).permutation(len(files)):
        file, k = files[index]
        if len(images) == count:
            break
        image = image_file.decode(file, image_size)
        if image is None:
            skipped.append(printable(file.relative_to(folder)))
        else:
            images.append(image)
            ids.append(k)
    if not images:
        _refuse_empty(folder / part)
    samples = [(image_file.scaled(images), np.array(ids, np.int64))]
    names = [printable(name) for name in class_names]
    return samples, names, sorted(skipped), _scale_notes(images)


def _check_size(image_size):
    if image_size < 1:
        raise ValueError(
            f"image_folder.read: `image_size` must be at least 1 pixel. Received: {image_size}"
        )


def _scale_notes(images):
    common = image_file.span(images)
    if common is None:
        return ()
    count = sum(image.white is None for image in images)
    return (
        f"The numbers {common[0]:g} to {common[1]:g} are black to white in the {count} float or "
        "32-bit images.",
    )


def _splits(folder):
    """Returns dict, split → list of the names of sub-folders."""
    found = {}
    for path in _sub_folders(folder):
        stem = re.sub(r"[ _.-]?(set|data|images|split)$", "", path.name.lower())
        if stem in _SPLIT_NAMES:
            found.setdefault(_SPLIT_NAMES[stem], []).append(path.name)
    return found


def _class_names(folder):
    names = [path.name for path in _sub_folders(folder)]
    if len(names) < 2:
        raise ValueError(
            "image_folder.read: the folder must hold one sub-folder of images for each class, at "
            f"least 2. Received: {len(names)} sub-folders in {str(folder)!r}"
            + "".join(f"; the classes may be the sub-folders of {name!r}" for name in names)
        )
    return names


def _check_classes(folder, class_names, first):
    others = [path.name for path in _sub_folders(folder) if path.name not in class_names]
    if others:
        raise ValueError(
            f"image_folder.read: all splits must have the classes of {first!r}. "
            f"Received: {', '.join(map(repr, others))} in {str(folder)!r} only"
        )


def _refuse_empty(folder):
    raise ValueError(
        "image_folder.read: each sub-folder must hold images that Pillow can read. "
        f"Received: none in {str(folder)!r}"
    )


def _sub_folders(folder):
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name != _DEBRIS
    )


def _files(folder):
    """Returns the files below a folder, sorted, without hidden ones."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
