"""Every argument of a layer's own changes a result; beside one that voids it, it is refused."""

import inspect

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

import keras_mix.layers
from keras_mix import data, layers
from keras_mix.layers import BoundingBoxOptions, CutMix, FMix, MixUp, SequenceOptions
from keras_mix.layers._mixer.shared_options import Configured

pytestmark = pytest.mark.slow

B = 6
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((B, 8, 10, 3), np.float32)
SOUNDS = RANDOM.uniform(-1, 1, (B, 64)).astype("float32")
ONE_HOT = np.eye(B, dtype="float32")
BATCH = IMAGES, ONE_HOT
TABLE = ({"age": SOUNDS[:, 0], "job": np.arange(B)}, ONE_HOT)
CAPTIONS = np.array(["a", "b", "c", "d", "e", "f"])
ROWS = np.tile([[7, 5, 4, 8, 0, 0]], (B, 1)) + np.arange(B)[:, None] * [[0, 20, 20, 0, 0, 0]]
PAIRS = {"images": IMAGES, "caption": CAPTIONS, "ids": ROWS}
IDS_AND_WORDS = {"texts": ["caption", "ids"]}
STREAMS = {
    "video": RANDOM.random((B, 8, 4, 4, 1), np.float32),
    "sound": RANDOM.random((B, 32), np.float32),
    "found": {
        "boxes": np.tile(np.float32([[[0, 0, 3, 4]]]), (B, 1, 1)),
        "labels": np.zeros((B, 1), int),
    },
}
RATES = {"video": 4, "sound": 16}
IN_TIME = {"sampling_rates": RATES, "duration": 1}
FRAMES = {"frames": ["video"]}
# Of each layer the values to try, each beside what it needs; and the batch, where it is another.
VALUES = {
    "MixUp": {"alpha": (1.0, 8.0), "sources": 3, "keep_major": True},
    "MixGen": {
        "texts": ["caption", "ids"],
        "mixing_weight": 0.25,
        "separator": ", ",
        "max_length": 5,
        "start_id": 7,
        "end_id": 8,
    },
    "CutMix": {"alpha": 0, "keep_major": True, "spatial_dims": 1, "candidates": 8},
    "FMix": {
        "alpha": 0,
        "keep_major": True,
        "decay": 1.0,
        "max_soft": 0.3,
        "spectrum": "code",
        "spatial_dims": 1,
    },
    "CopyPaste": {"scale": (0.5, 0.8), "flip": 1.0, "max_objects": 1, "blur": 1.0},
    "ClassMix": {},
    "RICAP": {"alpha": 0, "keep_major": True},
    "Mosaic": {"offset": (0.1, 0.2)},
    "RecursiveMix": {"fraction": (0.2, 0.3)},
    "ResizeMix": {"scale": (0.2, 0.3)},
    "SaliencyMix": {"alpha": 0, "keep_major": True, "detector": "spectral_residual"},
    "SmoothMix": {"sigma": (0.1, 0.2)},
    "GuidedMixup": {},
    "CowMix": {"fraction": (0.1, 0.2), "sigma": (0.05, 0.1), "wrap": True},
    "GridMix": {"alpha": 0, "keep_major": True, "cells": 2},
    "SpecMix": {"time_bands": 0, "frequency_bands": 0, "width": (0.5, 0.9)},
    "SpectrogramMixUp": {"alpha": 0, "keep_major": True, "domain": "log", "scale": "log"},
    "BetweenClass": {"alpha": 0, "keep_major": True, "sampling_rate": 16000, "window": 8},
    "NoiseMix": {"snr": 3, "keep_labels": True},
    "TabularMix": {
        "missing": {"age": "job"},
        "alpha": 0,
        "keep_major": True,
        "columns": {"age": "categorical"},
        "one_hot": {"job": B},
        "cut": True,
    },
    "Cutout": {"size": 3, "count": 4, "fill_value": 7, "spatial_dims": 1},
    "GridMask": {"unit": (0.3, 0.4), "keep_ratio": 0.2, "rotation": 0, "fill_value": 7},
    "SpecAugment": {
        "time_masks": 0,
        "frequency_masks": 0,
        "time_width": 2,
        "frequency_width": 2,
        "max_time_fraction": 0.2,
        "fill_value": 7,
    },
    "CrossModalMix": {
        "alpha": 0,
        "keep_major": True,
        "cuts": {"x": CutMix()},
        "sampling_rates": {"x": 1},
    },
    "RandomApply": {"mixer": MixUp(), "rate": 0},
    "RandomChoice": {"mixers": [MixUp(8.0), FMix(8.0)], "probabilities": [0.0, 1.0]},
    "SynchronizedAugmentation": {
        "sampling_rates": {"sound": 16},
        "duration": 2,
        "speed": (0.5, 0.6),
        "frames": [],
        "crop": 0.5,
        "flip": 1.0,
        "boxes": "found",
        "bounding_boxes": BoundingBoxOptions("xyxy", min_visible=1.0),
    },
}
OBJECTS = np.zeros((B, 2, 8, 10), "uint8")
OBJECTS[:, 0, 1:4, 1:5] = OBJECTS[:, 1, 4:7, 5:9] = 1
BATCHES = {
    "CopyPaste": {"images": IMAGES, "objects": OBJECTS},
    "MixGen": PAIRS,
    "BetweenClass": (SOUNDS, ONE_HOT),
    "NoiseMix": (SOUNDS, ONE_HOT),
    "TabularMix": TABLE,
    "SynchronizedAugmentation": STREAMS,
}
BESIDE = {
    "CopyPaste": {"kinds": {"objects": "instance_masks"}, "pairing": "roll"},
    "RandomApply": {"mixer": CutMix(8.0)},
    "RandomChoice": {"mixers": [MixUp(8.0), CutMix(8.0)]},
    "MixGen": {**IDS_AND_WORDS, "rate": 0.9, "pairing": "roll"},
    "SynchronizedAugmentation": {**IN_TIME, **FRAMES},
    ("CutMix", "candidates"): {"num_classes": B},
    ("SynchronizedAugmentation", "boxes"): {"flip": 1.0, "bounding_boxes": "xyxy"},
    ("SynchronizedAugmentation", "bounding_boxes"): {"flip": 1.0, "boxes": "found"},
    ("SynchronizedAugmentation", "frames"): {"sampling_rates": {"sound": 16}, "flip": 1.0},
    ("SpecAugment", "fill_value"): {"time_width": 2, "frequency_width": 2},
    ("SpecAugment", "time_masks"): {"frequency_width": 2},
    ("SpecAugment", "frequency_masks"): {"time_width": 2},
    ("SpecAugment", "max_time_fraction"): {"frequency_width": 2},
    ("SpecAugment", "time_width"): {"frequency_width": 2},
    ("SpecAugment", "frequency_width"): {"time_width": 2},
}
OWN = [(name, option) for name, values in VALUES.items() for option in values]


