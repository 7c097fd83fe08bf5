"""Options of mixers inside mixers: used, or refused with the layer that they belong to."""

import numpy as np
import pytest
from contract import random_images, seed_of

import keras_mix.layers
from keras_mix import layers, recipes
from keras_mix.layers import (
    BoundingBoxOptions,
    CutMix,
    MixUp,
    RandomApply,
    RandomChoice,
    SequenceOptions,
)
from keras_mix.pairings import ByClass

pytestmark = pytest.mark.slow

B = 6
IMAGES = random_images(B, 8, 10)
ONE_HOT = np.eye(B, dtype="float32")
BATCH = IMAGES, ONE_HOT
INNER = {
    "num_classes": 3,
    "label_mode": "pairs",
    "label_smoothing": 0.1,
    "pairing": "reverse",
    "label_rule": keras_mix.label_rules.Remix([1, 2]),
    "per": "batch",
    "rate": 0.5,
    "kinds": {"a": "values"},
    "passthrough": ["a"],
    "main_input": "x",
    "keep_dtype": True,
    "inputs_only": True,
    "jit_compile": False,
    "soft_masks": True,
    "bounding_boxes": BoundingBoxOptions("xyxy", max_boxes=3, min_visible=0.5, details=True),
    "sequences": SequenceOptions(padding_id=0, special_tokens=(1, 1)),
    "data_format": "channels_first",
    "seed": 1,
    "dtype": "float16",
}
BESIDE_INNER = {"sequences": {"spatial_dims": 1}}
AROUND = {
    "RandomApply": lambda mixer, **options: RandomApply(mixer, rate=1.0, **options),
    "RandomChoice": lambda mixer, **options: RandomChoice([mixer], **options),
    "CrossModalMix": lambda mixer, **options: layers.CrossModalMix(cuts={"x": mixer}, **options),
}
DRAWN = {
    "RandomApply": {"pairing", "per", "rate"},
    "RandomChoice": {"pairing", "per", "rate"},
    "CrossModalMix": {"data_format"},
}


@pytest.mark.parametrize("option", INNER)
@pytest.mark.parametrize("around", AROUND)
def test_an_option_of_a_mixer_inside_is_used_or_refused(around, option):
    assert set(INNER) == set(CutMix().shared_options())
    mixer = CutMix(**{**BESIDE_INNER.get(option, {}), option: INNER[option]})
    if option not in DRAWN[around]:
        # Of two refused options the message names the first.
        with pytest.raises(ValueError, match=f"^{around}: `.*` belongs to the {around}"):
            AROUND[around](mixer)
        return
    found, plain = (AROUND[around](one)(BATCH, seed=seed_of())[0] for one in (mixer, CutMix()))
    assert np.any(found != plain)


def test_alpha_of_a_cut_is_refused_and_the_share_of_a_cow_is_used():
    with pytest.raises(ValueError, match="`alpha` belongs to the CrossModalMix"):
        AROUND["CrossModalMix"](CutMix(alpha=0.3))
    few, many = (
        AROUND["CrossModalMix"](layers.CowMix(fraction=(s, s)))(BATCH, seed=seed_of())[1].numpy()
        for s in (0.2, 0.8)
    )
    mixed = few.max(axis=1) < 1
    assert mixed.any()
    np.testing.assert_allclose(np.diag(few)[mixed], 0.8, atol=0.01)
    np.testing.assert_allclose(np.diag(many)[mixed], 0.2, atol=0.01)


@pytest.mark.parametrize("around", ["RandomApply", "RandomChoice"])
def test_the_format_of_the_layer_around_holds_inside(around):
    first = AROUND[around](CutMix(8.0), data_format="channels_first")
    last = AROUND[around](CutMix(8.0))
    expected, labels = last(BATCH, seed=seed_of())
    found, same = first((IMAGES.transpose(0, 3, 1, 2), ONE_HOT), seed=seed_of())
    np.testing.assert_array_equal(found.numpy().transpose(0, 2, 3, 1), expected)
    np.testing.assert_array_equal(labels, same)


def test_the_format_of_a_cross_modal_mix_is_that_of_its_cuts():
    first = AROUND["CrossModalMix"](CutMix(data_format="channels_first"))
    assert first.data_format == "channels_first"
    assert type(first).from_config(first.get_config()).data_format == "channels_first"
    with pytest.raises(ValueError, match="must be given the `data_format` of its modality"):
        AROUND["CrossModalMix"](CutMix(), data_format="channels_first")


def test_soft_masks_and_unions_reach_what_is_cut():
    cuts = {"x": CutMix(), "y": "x"}
    masks = np.tile(np.arange(B)[:, None, None], (1, 8, 10))
    soft = layers.CrossModalMix(8.0, cuts=cuts, soft_masks=True, num_classes=B)
    hard = layers.CrossModalMix(8.0, cuts=cuts)
    found, expected = (layer((IMAGES, masks), seed=seed_of())[1].numpy() for layer in (soft, hard))
    np.testing.assert_array_equal(found, np.eye(B)[expected])


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_the_recipe_of_deit_draws_as_it_is_asked_to(per):
    deit = recipes.deit(per=per, pairing="roll", label_smoothing=0.0)
    assert [mixer.per for mixer in (deit, *deit.mixers)] == [per] * 3
    _, labels = deit(BATCH, seed=seed_of())
    partners = np.argmax(labels - np.eye(B) * 9, axis=1)
    mixed = np.diag(labels) < 1
    assert mixed.any()
    np.testing.assert_array_equal(partners[mixed], np.roll(np.arange(B), -1)[mixed])


def test_pairings_by_class_are_drawn_by_the_mixers_inside():
    layer = RandomChoice([MixUp(8.0, pairing=ByClass("same"))])
    labels = np.eye(2, dtype="float32")[np.arange(B) % 2]
    np.testing.assert_array_equal(layer((IMAGES, labels), seed=seed_of())[1], labels)
