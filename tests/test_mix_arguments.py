"""What `data.mix` is called with by mistake is named in a sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.layers import CutMix, FeatureMix, MixUp

X = np.zeros((8, 4), "float32")
Y = np.eye(8, dtype="float32")
DATASET = tf.data.Dataset.from_tensors((X, Y))
ALONE = tf.data.Dataset.from_tensors(X)
LAYER = MixUp(jit_compile=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((LAYER, DATASET), r"`dataset` must be .* Received: dataset=a MixUp\. The dataset comes"),
        ((DATASET, DATASET), r"`layer` must be a mixer .* The dataset comes first"),
        ((X, LAYER), r"`dataset` must be .* dataset=a ndarray of shape \(8, 4\)\. Make one from"),
        (((X, Y), LAYER), r"`dataset` must be .* Received: dataset=a tuple\. Make one"),
        ((tf.constant(X), LAYER), r"`dataset` must be .*of shape \(8, 4\)\. Make one"),
        ((None, LAYER), r"`dataset` must be a tf.data.Dataset. Received: dataset=None"),
        ((iter(DATASET), LAYER), r"`dataset` must be a tf.data.Dataset"),
        ((tf.data.Dataset, LAYER), r"Received: dataset=the class DatasetV2"),
        ((DATASET, CutMix), r"`layer` must be an instance, not a class. Received: layer=CutMix"),
        (
            (DATASET, keras.layers.Rescaling(1.0)),
            r"layer=a keras.layers.Rescaling\..* dataset.map",
        ),
        ((DATASET, FeatureMix()), r"`layer` must be a mixer of keras_mix.layers"),
        (
            (DATASET, "cutmix"),
            r"layer='cutmix'. Pass an .*keras_mix.layers.CutMix\(…\)",
        ),
        ((DATASET, "cut_mix"), r"Pass an instance of a mixer, keras_mix.layers.CutMix\(…\)\."),
        ((DATASET, "Mixip"), r"Pass an instance of a mixer, .*Did you mean 'MixUp'\?"),
        ((DATASET, keras.layers.MixUp()), r"layer=a keras.layers.MixUp. .*keras_mix.layers.MixUp"),
        ((DATASET, [LAYER, CutMix()]), r"layer=a list. .*keras_mix.layers.RandomChoice\(\[…\]\)"),
        ((DATASET, None), r"Received: layer=None"),
        ((DATASET, lambda x, y: (x, y)), r"Received: layer=a function"),
    ],
)
def test_what_is_no_dataset_and_no_mixer(arguments, sentence):
    with pytest.raises(ValueError, match=f"data.mix: .*{sentence}"):
        data.mix(*arguments)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        *(
            ({"seed": seed}, "`seed` must be an integer. Received: seed=")
            for seed in (1.5, "1", True, (1, 2), tf.constant([1, 2]))
        ),
        ({"seed": 2**63}, "`seed` must be a 64-bit integer"),
        ({"num_parallel_calls": 0}, "`num_parallel_calls` must be an integer of at least 1"),
        ({"num_parallel_calls": -5}, "`num_parallel_calls` must be an integer of at least 1"),
        ({"num_parallel_calls": "auto"}, "`num_parallel_calls` must be an integer"),
        ({"partners": X}, '`partners` must be a tf.data.Dataset, or "paired"'),
        ({"partners": "pairs"}, "Received: partners='pairs'"),
        ({"partners": LAYER}, "`partners` must be a tf.data.Dataset"),
        ({"partner_labels": "kept"}, "`partner_labels` is for a second dataset"),
        (
            {"partners": DATASET, "partner_labels": "kept"},
            "is for a second dataset that has only inputs",
        ),
        (
            {"partners": DATASET, "partner_labels": len},
            "is for a second dataset that has only inputs",
        ),
        ({"partners": ALONE, "partner_labels": ALONE}, '`partner_labels` must be None, "kept"'),
        ({"partners": DATASET.unbatch()}, "Is the dataset batched"),
    ],
)
def test_options_out_of_range_or_without_an_effect(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.mix(DATASET, LAYER, **options)


def test_seeds_of_numpy_and_below_zero_are_seeds():
    for seed in (np.int64(3), -1, 0, 2**63 - 1, -(2**63)):
        next(iter(data.mix(DATASET, LAYER, seed=seed)))


def test_mixed_checks_its_layer_at_once():
    with pytest.raises(ValueError, match=r"data\.mix: `layer` must be"):
        data.mixed(CutMix)


def test_partners_that_are_a_dict_of_inputs_alone_keep_the_labels():
    inputs = {"a": X + 1, "b": X + 2}
    first = tf.data.Dataset.from_tensors(({"a": X, "b": X}, Y))
    second = tf.data.Dataset.from_tensors(inputs)
    mixed = data.mix(first, LAYER, seed=1, partners=second, partner_labels="kept")
    x, y = next(iter(mixed))
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_allclose(x["b"], 2 * x["a"], rtol=1e-6)
    with pytest.raises(ValueError, match="must have the structure of the first"):
        data.mix(first, LAYER, partners=second)
