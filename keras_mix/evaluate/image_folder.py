"""Images in a folder with one sub-folder per class, optionally below folders of splits."""

import itertools
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
    """Dict from "train", "validation" and "test" to the sub-folders that are splits, not classes.

    Sub-folders are splits if at least two of train, val (valid, validation, dev) and test are
    among them, in any case, with or without a word such as `_set` or `_images` behind; others
    beside them do not count. Splits of unlabelled images, without sub-folders, are left out.
    Refuses folders without a training split, with two sub-folders for one split, or with splits
    below the classes.
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
            f"one sub-folder {TRAIN}, or pass a folder with one sub-folder of images per class"
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
        folder: String or path.
        image_size: Integer ≥ 1, or a pair of them. Height and width of the result in pixels.
        parts: Sequence of strings. The folders of classes below `folder`. The first one defines
            the classes, each with a readable image; the others may lack some, and have no others.

    Returns:
        samples: List of pairs, one for each part: float32 images `(N, H, W, 3)`
            in 0..1, and int64 indices into `class_names` `(N,)`.
        class_names: Sorted list of K strings.
        skipped: List of strings, the unreadable files relative to `folder`, in order.
        notes: Tuple of strings, a sentence on the scale of images that define no white, if any.
    """
    folder = pathlib.Path(folder)
    image_size = _size(image_size)
    class_names = _class_names(folder / parts[0])
    for part in parts[1:]:
        _check_classes(folder / part, class_names, parts[0])
    found, ends, skipped = [], [], []
    for part in parts:
        before = len(found)
        for k, name in enumerate(class_names):
            files = [(file, k) for file in _files(folder / part / name)]
            of_class = list(_decoded(files, folder, image_size, skipped))
            if not of_class and part == parts[0]:
                _refuse_empty(folder / part / name)
            found += of_class
        if len(found) == before:
            _refuse_empty(folder / part)
        ends.append(len(found))
    images, ids, notes = _scaled(found)
    # Scaled together, so that images without a defined white have the same scale in all parts.
    pairs = zip(np.split(images, ends[:-1]), np.split(ids, ends[:-1]), strict=True)
    return list(pairs), [printable(name) for name in class_names], skipped, notes


def sample(folder, image_size, count, seed, part="."):
    """Reads up to `count` images of a folder of classes, drawn at random, and no other files.

    Returns:
        As `read`, with the samples of the one part, and the unreadable ones of the files tried.
    """
    folder = pathlib.Path(folder)
    image_size = _size(image_size)
    class_names = _class_names(folder / part)
    files = []
    for k, name in enumerate(class_names):
        of_class = [(file, k) for file in _files(folder / part / name)]
        if not of_class:
            _refuse_empty(folder / part / name)
        files += of_class
    order, skipped = np.random.default_rng(seed).permutation(len(files)), []
    tried = _decoded((files[index] for index in order), folder, image_size, skipped)
    found = list(itertools.islice(tried, count))
    if not found:
        _refuse_empty(folder / part)
    images, ids, notes = _scaled(found)
    return [(images, ids)], [printable(name) for name in class_names], sorted(skipped), notes


def _decoded(files, folder, image_size, skipped):
    """Yields (image, class) of each (file, class); notes files that are no images in `skipped`."""
    for file, k in files:
        image = image_file.decode(file, image_size)
        if image is None:
            skipped.append(printable(file.relative_to(folder)))
        else:
            yield image, k


def _scaled(found):
    """The pixels, the classes and the notes of a list of (image, class)."""
    images, ids = zip(*found, strict=True)
    return image_file.scaled(images), np.array(ids, np.int64), _scale_notes(images)


def _size(image_size):
    """Returns (height, width)."""
    size = tuple(image_size) if isinstance(image_size, tuple | list) else (image_size, image_size)
    if min(size) < 1:
        raise ValueError(
            f"image_folder.read: `image_size` must be at least 1 pixel. Received: {image_size}"
        )
    return size


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
