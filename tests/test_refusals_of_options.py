"""Options out of range: one clear sentence, before any work."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import (
    callbacks,
    data,
    label_rules,
    layers,
    losses,
    metrics,
    models,
    pairings,
    synthesis,
)
from keras_mix.layers import BoundingBoxOptions, CutMix, MixUp, SequenceOptions

IDS = tf.data.Dataset.range(4).batch(2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": -1}, r"`alpha` must be a finite number of at least 0. Received: alpha=-1"),
        ({"alpha": float("nan")}, r"Received: alpha=nan"),
        ({"alpha": float("inf")}, r"Received: alpha=inf"),
        ({"alpha": "1"}, r"Received: alpha='1'"),
        ({"rate": 1.5}, r"`rate` must be a finite number between 0 and 1. Received: rate=1.5"),
        ({"rate": -0.1}, r"Received: rate=-0.1"),
        ({"label_smoothing": 2}, r"`label_smoothing` must be .* Received: label_smoothing=2"),
        ({"pairing": "random"}, r"`pairing` must be one of \['shuffle', .*'random'"),
        ({"per": "pixel"}, r"`per` must be one of \['sample', 'batch'\]. Received: per='pixel'"),
        ({"label_mode": "onehot"}, r"`label_mode` must be one of"),
        ({"data_format": "NHWC"}, r"`data_format` must be one of"),
        (
            {"num_classes": 1},
            r"`num_classes` must be an integer of at least 2.* sigmoid",
        ),
        ({"num_classes": {"y": 1}}, r"`num_classes` must be an integer of at least 2.* sigmoid"),
        ({"num_classes": 3.0}, r"Received: num_classes=3.0"),
        ({"seed": 0.5}, r"`seed` must be an integer. Received: seed=0.5"),
        ({"seed": True}, r"Received: seed=True"),
        ({"kinds": {"x": "picture"}}, r"`kinds` must map .* Received: 'x': 'picture'"),
        ({"passthrough": "id"}, r"`passthrough` must be a list of strings. Received: .*'id'"),
        ({"label_mode": "pairs", "label_smoothing": 0.1}, r"Smooth in the loss instead"),
        ({"sequences": 0}, r"`sequences` must be keras_mix.layers.SequenceOptions. Received"),
        ({"sequences": SequenceOptions}, r"`sequences` must be an instance, not a class"),
    ],
)
@pytest.mark.parametrize("mixer", [MixUp, CutMix])
def test_an_option_out_of_range(mixer, options, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        mixer(**options)
    assert str(caught.value).startswith(f"{mixer.__name__}: ")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"padding_id": 0.5}, r"`padding_id` must be an integer. Received: padding_id=0.5"),
        ({"padding_id": {"ids": "0"}}, r"Received: padding_id='0'"),
        ({"special_tokens": -1}, r"`special_tokens` must be an integer of at least 0"),
        ({"special_tokens": (1, 1, 1)}, r"`special_tokens` must be an integer or a pair"),
    ],
)
def test_an_option_of_sequences_out_of_range(options, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        SequenceOptions(**options)
    assert str(caught.value).startswith("SequenceOptions: ")


PAIR = r"must be a pair \(low, high\)"
LENGTH = (
    r"`size` must be an integer of at least 1, in pixels, or a float in \(0, 1\], a fraction of "
    r"the side. Received: size="
)
FILL = r"`fill_value` must be a finite number. Received: fill_value="


@pytest.mark.parametrize(
    ("mixer", "options", "sentence"),
    [
        (
            "RICAP",
            {"alpha": -0.3},
            r"`alpha` must be a finite number of at least 0. Received: alpha",
        ),
        ("SaliencyMix", {"alpha": float("nan")}, r"`alpha` must be .* Received: alpha=nan"),
        ("GridMix", {"alpha": None}, r"`alpha` must be .* Received: alpha=None"),
        ("FMix", {"alpha": -1}, r"`alpha` must be .* Received: alpha=-1"),
        ("FMix", {"decay": 0}, r"`decay` must be a finite number above 0. Received: decay=0"),
        (
            "FMix",
            {"decay": -3},
            r"`decay` must be a finite number of at least 0.*: decay=-3",
        ),
        ("FMix", {"decay": float("inf")}, r"`decay` must be .* Received: decay=inf"),
        ("FMix", {"max_soft": 0.6}, r"`max_soft` must be .* between 0 and 0.5. Received: .*=0.6"),
        ("FMix", {"max_soft": -0.1}, r"`max_soft` must be .* Received: max_soft=-0.1"),
        ("FMix", {"spectrum": "white"}, r"`spectrum` must be one of \['paper', 'code'\]. .*white"),
        ("FMix", {"spatial_dims": 4}, r"`spatial_dims` must be one of \[1, 2, 3\]. Received: .*=4"),
        (
            "FMix",
            {"spectrum": "code", "spatial_dims": 1},
            r"defined for images, spatial_dims=2. Received: spatial_dims=1. Use spectrum=",
        ),
        ("FMix", {"spectrum": "code", "spatial_dims": 3}, r"Received: spatial_dims=3. Use"),
        ("Cutout", {"size": 0}, r"`size` must be an integer of at least 1. Received: size=0"),
        ("Cutout", {"size": 0.0}, LENGTH + "0.0"),
        ("Cutout", {"size": 1.5}, LENGTH + "1.5"),
        ("Cutout", {"size": float("nan")}, LENGTH + "nan"),
        ("Cutout", {"size": (8, 8)}, LENGTH + r"\(8, 8\)"),
        ("Cutout", {"size": True}, r"`size` must be an integer of at least 1. Received: size=True"),
        ("Cutout", {"count": 0}, r"`count` must be an integer of at least 1. Received: count=0"),
        ("Cutout", {"count": 1.5}, r"Received: count=1.5"),
        ("Cutout", {"fill_value": float("nan")}, FILL + "nan"),
        ("Cutout", {"fill_value": "median"}, FILL + "'median'"),
        ("Cutout", {"fill_value": [0, 0, 0]}, FILL + r"\[0, 0, 0\]"),
        ("Cutout", {"spatial_dims": 0}, r"`spatial_dims` must be one of"),
        ("ResizeMix", {"scale": 0.5}, r"`scale` " + PAIR + r". Received: scale=0.5"),
        ("ResizeMix", {"scale": (0.1, 0.5, 0.8)}, r"`scale` " + PAIR),
        ("ResizeMix", {"scale": (0.8, 0.1)}, PAIR + r", the smaller first. .*\(0.8, 0.1\)"),
        ("ResizeMix", {"scale": (0.1, 1.1)}, r"`scale` must be .* between 0 and 1. .*scale=1.1"),
        ("ResizeMix", {"scale": (-0.1, 0.8)}, r"Received: scale=-0.1"),
        ("Mosaic", {"offset": (0.25, 2)}, r"`offset` must be .* between 0 and 1. .*offset=2"),
        ("Mosaic", {"offset": (0.75, 0.25)}, r"`offset` " + PAIR + ", the smaller first"),
        ("Mosaic", {"offset": "half"}, r"`offset` " + PAIR),
        ("SmoothMix", {"sigma": (0.0, 0.5)}, r"`sigma` must be .* at least 0.01. .*sigma=0.0"),
        ("SmoothMix", {"sigma": (0.5, 0.25)}, r"`sigma` " + PAIR + ", the smaller first"),
        ("SmoothMix", {"sigma": (0.5, float("inf"))}, r"Received: sigma=inf"),
        ("CowMix", {"sigma": (0.01, 0.5)}, r"`sigma` must be .* at least 0.02. .*sigma=0.01"),
        ("CowMix", {"fraction": (0.2, 1.8)}, r"`fraction` must be .* and 1. .*fraction=1.8"),
        ("CowMix", {"fraction": 0.5}, r"`fraction` " + PAIR),
        ("GridMix", {"cells": 0}, r"`cells` must be an integer of at least 1. Received: cells=0"),
        ("GridMix", {"cells": (4, 0)}, r"Received: cells=0"),
        ("GridMix", {"cells": (4, 4, 4)}, r"`cells` must be an integer or a pair. Received: cells"),
        ("GridMix", {"cells": 2.5}, r"Received: cells=2.5"),
        ("GridMask", {"unit": (0.5, 3.0)}, r"`unit` must be .* between 0.01 and 2. .*unit=3.0"),
        ("GridMask", {"unit": (1.0, 0.5)}, r"`unit` " + PAIR + ", the smaller first"),
        (
            "GridMask",
            {"keep_ratio": 1.5},
            r"`keep_ratio` must be .* between 0 and 1. Received: keep_ratio=1.5",
        ),
        ("GridMask", {"rotation": 400}, r"`rotation` must be an integer between 0 and 360. .*400"),
        ("GridMask", {"rotation": -1}, r"Received: rotation=-1"),
        ("GridMask", {"rotation": 0.5}, r"Received: rotation=0.5"),
        ("GridMask", {"fill_value": None}, FILL + "None"),
        ("SpecMix", {"time_bands": -1}, r"`time_bands` must be an integer of at least 0. .*=-1"),
        ("SpecMix", {"frequency_bands": (3, 1)}, r"must be a pair \(least, most\), the smaller"),
        ("SpecMix", {"time_bands": 0.5}, r"Received: time_bands=0.5"),
        ("SpecMix", {"width": (0.1, 1.5)}, r"`width` must be .* between 0 and 1. .*width=1.5"),
        ("SpecMix", {"width": 0.3}, r"`width` " + PAIR),
        ("SpecAugment", {"time_masks": -1}, r"`time_masks` must be an integer of at least 0"),
        ("SpecAugment", {"time_width": 0}, r"`time_width` must be an integer of at least 1"),
        ("SpecAugment", {"frequency_width": 1.5}, r"`frequency_width` must be .*Received: .*=1.5"),
        (
            "SpecAugment",
            {"max_time_fraction": 2},
            r"`max_time_fraction` must be .* between 0 and 1. .*=2",
        ),
        ("SpecAugment", {"fill_value": "median"}, FILL + "'median'"),
        ("BetweenClass", {"alpha": -1}, r"`alpha` must be .* Received: alpha=-1"),
        ("BetweenClass", {"window": 3}, r"`window` must be an even number. Received: window=3"),
        ("BetweenClass", {"window": 0}, r"`window` must be an integer of at least 2"),
        ("BetweenClass", {"sampling_rate": -1}, r"`sampling_rate` must be .* sampling_rate=-1"),
        ("BetweenClass", {"sampling_rate": 0}, r"`sampling_rate` must be .* above 0. .*rate=0"),
        ("SpectrogramMixUp", {"alpha": None}, r"`alpha` must be .* Received: alpha=None"),
        ("SpectrogramMixUp", {"domain": "dB"}, r"`domain` must be one of \['power', .*'dB'"),
        ("SpectrogramMixUp", {"scale": "ln"}, r"`scale` must be one of \['log', .*'ln'"),
    ],
)
def test_a_mixers_own_option_out_of_range(mixer, options, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        getattr(layers, mixer)(**options)
    assert str(caught.value).count("Received: ") == 1
    assert str(caught.value).startswith(f"{mixer}: ")


@pytest.mark.parametrize(
    ("construct", "owner"),
    [
        (lambda: models.ManifoldMixup(keras.Sequential([]), per="pixel"), "ManifoldMixup"),
        (lambda: layers.FeatureMix(alpha=-1), "FeatureMix"),
        (lambda: layers.MixStyle(pairing="domains"), "MixStyle"),
        (lambda: models.AlignMixup(keras.Sequential([]), epsilon=0), "AlignMixup"),
        (lambda: models.AlignMixup(keras.Sequential([]), iterations=0), "AlignMixup"),
        (lambda: layers.ModalityDropout(2.0), "ModalityDropout"),
        (lambda: losses.MixedLoss("mse", class_weight={0: -1}), "MixedLoss"),
        (lambda: losses.CrossModalConsistencyLoss(kind="mse"), "CrossModalConsistencyLoss"),
        (lambda: metrics.RecallAtK(k=0), "RecallAtK"),
        (lambda: callbacks.MixSchedule(unmixed_epochs=-1), "MixSchedule"),
        (lambda: pairings.ByClass("other"), "ByClass"),
        (lambda: label_rules.Remix([10, 20], tau=2), "Remix"),
        (lambda: layers.BoundingBoxOptions("corners"), "BoundingBoxOptions"),
        (lambda: synthesis.FillModality(None, "a", "b", name="c"), "FillModality"),
    ],
)
def test_an_error_about_an_argument_begins_with_the_class(construct, owner):
    with pytest.raises(ValueError, match=rf"^{owner}: `\w+` must .* Received: "):
        construct()


BOOLEANS = [
    (layers.CutMix, "keep_dtype"),
    (layers.CutMix, "inputs_only"),
    (layers.CutMix, "jit_compile"),
    (layers.CutMix, "soft_masks"),
    (layers.MixUp, "keep_major"),
    (layers.FeatureMix, "keep_major"),
    (layers.TabularMix, "cut"),
    (layers.CowMix, "wrap"),
    (functools.partial(layers.ModalityDropout, 0.5), "learned_tokens"),
    (functools.partial(layers.ModalityDropout, 0.5), "return_present"),
    (functools.partial(layers.BoundingBoxOptions, "xyxy"), "details"),
    (functools.partial(losses.MixedLoss, "mse"), "class_ids"),
    (losses.CrossModalConsistencyLoss, "from_logits"),
    (pairings.ByLabel, "include_self"),
    (functools.partial(models.MixingModel, keras.Sequential([])), "keep_major"),
    (functools.partial(data.mix, IDS, CutMix()), "resumable"),
    (functools.partial(data.pair_by_label, [0.0, 1.0], [0.0, 1.0], batch_size=1), "include_self"),
    (functools.partial(data.pair_by_label, [0.0, 1.0], [0.0, 1.0], batch_size=1), "shuffle"),
    (functools.partial(data.pair_by_label, [0.0, 1.0], [0.0, 1.0], batch_size=1), "drop_remainder"),
]


@pytest.mark.parametrize(("make", "name"), BOOLEANS)
@pytest.mark.parametrize("value", ["no", "False", 1, 0.0])
def test_what_is_no_boolean_is_refused(make, name, value):
    owner = rf"[\w.]+: `{name}` must be True or False\. Received: {name}={value!r}$"
    with pytest.raises(ValueError, match=owner):
        make(**{name: value})


@pytest.mark.parametrize("value", [np.True_, np.False_])
def test_booleans_of_numpy_are_booleans(value):
    assert MixUp(keep_major=value).keep_major is bool(value)


def test_a_visible_fraction_without_boxes_keypoints_or_instance_masks():
    options = BoundingBoxOptions(min_visible=0.3)
    sentence = r'where their format is given.*BoundingBoxOptions\("xyxy", …\); or leave it'
    with pytest.raises(ValueError, match=sentence):
        CutMix(bounding_boxes=options)
    masks = CutMix(kinds={"y": "instance_masks"}, bounding_boxes=options)
    assert masks.bounding_boxes == options
