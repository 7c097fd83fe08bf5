"""The scene: a batch, a mixer with its options and a seed make a picture and the code for it."""

import functools
from typing import NamedTuple

import keras
import numpy as np

from keras_mix import layers
from keras_mix._core.spelling import suggestion
from keras_mix.plot._explorer import batch as batches
from keras_mix.plot._explorer import controls
from keras_mix.plot._pixels import between, black_and_white

# The mixer that is shown first, and the most samples that are.
FIRST, MOST = "CutMix", 12
SEED = 0
# The seeds among which the first picture's is looked for, and the least share that one sees.
SEEDS, VISIBLE = 100, 0.1


class Box(NamedTuple):
    """A box in pixels, and the name and the id of its class."""

    left: float
    top: float
    right: float
    bottom: float
    class_id: int


class Picture(NamedTuple):
    """What is shown of N samples.

    Attributes:
        images: float32 `(N, H, W)` or `(N, H, W, 3)` in 0..1.
        labels: Class weights `(N, K)`, or None.
        sources: Mixing weights `(N, B)` of all samples of the batch.
        masks: Probabilities of classes `(N, H, W, M)`, or None; class 0 is the background.
        boxes: List of N lists of `Box`.
        keypoints: List of N lists of (x, y).
        code: String, the code that makes it.
    """

    images: np.ndarray
    labels: np.ndarray | None
    sources: np.ndarray
    masks: np.ndarray | None
    boxes: list
    keypoints: list
    code: str


class Scene:
    """What all faces of the explorer show.

    Args:
        explored: A `batch.Explored`.
    """

    def __init__(self, explored):
        self.explored = explored
        self.count = min(MOST, explored.size)
        self._scale = black_and_white(np.asarray(explored.leaves(explored.batch)["images"]))
        form = layers.MixUp(**explored.options | explored.mask_option)
        unmixed = form(explored.batch, training=False)
        self.originals = self._picture(unmixed, np.eye(explored.size), "")
        labels = explored.leaves(unmixed).get("labels")
        # The class of each sample of the batch, also of those that are not shown.
        self.class_ids = (
            None if labels is None else _class_weights(np.asarray(labels)).argmax(1).tolist()
        )

    @functools.cached_property
    def mixers(self):
        """Dict from the names of mixers to their controls, by the names of these."""
        labelled = self.explored.labelled
        return {name: controls.of_mixer(name, labelled=labelled) for name in controls.names()}

    @functools.cached_property
    def first_seed(self):
        """The first seed with which the mixer that is shown first visibly mixes a sample."""
        for seed in range(SEEDS):
            own = np.diagonal(self._sources(FIRST, {}, seed))[: self.count]
            if ((own >= VISIBLE) & (own <= 1 - VISIBLE)).any():
                return seed
        return SEED

    @property
    def has_objects(self):
        """Whether the batch has masks, boxes or keypoints."""
        targets = {"segmentation_masks", "bounding_boxes", "keypoints"}
        return not targets.isdisjoint(self.explored.names)

    def picture(self, mixer, options, seed=SEED):
        """Mixes the batch.

        Args:
            mixer: String, a name in `mixers`.
            options: Dict from the names of controls to values; others keep their defaults.
            seed: Integer.

        Returns:
            A `Picture`.

        Raises:
            ValueError: If the mixer or an option is unknown, or if the mixer refuses a value or the
                batch.
        """
        self._check(mixer, options)
        layer = self._layer(mixer, options)
        mixed = layer(self.explored.batch, seed=seed)
        return self._picture(mixed, self._sources(mixer, options, seed), self._code(layer, seed))

    def read(self, texts):
        """The mixer, the options and the seed that texts stand for.

        Args:
            texts: Dict of strings: "mixer", "seed", and options by their names.
        """
        texts = dict(texts)
        mixer, seed = texts.pop("mixer", FIRST), texts.pop("seed", str(SEED))
        self._check(mixer, texts)
        known = self.mixers[mixer]
        if not seed.isascii() or not seed.isdecimal() or int(seed) >= 2**31:
            raise ValueError(f"`seed` must be an integer from 0 to 2**31 - 1. Received: {seed!r}")
        return mixer, {name: known[name].read(text) for name, text in texts.items()}, int(seed)

    def _check(self, mixer, options):
        if mixer not in self.mixers:
            raise ValueError(
                f"`mixer` must be one of {', '.join(self.mixers)}. "
                f"Received: {mixer!r}.{suggestion(mixer, self.mixers)}"
            )
        for name in options:
            if name not in self.mixers[mixer]:
                raise ValueError(
                    f"{mixer}: no control sets the option. Received: {name!r}. "
                    f"Known: {', '.join(self.mixers[mixer])}."
                )

    def _layer(self, mixer, options):
        make = functools.partial(getattr(layers, mixer), **options)
        layer = make(**self.explored.options)
        if self.explored.mask_option and not (layer.pastes or layer.erases):
            # Ids cannot be blended.
            return make(**self.explored.options | self.explored.mask_option)
        return layer

    def _sources(self, mixer, options, seed):
        """The mixing weights `(N, B)`: the label of each sample is its number."""
        options = {name: value for name, value in options.items() if name != "label_smoothing"}
        images = self.explored.leaves(self.explored.batch)["images"]
        numbers = np.eye(self.explored.size, dtype="float32")
        _, weights = getattr(layers, mixer)(**options)(np.asarray(images), numbers, seed=seed)
        return np.asarray(weights)

    def _code(self, layer, seed):
        lines = ["import keras_mix", ""]
        if self.explored.source:
            lines.append(self.explored.source)
        lines += [f"mix = keras_mix.layers.{layer!r}", f"mixed = mix(batch, seed={seed})"]
        return "\n".join(lines)

    def _picture(self, mixed, sources, code):
        found = {
            kind: _shown(value, self.count) for kind, value in self.explored.leaves(mixed).items()
        }
        images = between(found["images"], *self._scale)
        height_and_width = images.shape[1:3]
        box_format = self.explored.options.get("bounding_boxes")
        return Picture(
            images,
            _class_weights(found["labels"]) if "labels" in found else None,
            sources[: self.count],
            _probabilities(found.get("segmentation_masks")),
            _boxes(found.get("bounding_boxes"), self.count, box_format, height_and_width),
            _points(found.get("keypoints"), self.count),
            code,
        )


