"""Options of mixers inside models: used, or refused."""

import keras
import numpy as np
import pytest
from contract import random_images

from keras_mix import models
from keras_mix.layers import CutMix, FMix, MixUp, SequenceOptions

pytestmark = pytest.mark.slow

B = 6
IMAGES = random_images(B, 8, 10)


def base():
    return keras.Sequential(
        [
            keras.Input((8, 10, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_initializer="ones"),
        ]
    )


@pytest.mark.parametrize(
    ("wrap", "options", "refused"),
    [
        (models.MixingModel, {"per": "batch"}, "per"),
        (models.MixingModel, {"pairing": "roll"}, "pairing"),
        (models.ManifoldMixup, {"per": "sample", "mix_at": ["input"]}, "per"),
        (models.ManifoldMixup, {"pairing": "roll", "mix_at": ["input"]}, "pairing"),
    ],
)
def test_a_model_refuses_the_options_of_a_blend_beside_mixers(wrap, options, refused):
    with pytest.raises(ValueError, match=f"`{refused}` has no effect.*Pass it to the mixer"):
        wrap(base(), mixer=CutMix(), **options)


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"label_mode": "pairs"}, "label_mode"),
        ({"label_mode": "values"}, "label_mode"),
        ({"num_classes": 3}, "num_classes"),
        ({"soft_masks": True}, "soft_masks"),
        ({"bounding_boxes": "xyxy"}, "bounding_boxes"),
        ({"inputs_only": True}, "inputs_only"),
        ({"spatial_dims": 1, "sequences": SequenceOptions(padding_id=0)}, "sequences"),
    ],
)
def test_a_model_refuses_options_of_targets(options, refused):
    sentence = rf"^MixingModel\(CutMix\): `{refused}` has no effect"
    with pytest.raises(ValueError, match=sentence):
        models.MixingModel(base(), mixer=CutMix(**options))


@pytest.mark.parametrize("kind", ["lengths", "masks"])
def test_a_model_refuses_a_mixer_that_counts_valid_time_steps(kind):
    with pytest.raises(ValueError, match=f"no lengths and masks.*'spec': '{kind}'.*dataset"):
        models.MixingModel(base(), mixer=CutMix(kinds={"spec": kind}))


@pytest.mark.parametrize("places", [None, ["cut"]])
def test_a_model_whose_places_are_mixers_takes_no_other(places):
    cut = CutMix(name="cut")
    held = keras.Sequential([keras.Input((8, 10, 3)), cut, *base().layers])
    with pytest.raises(ValueError, match="`mixer` has no effect, because every mix point"):
        models.MixingModel(held, mixer=FMix(), mix_at=places)
    both = models.MixingModel(held, mixer=MixUp(), mix_at=["input", "cut"])
    assert [mixer.owner for _, mixer in both.choices] == ["MixUp", "CutMix"]


def test_a_list_of_no_mixers_is_refused():
    with pytest.raises(ValueError, match=r"`mixer` must be a layer, .* Received: \[\]"):
        models.MixingModel(base(), mixer=[])


def test_a_model_draws_by_the_seed_of_its_mixer():
    def loss(**options):
        model = models.MixingModel(
            base(), mixer=CutMix(8.0, seed=options.pop("inner", None)), **options
        )
        model.compile("sgd", "mse", run_eagerly=True)
        return model.train_on_batch(IMAGES, np.arange(B, dtype="float32")[:, None])

    assert loss(inner=3) == loss(seed=3) == loss(inner=3, seed=3) != loss(inner=4)
    with pytest.raises(ValueError, match="all draws of the model must have one seed"):
        loss(inner=3, seed=4)
