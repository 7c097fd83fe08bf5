"""Every mixer keeps shapes and dtypes, gives labels their form, and can be saved."""

import contextlib
import inspect
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import (
    MIXERS,
    constant_images,
    every_mixer,
    mixers_that,
    random_images,
    seed_of,
)

from keras_mix.label_rules import Remix
from keras_mix.layers import BoundingBoxOptions, SequenceOptions
from keras_mix.layers.mixer import Mixer


@every_mixer
@pytest.mark.parametrize(
    ("policy", "keep_dtype"),
    [("float32", True), ("mixed_bfloat16", False)],
)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "float64"])
def test_dtypes(row, dtype, policy, keep_dtype):
    layer = row.make(num_classes=4, dtype=policy, keep_dtype=keep_dtype)
    images = tf.cast(constant_images(4, 3, 5), dtype)
    x, y, weight = layer(images, np.arange(4), np.ones(4, "f4"), seed=seed_of())
    kept = row.pastes or keep_dtype
    assert x.dtype.name == (dtype if kept else layer.compute_dtype)
    assert y.dtype.name == weight.dtype.name == "float32"


LABELS = {
    "class ids": np.arange(4),
    "one-hot": np.eye(4, dtype="f4"),
    "half one-hot": np.eye(4, dtype="f2"),
    "indicators": np.eye(4, dtype="i4"),
    "regression": np.arange(4, dtype="f4"),
    "regression column": np.arange(4, dtype="f4")[:, None],
    "dense": np.ones((4, 3, 5, 2), "f4"),
}


@every_mixer
@pytest.mark.parametrize(("form", "training"), [("tuple", False), ("dict", True)])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_are_float32_under_any_policy(row, labels, training, form):
    ids = labels.dtype == np.int64
    layer = row.make(num_classes=4 if ids else None, dtype="mixed_float16")
    images = constant_images(4, 3, 5, "float32")
    if form == "tuple":
        _, y = layer(images, labels, training=training)
    else:
        y = layer({"images": images, "labels": labels}, training=training)["labels"]
    assert y.dtype.name == "float32"


@every_mixer
@pytest.mark.parametrize(
    "options", [{}, {"label_mode": "pairs"}, {"dtype": "mixed_float16"}], ids=str
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_without_training_the_forms_are_those_of_training(row, dtype, options):
    smoothing = 0.0 if "label_mode" in options else 0.1
    layer = row.make(num_classes=4, label_smoothing=smoothing, **options)
    batch = constant_images(4, 3, 5, dtype), np.arange(4), np.ones(4, "f4")
    trained, plain = (layer(batch, training=training) for training in (True, False))
    specs = [[(t.dtype, t.shape) for t in tf.nest.flatten(r)] for r in (trained, plain)]
    assert specs[0] == specs[1]
    np.testing.assert_array_equal(tf.cast(plain[0], dtype), batch[0])


@every_mixer
@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (8, 5)])
def test_shapes_are_kept(row, size, grid):
    images = random_images(size, *row.grid(*grid))
    assert row.make()(images).shape == images.shape


