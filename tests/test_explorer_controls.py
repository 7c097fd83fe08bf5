"""The explorer's controls: every value that they offer is one that the mixer takes."""

import explored
import pytest

from keras_mix import layers
from keras_mix.plot._explorer import Scene, controls, read


@pytest.fixture(scope="module")
def scene():
    return Scene(read(explored.pairs()))


@pytest.mark.parametrize("mixer", controls.names())
def test_the_extremes_of_every_control_are_shown(scene, mixer):
    for name, control in scene.mixers[mixer].items():
        # The shared options are the same for all.
        if name not in controls.SHARED or mixer == "CutMix":
            for value in control.extremes:
                picture = scene.picture(mixer, {name: value}, 2)
                assert picture.images.shape == (4, explored.SIDE, explored.SIDE, 3)
                assert picture.labels.sum(1) == pytest.approx(1.0)


def test_the_ranges_are_those_of_the_checks():
    endless = set()
    for mixer in controls.names():
        for control in controls.of_mixer(mixer, labelled=True).values():
            if control.kind not in ("number", "pair"):
                continue
            below, above = control.low - 1, control.high + 1
            if control.kind == "pair":
                below, above = (below, control.high), (control.low, above)
            with pytest.raises(ValueError, match=f"`{control.name}`"):
                getattr(layers, mixer)(**{control.name: below})
            try:
                getattr(layers, mixer)(**{control.name: above})
            except ValueError:
                continue
            endless.add((mixer, control.name))
    assert {name for _, name in endless} == {
        "alpha",
        "cells",
        "count",
        "decay",
        "sigma",
        "sources",
    }


def test_controls_follow_from_signatures_and_docstrings():
    mixup = controls.of_mixer("MixUp", labelled=True)
    assert list(mixup)[:2] == ["alpha", "sources"]
    about = (
        "Concentration α of Beta(α, α). "
        "Small: mostly one image; 1: every share equally likely; large: half and half."
    )
    assert mixup["alpha"] == controls.Number("alpha", about, 0.2, 0.0, 2.0, 0.01)
    assert mixup["pairing"].values == ("shuffle", "derange", "reverse", "roll")
    assert mixup["keep_major"].kind == "switch"
    assert controls.of_mixer("Cutout", labelled=True)["fill_value"].values == (0.0, "mean")
    # What has no effect on a mixer has no control.
    assert "pairing" not in controls.of_mixer("Cutout", labelled=True)
    assert "label_smoothing" not in controls.of_mixer("CutMix", labelled=False)
    assert all(
        control.about and len(control.about) < 120
        for mixer in controls.names()
        for control in controls.of_mixer(mixer, labelled=True).values()
    )


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"mixer": "CutMx"}, "Received: 'CutMx'. Did you mean 'CutMix'?"),
        ({"mixer": "Mixer"}, "`mixer` must be one of "),
        ({"alpha": "x"}, "`alpha` must be a number. Received: 'x'"),
        ({"seed": "-1"}, "`seed` must be an integer from 0"),
        ({"seed": "²"}, "`seed` must be an integer from 0"),
        ({"beta": "1"}, "CutMix: no control sets the option. Received: 'beta'"),
        ({"num_classes": "5"}, "no control sets the option"),
        ({"mixer": "MixUp", "sources": "2.5"}, "`sources` must be an integer"),
        ({"mixer": "MixUp", "sources": "1000000"}, "between 2 and 8. Received: '1000000'. Set"),
        ({"mixer": "MixUp", "sources": "9" * 20}, "`sources` must be between 2 and 8."),
        ({"mixer": "GridMix", "cells": "100000"}, "`cells` must be between 1 and 16."),
        ({"alpha": "nan"}, "`alpha` must be between 0.0 and 4.0. Received: 'nan'"),
        ({"mixer": "CowMix", "sigma": "0.1,1e9"}, "`sigma` must be between 0.02 and 2.0."),
        ({"mixer": "CowMix", "fraction": "0.1"}, "`fraction` must be two numbers, such as 0.2,0.8"),
        ({"keep_major": "yes"}, "`keep_major` must be true or false. Received: 'yes'"),
        ({"pairing": "none"}, "`pairing` must be one of "),
    ],
)
def test_texts_that_no_control_has_are_refused(scene, texts, sentence):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        scene.read(texts)
    assert sentence in str(refusal.value)


def test_texts_are_read_by_their_controls(scene):
    assert scene.read({}) == ("CutMix", {}, 0)
    texts = {"mixer": "CowMix", "fraction": "0.1,0.5", "wrap": "true", "rate": "0.5", "seed": "7"}
    expected = {"fraction": (0.1, 0.5), "wrap": True, "rate": 0.5}
    assert scene.read(texts) == ("CowMix", expected, 7)
    # The ends of a slider belong to it.
    assert scene.read({"mixer": "MixUp", "sources": "8"})[1] == {"sources": 8}
    assert scene.read({"mixer": "Cutout", "fill_value": "0.0"})[1] == {"fill_value": 0.0}
