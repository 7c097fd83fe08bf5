"""Images in a folder with one sub-folder for each class."""

import pathlib

import numpy as np

from keras_mix.extras import require


def read(folder, image_size):
    """Reads all images of a folder of classes.

    A sub-folder is a class, its name the class's; hidden files and folders do not count. Images
    become RGB, turned upright as their EXIF data say, and are resized without regard to their
    proportions. What cannot be read as an image is named in `skipped`, and nothing else is lost.

    Args:
        folder: str or path.
        image_size: int in pixels, from 1, the height and width of the result.

    Returns:
        images: [N, image_size, image_size, 3] float32 in 0..1.
        ids: [N] int64, the place of the image's class in `class_names`.
        class_names: list of K str, sorted.
        skipped: list of str, the unreadable files relative to `folder`, sorted.

    Raises:
        ValueError: if there are fewer than two sub-folders, one of them holds no readable image,
            or `image_size` is less than 1.
        ImportError: if Pillow is missing.
    """
    folder = pathlib.Path(folder)
    if image_size < 1:
        raise ValueError(
            f"image_folder.read: `image_size` must be at least 1 pixel. Received: {image_size}"
        )
    classes = [path for path in _visible(folder) if path.is_dir()]
    if len(classes) < 2:
        raise ValueError(
            "image_folder.read: the folder must hold one sub-folder of images for each class, at "
            f"least 2. Received: {len(classes)} sub-folders in {str(folder)!r}"
        )
    images, ids, skipped = [], [], []
    for k, path in enumerate(classes):
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            if any(part.startswith(".") for part in file.relative_to(path).parts):
                continue
            image = _decode(file, image_size)
            if image is None:
                skipped.append(str(file.relative_to(folder)))
            else:
                images.append(image)
                ids.append(k)
        if k not in ids[-1:]:
            raise ValueError(
                "image_folder.read: each sub-folder must hold images that Pillow can read. "
                f"Received: none in {str(path)!r}"
            )
    class_names = [path.name for path in classes]
    return np.stack(images), np.array(ids, np.int64), class_names, skipped


def _visible(folder):
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _decode(file, size):
    """Returns [size, size, 3] float32 in 0..1, or None if the file is no readable image."""
    pillow = require("PIL.Image", "Reading a folder of images")
    transpose = require("PIL.ImageOps", "Reading a folder of images").exif_transpose
    try:
        with pillow.open(file) as image:
            upright = transpose(image).convert("RGB").resize((size, size), pillow.BILINEAR)
    # Pillow's decoders raise all of these for broken files.
    except (OSError, SyntaxError, ValueError, EOFError, pillow.DecompressionBombError):
        return None
    return np.asarray(upright, np.float32) / 255.0