def outcome(name, options):
    """Bytes, dtypes and shapes of the results, or the refusal."""
    try:
        # With this seed λ lies below 0.5 for some samples.
        seed = seed_of((1, 3))
        results = getattr(layers, name)(**options)(BATCHES.get(name, BATCH), seed=seed)
    except ValueError as error:
        return str(error)
    leaves = [np.asarray(leaf) for leaf in tf.nest.flatten(results)]
    return [(leaf.tobytes(), leaf.dtype, leaf.shape) for leaf in leaves]


def test_every_argument_stands_in_the_table():
    known = {n: getattr(keras_mix.layers, n) for n in keras_mix.layers.__all__}
    known = {
        n: cls
        for n, cls in known.items()
        if issubclass(cls, Configured) and cls is not layers.Mixer
    }
    assert set(known) == set(VALUES)
    for name, cls in known.items():
        own = set(inspect.signature(cls.__init__).parameters) - {"self", "kwargs"}
        assert own <= set(VALUES[name]), name


@pytest.mark.parametrize(("name", "option"), OWN)
def test_an_argument_has_an_effect(name, option):
    beside = {**BESIDE.get(name, {}), **BESIDE.get((name, option), {})}
    if option == "texts":
        beside, given = {"kinds": {"ids": "values"}, "passthrough": ["caption"]}, {}
        assert outcome(name, beside) != outcome(name, IDS_AND_WORDS)
        return
    given = {**beside, option: VALUES[name][option]}
    assert outcome(name, given) != outcome(name, beside)