def _shown(value, count):
    """The samples that are shown, as an array or a dict of arrays."""
    if isinstance(value, dict):
        return {key: _shown(part, count) for key, part in value.items()}
    return np.asarray(value)[:count]


def _class_weights(labels):
    """Class weights `(N, K)`; of a binary label those of both classes."""
    labels = labels.astype("float32").reshape(len(labels), -1)
    return np.concatenate([1.0 - labels, labels], axis=1) if labels.shape[1] == 1 else labels


def _probabilities(masks):
    """Probabilities `(N, H, W, M)` of masks of ids, which may be probabilities already."""
    if masks is None:
        return None
    if masks.dtype.kind == "f":
        return masks
    ids = masks[..., 0] if masks.ndim == 4 else masks
    classes = int(ids[ids < batches.IGNORED].max(initial=1)) + 1
    return (ids[..., None] == np.arange(classes)).astype("float32")


def _boxes(found, count, box_format, height_and_width):
    """List of lists of `Box`."""
    if found is None:
        return [[] for _ in range(count)]
    height, width = height_and_width
    convert = keras.utils.bounding_boxes.convert_format
    given = found["boxes"].astype("float32")
    corners = np.asarray(convert(given, box_format, "xyxy", height=height, width=width))
    ids = found["labels" if "labels" in found else "classes"]
    return [
        [
            Box(*map(float, box), int(label))
            for box, label in zip(of_sample, labels, strict=True)
            if label != -1
        ]
        for of_sample, labels in zip(corners, ids, strict=True)
    ]


def _points(found, count):
    """List of lists of (x, y), without missing ones."""
    if found is None:
        return [[] for _ in range(count)]
    valid = np.isfinite(found[..., :2]).all(-1) & (found[..., :2] >= 0).all(-1)
    if found.shape[-1] == 3:
        valid &= found[..., 2] > 0
    return [
        [tuple(map(float, point[:2])) for point in points[kept]]
        for points, kept in zip(found, valid, strict=True)
    ]
