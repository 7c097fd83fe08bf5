"""Mixers written as text."""

import keras
import pytest

from keras_mix import layers, models
from keras_mix.evaluate import fingerprint, mixers
from keras_mix.layers._class_modules import OF_IMAGES


def test_names_in_any_case_and_none():
    parsed = mixers.parse("none, MixUp ,CUTMIX")
    assert list(parsed) == ["none", "mixup", "cutmix"]
    assert parsed["none"] is None
    assert type(parsed["mixup"]) is layers.MixUp
    assert type(parsed["cutmix"]) is layers.CutMix


def test_every_mixer_of_the_package_has_a_name():
    for name in OF_IMAGES:
        assert mixers._layer(name.lower(), []).__class__.__name__ == name


def test_any_mixer_may_be_switched_off_at_the_end():
    parsed = mixers.parse("mixup:alpha=0.4,unmixed_epochs=12,regmixup:unmixed_epochs=0.2,cutmix")
    late, wrapper, cutmix = parsed.values()
    assert (late.mixer.get_config()["alpha"], late.unmixed_epochs) == (0.4, 12)
    assert mixers.unmixed_epochs(late, 60) == 12
    assert wrapper.mixer.func is models.RegMixup
    assert mixers.unmixed_epochs(wrapper, 60) == 12
    assert [mixers.wraps(mixer) for mixer in (late, wrapper, cutmix)] == [False, True, False]
    assert fingerprint.mixer(late) == {**fingerprint.mixer(late.mixer), "unmixed_epochs": 12}
    for refused in ("mixup:unmixed_epochs=0", "mixup:unmixed_epochs=1.5", "none:unmixed_epochs=1"):
        with pytest.raises(ValueError, match=r"unmixed_epochs|unknown mixer"):
            mixers.parse(refused)


def test_an_argument_belongs_to_the_mixer_before_it():
    parsed = mixers.parse("mixup:alpha=0.4, rate = 0.5,cutmix,mixup:alpha=1")
    assert list(parsed) == ["mixup:alpha=0.4,rate=0.5", "cutmix", "mixup:alpha=1"]
    config = parsed["mixup:alpha=0.4,rate=0.5"].get_config()
    assert (config["alpha"], config["rate"]) == (0.4, 0.5)


def test_a_list_reads_as_the_joined_text():
    assert list(mixers.parse(["none", "mixup:alpha=0.4,rate=0.5"])) == [
        "none",
        "mixup:alpha=0.4,rate=0.5",
    ]


def test_values_are_literals_or_text():
    config = mixers.parse("mixup:pairing=roll,per=batch,seed=None")[
        "mixup:pairing=roll,per=batch,seed=None"
    ].get_config()
    assert (config["pairing"], config["per"]) == ("roll", "batch")


def test_commas_in_brackets_do_not_separate():
    assert mixers._items("one:size=(2,3),rate=[1,2],two") == [
        ("one", ["size=(2,3)", "rate=[1,2]"]),
        ("two", []),
    ]
    assert mixers._value("(2,3)") == (2, 3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mixip", "unknown mixer. Received: 'mixip'. Known: none, cowmix, .*mixup"),
        ("", "unknown mixer. Received: ''"),
        ("alpha=0.2", "unknown mixer. Received: 'alpha=0.2'"),
        ("none:alpha=1", "none and all take no arguments"),
        ("mixup:alfa=1", "MixUp has no such argument. Received: 'alfa=1'. Known: alpha, .*rate"),
        ("mixup:alpha", "must read name=value, as in mixup:alpha=0.4. Received: 'mixup:alpha'"),
        ("mixup:", "must read name=value"),
        ("mixup:alpha=", "must read name=value"),
        ("mixup,none,mixup", "Received twice: mixup"),
        ("mixup:alpha=-1", "alpha"),
    ],
)
def test_refusals(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        mixers.parse(text)


def test_names_for_what_mixes_in_the_train_step():
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    made = mixers.parse("none,cutmix-device:alpha=0.5,manifold:alpha=1.0,mix_at=['input']")
    none, device, manifold = made.values()
    assert [mixers.wraps(mixer) for mixer in made.values()] == [False, True, True]
    assert none is None
    assert device(network).choices[0][1].get_config()["alpha"] == 0.5
    assert manifold(network).mix_points == ["input"]
    assert manifold(network).dials.alpha == 1.0
    assert list(mixers.pictured(made)) == ["none", "cutmix-device:alpha=0.5"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("manifold-device", "all but these, manifold and regmixup with -device"),
        ("mixpoint", "unknown mixer"),
        ("manifold:model=3", "has no such argument. Received: 'model=3'. Known: mix_at, alpha"),
    ],
)
def test_names_of_the_train_step_that_are_unknown(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        mixers.parse(text)


def test_all_is_every_mixer():
    made = mixers.parse("none, all")
    assert next(iter(made)) == "none"
    assert {type(mixer).__name__ for mixer in made.values() if mixer} == set(OF_IMAGES)
    with pytest.raises(ValueError, match="each mixer may occur once"):
        mixers.parse("cutmix, all")
    with pytest.raises(ValueError, match="all takes no arguments"):
        mixers.parse("all:alpha=1")
