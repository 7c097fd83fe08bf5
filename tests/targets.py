"""Whether a mixer or a model mixes a kind of target, tried on a tiny batch."""

import keras
import numpy as np
import tensorflow as tf

from keras_mix import data, layers, models

B = 6
IDS = np.arange(B)
draw = np.random.default_rng(0)
IMAGES = draw.random((B, 16, 16, 3), "float32")
MASKS = draw.integers(0, 3, (B, 16, 16))
BOXES = {
    "boxes": np.array([2, 3, 9, 12], "float32") + np.arange(B, dtype="float32")[:, None, None],
    "labels": IDS[:, None],
}
KEYPOINTS = draw.uniform(0, 16, (B, 3, 2)).astype("float32")
OBJECTS = draw.integers(0, 2, (B, 2, 16, 16))
SPECTROGRAM = draw.random((B, 16, 8), "float32")
WAVES = draw.standard_normal((B, 64)).astype("float32")
TABLE = {"age": draw.random(B, "float32"), "job": draw.integers(0, 3, B)}
MATRIX = draw.random((B, 7), "float32")
ONE_HOT = np.eye(B, dtype="float32")
# For each target the batches that may hold it: the batch, and the options that read it.
TARGETS = {
    "image": [({"images": IMAGES}, {}), (IMAGES, {})],
    "mask": [
        ({"images": IMAGES, "segmentation_masks": MASKS}, {}),
        (
            {"images": IMAGES, "segmentation_masks": MASKS},
            {"soft_masks": True, "num_classes": {"segmentation_masks": 3}},
        ),
    ],
    "boxes": [({"images": IMAGES, "bounding_boxes": BOXES}, {"bounding_boxes": "xyxy"})],
    "keypoints": [((IMAGES, {"points": KEYPOINTS}), {"kinds": {"points": "keypoints"}})],
    "instance masks": [((IMAGES, {"objects": OBJECTS}), {"kinds": {"objects": "instance_masks"}})],
    "sequences": [
        (WAVES[..., None], {}),
        ((SPECTROGRAM, ONE_HOT), {"spatial_dims": 1}),
        ({"sound": WAVES}, {}),
    ],
    "tables": [((TABLE, ONE_HOT), {}), (MATRIX, {})],
}
# Classes whose cards name what they are made for: they mix arrays of other shapes as well, or
# none of these.
SPECIALISTS = {
    "BetweenClass": ["sequences"],
    "NoiseMix": ["sequences"],
    "SpecAugment": ["sequences"],
    "SpecMix": ["sequences"],
    "SpectrogramMixUp": ["sequences"],
    "TabularMix": ["tables"],
    "AttentionWeights": [],
    "FeatureMix": [],
    "MixPoint": [],
    "MixStyle": [],
}
# It has the shape of images, so that each mixer of images takes it for one.
WITH_CHANNEL = (SPECTROGRAM[..., None], {})
# What layers need beside the options that read a batch, each way they are made.
OPTIONS = {
    "BetweenClass": [{"sampling_rate": 16000}],
    "MixGen": [{"texts": []}],
    "RandomApply": [
        {"mixer": mixer(pairing="roll"), "rate": 1.0} for mixer in (layers.CutMix, layers.MixUp)
    ],
    "RandomChoice": [
        {"mixers": [layers.CutMix(pairing="roll", spatial_dims=dims), layers.MixUp(pairing="roll")]}
        for dims in (2, 1)
    ],
}
UNLABELED = (
    *(models.ClassMixConsistency, models.CutMixConsistency),
    *(models.InterpolationConsistency, models.MixMatch),
)
OF_MODELS = ("image", "mask", "sequences", "tables")


def is_mixed(kind, target):
    """Whether a class of layers or models mixes a target."""
    if issubclass(kind, keras.Model):
        return target in OF_MODELS and trains(kind, target)
    tries = list(TARGETS[target])
    if target == "sequences" and kind.__name__ in SPECIALISTS:
        tries.append(WITH_CHANNEL)
    return any(
        changes(kind, *readable(kind, batch, own | options))
        for own in OPTIONS.get(kind.__name__, [{}])
        for batch, options in tries
    )


