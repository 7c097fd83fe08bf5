"""Keypoints, instance masks, images that tell where their pixels come from, and painted oracles."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, seed_of

from keras_mix.layers import RICAP, CutMix, Cutout, FMix, RandomApply, RandomChoice, SpecAugment

SIZE, HEIGHT, WIDTH = 6, 14, 17
FILL = -1
# The row that stands where there is no keypoint.
NONE = [-1, -1, 0]


def numbered(size=SIZE, first=0):
    """float32 `(size, HEIGHT, WIDTH, 1)`, images in which each pixel has a number of its own."""
    shape = (size, HEIGHT, WIDTH, 1)
    start = first * HEIGHT * WIDTH
    return np.arange(start, start + np.prod(shape), dtype="float32").reshape(shape)


class Origin(NamedTuple):
    """What each pixel of numbered images shows after they are mixed.

    Attributes:
        sample: `(B, H, W)`, the number of the sample; FILL where the pixel is filled.
        row: `(B, H, W)`, the row in that sample.
        column: `(B, H, W)`, the column in that sample.
    """

    sample: np.ndarray
    row: np.ndarray
    column: np.ndarray


def origin(mixed):
    """The `Origin` of numbered images that a layer has mixed, `(B, H, W)` or `(B, H, W, 1)`."""
    number = np.asarray(mixed).reshape(-1, HEIGHT, WIDTH).astype("int64")
    sample, rest = np.divmod(number, HEIGHT * WIDTH)
    return Origin(np.where(number < 0, FILL, sample), rest // WIDTH, rest % WIDTH)


def keypoints(size=SIZE, count=5, margin=0, seed=0, grid=(HEIGHT, WIDTH)):
    """float32 `(size, count, 3)`, keypoints anywhere in the images; the last of each is none."""
    random = np.random.default_rng(seed)
    height, width = grid
    extent = np.array([width, height]) - 2 * margin
    places = margin + random.random((size, count, 2)) * extent
    # The flag tells one keypoint from all others.
    flags = 1.0 + np.arange(size * count).reshape(size, count, 1)
    found = np.concatenate([places, flags], axis=-1).astype("float32")
    found[:, -1:] = NONE
    return found


def instance_masks(size=SIZE, count=4, dtype="uint8", seed=0, grid=(HEIGHT, WIDTH)):
    """Masks `(size, count, H, W)` of objects that overlap, each with a value; the last is empty."""
    random = np.random.default_rng(seed)
    height, width = grid
    rows, columns = np.mgrid[:height, :width]
    found = np.zeros((size, count, height, width), "int32")
    for i, n in np.ndindex(size, max(count - 1, 0)):
        row, column = random.integers(2, height - 2), random.integers(2, width - 2)
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= random.integers(2, 30)
        found[i, n] = (1 + count * i + n) * inside
    return found.astype(dtype)


def shown_keypoints(given, covered, least=0.0):
    """The keypoints of one source that stays in place, by a loop over them.

    Args:
        given: `(N, 2)` or `(N, 3)`, all of them in the image.
        covered: `(H, W)`, how much of each pixel the source covers.
        least: How much of its pixel a source must cover for a keypoint to be shown.
    """
    shown = np.tile(np.array(NONE[: given.shape[-1]], given.dtype), (len(given), 1))
    for n, (x, y) in enumerate(given[:, :2].astype("float64")):
        if (x, y) == (-1, -1):
            continue
        share = covered[int(y), int(x)]
        if share > 0 and share >= least:
            shown[n] = given[n]
    return shown


def shown_masks(given, covered, least=0.0):
    """The instance masks of one source that stays in place, painted pixel by pixel.

    Args:
        given: `(N, H, W)`.
        covered: `(H, W)`, how much of each pixel the source covers.
        least: The fraction of an object that must be covered for it to be shown.
    """
    shown = np.zeros_like(given)
    for n, mask in enumerate(given):
        whole = visible = 0.0
        for place in np.ndindex(mask.shape):
            if mask[place]:
                whole += 1
                visible += covered[place]
                shown[n][place] = mask[place] if covered[place] > 0 else 0
        if whole and np.float32(visible / whole) < np.float32(least):
            shown[n] = 0
    return shown


def blocks(objects, count, hidden):
    """The objects of the sample itself, and sorted those of other sources that are not all hidden.

    Args:
        objects: `(S · count, ...)`, keypoints or masks of S sources.
        count: The number of objects of each source.
        hidden: `(count, ...)`, what comes out where none is shown.
    """
    own, *others = [each.tobytes() for each in np.split(objects, len(objects) // count)]
    return own, sorted(each for each in others if each != hidden.tobytes())


def choice(**options):
    """Mixers that paste, move, and fill, drawn for each sample."""
    mixers = [CutMix(8.0, pairing="roll"), RICAP(8.0, pairing="roll"), Cutout(fill_value=FILL)]
    return RandomChoice(mixers, **options)


def sometimes(**options):
    return RandomApply(FMix(8.0, pairing="roll"), rate=0.5, **options)


def _strong(row):
    """Arguments with which a mixer visibly mixes, and leaves something of every sample."""
    options = {**row.paired("roll"), **row.strong}
    if row.make is SpecAugment:
        options |= {"time_width": 0.3, "frequency_width": 0.3}
    return options | ({"fill_value": FILL} if row.erases else {})


# Mixers that show each pixel of a source at most once, whole, by name.
PASTING = {
    name: lambda row=row, **options: row.make(**{**_strong(row), **options})
    for name, row in MIXERS.items()
    if row.pastes and not row.resizes and row.make.grid_rank != 1
} | {"RandomChoice": choice, "RandomApply": sometimes}
RESIZING = {
    name: lambda row=row, **options: row.make(**{**_strong(row), **options})
    for name, row in MIXERS.items()
    if row.resizes and not row.make.recurs
}
every_pasting = pytest.mark.parametrize("make", PASTING.values(), ids=PASTING)
every_resizing = pytest.mark.parametrize("make", RESIZING.values(), ids=RESIZING)


def sources_and_weights(pairs):
    """The sources and the weights `(B, S)` of labels that were packed by label_mode="pairs"."""
    return pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()


def in_graphs(layer, x, y, known):
    """The targets that a layer returns in a graph and in a dataset, for the seed of `seed_of`.

    Args:
        layer: A mixer.
        x: An array.
        y: A dict of arrays.
        known: Whether the sizes of a sample are known. XLA compiles where they are.
    """

    def mix(x, y):
        return layer(x, y, seed=seed_of())

    def spec(array):
        # The number of channels, and of what a keypoint consists of, is always known.
        last = array.shape[-1] if array.dtype.kind == "f" else None
        sizes = array.shape[1:] if known else [*[None] * (array.ndim - 2), last]
        return tf.TensorSpec([None, *sizes], array.dtype)

    signature = tf.nest.map_structure(spec, (x, y))
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(len(x))
    results = tf.function(mix, input_signature=signature)(x, y), next(iter(dataset.map(mix)))
    return [targets for _, targets in results]


# Mixers of images that mix objects by themselves, by name.
OF_OBJECTS = [
    name for name, row in MIXERS.items() if row.make.grid_rank != 1 and not row.make.recurs
]