@pytest.mark.parametrize(
    ("name", "options", "refused"),
    [
        ("MixGen", {"separator": ", "}, "separator"),
        ("MixGen", {"max_length": 9}, "max_length"),
        ("MixGen", {"sequences": SequenceOptions(padding_id=0)}, "padding_id"),
        ("ModalityDropout", {"token_initializer": "ones"}, "token_initializer"),
        ("SynchronizedAugmentation", {**IN_TIME, "flip": 0.5}, "flip"),
        ("SynchronizedAugmentation", {**IN_TIME, "crop": 0.5}, "crop"),
        ("SynchronizedAugmentation", {**IN_TIME, "boxes": "found"}, "boxes"),
        ("SynchronizedAugmentation", {**IN_TIME, "bounding_boxes": "xyxy"}, "bounding_box"),
        (
            "SynchronizedAugmentation",
            {**FRAMES, "bounding_boxes": BoundingBoxOptions(min_visible=0.5)},
            "min_visible",
        ),
        ("Cutout", {"spatial_dims": 1, "sequences": SequenceOptions(padding_id=0)}, "padding_id"),
        ("CutMix", {"label_mode": "values", "num_classes": 3}, "num_classes"),
        ("MixUp", {"bounding_boxes": BoundingBoxOptions("xyxy", min_visible=0.5)}, "min_visible"),
    ],
)
def test_an_argument_that_another_voids_is_refused(name, options, refused):
    sentence = rf"^{name}: `{refused}\w*` has no effect, because .*\. Received: {refused}"
    with pytest.raises(ValueError, match=sentence):
        getattr(layers, name)(**options)


def test_synchronized_augmentation_refuses_what_is_for_mixers():
    used = {"bounding_boxes", "seed"}
    layer = layers.SynchronizedAugmentation(**FRAMES, crop=0.5, bounding_boxes="xyxy")
    refused = {name for name, reason in layer.without_effect().items() if reason}
    of_boxes = {"bounding_boxes.max_boxes", "bounding_boxes.details"}
    assert refused == {*layer.shared_options(), *of_boxes} - used
    least = layers.SynchronizedAugmentation(
        **FRAMES, crop=0.5, bounding_boxes=BoundingBoxOptions("xyxy", min_visible=1.0)
    )
    boxes = {"boxes": np.float32([[[0, 0, 8, 8]]]), "labels": np.ones((1, 1), int)}
    batch = {"video": np.zeros((1, 2, 8, 8, 3), "f4"), "bounding_boxes": boxes}
    assert layer(batch)["bounding_boxes"]["labels"][0, 0] == 1
    assert least(batch)["bounding_boxes"]["labels"][0, 0] == -1
    with pytest.raises(ValueError, match="`dtype` has no effect"):
        layers.SynchronizedAugmentation(**FRAMES, dtype="float16")
    with pytest.raises(ValueError, match=r"`boxes` must name .*\['found'\]"):
        layers.SynchronizedAugmentation(**FRAMES, boxes="found")({"video": STREAMS["video"]})


def test_a_layer_that_fills_takes_no_partners():
    with pytest.raises(ValueError, match=r"^Cutout: `partners` has no effect"):
        layers.Cutout()(IMAGES, partners=IMAGES)


PLAIN = tf.data.Dataset.from_tensors(IMAGES)
LABELLED = tf.data.Dataset.from_tensors(BATCH)


@pytest.mark.parametrize(
    "options",
    [
        {"partner_labels": "kept"},
        {"partner_labels": "kept", "partners": "paired"},
        {"partner_labels": "kept", "partners": LABELLED},
        {"partner_labels": lambda x: x, "partners": LABELLED},
    ],
)
def test_partner_labels_without_partners_that_lack_labels(options):
    with pytest.raises(ValueError, match="`partner_labels` is for a second dataset"):
        data.mix(LABELLED, MixUp(), **options)