def readable(kind, batch, options):
    """The batch with the target that a mixer draws its regions from, and the options for both."""
    reads = getattr(kind, "reads", frozenset())
    if "segmentation_masks" in reads:
        return with_target(batch, "segmentation_masks", MASKS), {"num_classes": 3, **options}
    if "instance_masks" not in reads or "objects" in options.get("kinds", {}):
        return batch, options
    # As many as boxes.
    objects = OBJECTS[:, :1] if isinstance(batch, dict) else OBJECTS
    options = options | {"kinds": {**options.get("kinds", {}), "objects": "instance_masks"}}
    return with_target(batch, "objects", objects), options


def with_target(batch, name, target):
    """The batch with one more target, if its form has a place for it."""
    if isinstance(batch, dict):
        return {name: target, **batch}
    if isinstance(batch, tuple):
        x, y = batch
        return x, {name: target, **(y if isinstance(y, dict) else {"y": y})}
    return batch


def changes(kind, batch, options):
    """Whether a layer mixes a batch: each part comes out changed, or filled and kept."""
    try:
        layer = made(kind, batch, options)
        mixed = layer(batch, training=True)
    except (TypeError, ValueError):
        return False
    differ = [
        differs(before, after) for before, after in zip(parts(batch), parts(mixed), strict=True)
    ]
    return any(differ) if getattr(kind, "erases", False) else all(differ)


def parts(batch):
    """The inputs and targets of a batch."""
    if isinstance(batch, dict):
        return [batch[name] for name in sorted(batch)]
    return batch if isinstance(batch, tuple) else [batch]


def differs(before, after):
    """Whether any tensor of a part has changed."""
    pairs = zip(tf.nest.flatten(before), tf.nest.flatten(after), strict=True)
    return any(np.shape(a) != np.shape(b) or not np.array_equal(a, b) for a, b in pairs)


def made(kind, batch, options):
    """A layer that reads a batch."""
    if kind is layers.FeatureMix:
        return lambda features, training: kind()([features] * 2, IDS, training=training)[0][0]
    if kind is layers.ModalityDropout:
        return lambda features, training: kind({"a": 0.9, "b": 0.5})(
            {"a": features, "b": features}, training=training
        )["a"]
    if kind is layers.SynchronizedAugmentation:
        if "sound" in batch:
            return kind({"sound": 16}, duration=2.0)
        return kind(frames=[*{*batch} - {"bounding_boxes"}], crop=0.5, flip=1.0, **options)
    unpaired = kind.erases or kind in (layers.RandomApply, layers.RandomChoice)
    paired = {} if unpaired else {"pairing": "roll"}
    return kind(**options, **paired)


def trains(kind, target):
    """Whether a model trains on a target for one step, or predicts it."""
    x, y, last = {
        "image": (IMAGES, IDS, keras.layers.GlobalAveragePooling2D()),
        "mask": (IMAGES, MASKS, keras.layers.Identity()),
        "sequences": (SPECTROGRAM, IDS, keras.layers.GlobalAveragePooling1D()),
        "tables": (MATRIX, IDS, keras.layers.Identity()),
    }[target]

    def network():
        hidden = keras.layers.Dense(B, activation="softmax")
        return keras.Sequential([keras.Input(x.shape[1:]), hidden, last])

    if kind is models.TestTimeAugmentation:
        model = kind(network(), augmentations=[keras.layers.GaussianNoise(0.1)])
        return len(model.predict(x, verbose=0)) == B
    needed = {"teacher": network()} if kind is models.Distillation else {}
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(B)
    if issubclass(kind, UNLABELED):
        unlabeled = tf.data.Dataset.from_tensor_slices(x).batch(B)
        dataset = data.pair_with_unlabeled(dataset, unlabeled)
    try:
        model = kind(network(), **needed)
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        model.fit(dataset, shuffle=False, verbose=0)
    except ValueError:
        return False
    return True