@every_mixer
def test_channels_first_is_channels_last_transposed(row):
    images, labels = random_images(6, 5, 8), np.eye(6, dtype="f4")
    options = {**row.paired("roll"), **row.strong}
    last, y_last = row.make(**options)(images, labels, seed=seed_of())
    first, y_first = row.make(data_format="channels_first", **options)(
        images.transpose(0, 3, 1, 2), labels, seed=seed_of()
    )
    tolerance = 1e-6 if row.resizes else 0
    np.testing.assert_allclose(first.numpy().transpose(0, 2, 3, 1), last, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(y_first, y_last)


EVERY_OPTION = {
    "soft_masks": True,
    "num_classes": {"head": 7},
    "label_mode": "values",
    "label_smoothing": 0.25,
    "pairing": "roll",
    "label_rule": keras.saving.serialize_keras_object(Remix([9.0, 1.0])),
    "per": "batch",
    "rate": 0.75,
    "kinds": {"x/image": "images"},
    "passthrough": ["id"],
    "main_input": "x/image",
    "keep_dtype": True,
    "inputs_only": True,
    "jit_compile": False,
    "bounding_boxes": keras.saving.serialize_keras_object(
        BoundingBoxOptions("rel_xywh", max_boxes=9, min_visible=0.5, details=True)
    ),
    "sequences": keras.saving.serialize_keras_object(
        SequenceOptions(padding_id={"ids": 0}, special_tokens=[1, 2])
    ),
    "data_format": "channels_first",
    "seed": 0,
}


def test_every_option_is_tried():
    arguments = inspect.signature(Mixer.__init__).parameters
    assert set(EVERY_OPTION) == set(arguments) - {"self", "kwargs"}
    defaults = {name: arguments[name].default for name in EVERY_OPTION}
    assert not [name for name, value in EVERY_OPTION.items() if defaults[name] == value]


def options_with_an_effect(row):
    """Of every option those that the mixer takes beside the ones before."""
    taken = {}
    for name, value in EVERY_OPTION.items():
        with contextlib.suppress(ValueError):
            row.make(**row.strong, **taken, **{name: value})
            taken[name] = value
    return taken


@every_mixer
def test_config_makes_an_equal_layer(row):
    options = options_with_an_effect(row)
    layer = row.make(name="mixer", dtype="mixed_bfloat16", **row.strong, **options)
    config = layer.get_config()
    assert config.items() >= {**options, **row.strong}.items()
    assert row.make.from_config(json.loads(json.dumps(config))).get_config() == config


@every_mixer
def test_config_names_every_argument_of_the_mixer(row):
    arguments = set(inspect.signature(row.make.__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(row.make().get_config())


@every_mixer
def test_keras_saves_and_loads_it(row):
    layer = row.make(num_classes=6, label_smoothing=0.1, per="batch", **row.strong)
    saved = json.dumps(keras.saving.serialize_keras_object(layer))
    loaded = keras.saving.deserialize_keras_object(json.loads(saved))
    batch = random_images(6, 5, 8), np.arange(6)
    for first, second in zip(
        layer(batch, seed=seed_of()), loaded(batch, seed=seed_of()), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@every_mixer
def test_unknown_sizes_mix_like_known_ones(row):
    layer = row.make()
    images, labels = random_images(6, 5, 8), np.eye(6, dtype="f4")
    shapes = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, 6])]
    mix = tf.function(lambda x, y: layer(x, y, seed=seed_of()), input_signature=shapes)
    for found, expected in zip(
        mix(images, labels), layer(images, labels, seed=seed_of()), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@mixers_that(lambda row: row.pastes and not (row.erases or row.moves))
def test_pasted_pixels_stay_in_their_places(row):
    # Every pixel of the batch has a value of its own.
    images = np.arange(6 * 9 * 5, dtype="float32").reshape(6, 9, 5, 1)
    mixed = row.make(**row.strong)(images, seed=seed_of())
    places = np.broadcast_to(np.arange(9 * 5).reshape(9, 5), (6, 9, 5))
    np.testing.assert_array_equal(mixed[..., 0].numpy() % 45, places)


def test_every_exported_mixer_has_its_row():
    import keras_mix.layers

    public = [getattr(keras_mix.layers, name) for name in keras_mix.layers.__all__]
    mixers = {cls.__name__ for cls in public if issubclass(cls, Mixer) and cls is not Mixer}
    # Mixers made of these are tried in test_compose.py and test_cross_modal_mix.py; those that need
    # masks in files of their own.
    by_masks = {"ClassMix", "CopyPaste"}
    assert mixers == {*MIXERS, *by_masks, "CrossModalMix", "RandomApply", "RandomChoice"}
    assert all(
        re.fullmatch(r"\w+", name) and row.make.__name__ == name for name, row in MIXERS.items()
    )
