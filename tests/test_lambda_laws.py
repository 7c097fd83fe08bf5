"""λ as every mixer that draws it from a Beta distribution uses it: pairs, and the major weight."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import random_images, seed_of

from keras_mix import layers
from keras_mix.layers import CutMix

N = 64
IDS = np.arange(N)
TABLE = {"age": np.random.default_rng(0).random(N).astype("float32")}
SOUNDS = np.random.default_rng(0).uniform(-1, 1, (N, 64)).astype("float32")
# What each mixer mixes here, and its options beside those of λ.
CASES = {
    "MixUp": (random_images(N, 16, 20), {}),
    "CutMix": (random_images(N, 16, 20), {}),
    "FMix": (random_images(N, 16, 20), {}),
    "GridMix": (random_images(N, 16, 20), {}),
    "SaliencyMix": (random_images(N, 16, 20), {}),
    "RICAP": (random_images(N, 16, 20), {}),
    "SpectrogramMixUp": (random_images(N, 16, 20)[..., 0], {}),
    "BetweenClass": (SOUNDS, {"window": 8}),
    "TabularMix": (TABLE, {}),
    "CrossModalMix": ({"image": random_images(N, 16, 20)}, {"cuts": {"image": CutMix()}}),
}
every_mixer = pytest.mark.parametrize("name", CASES)


def made(name, **options):
    """A mixer under which no sample is its own partner."""
    options |= {"pairing": "roll", "label_mode": "pairs"}
    return getattr(layers, name)(**CASES[name][1], **options)


def weights(name, **options):
    """float32 [N, S], the mixing weights of a call."""
    _, pairs = made(name, **options)(CASES[name][0], IDS, seed=seed_of())
    return pairs[:, 1].numpy()


def test_every_mixer_with_an_alpha_is_here():
    known = {name: getattr(layers, name) for name in layers.__all__}
    with_alpha = {
        name for name, cls in known.items() if "alpha" in inspect.signature(cls).parameters
    }
    # Layers of models run on every backend and are tested there.
    assert with_alpha == {*CASES, "FeatureMix", "MixStyle"}


@every_mixer
def test_a_pair_sets_the_weight_of_the_sample_itself(name):
    # λ is 0.25 but for 0.001.
    own = weights(name, alpha=(1e5, 3e5))[:, 0]
    if name == "RICAP":
        np.testing.assert_allclose(own, (4 / 16) * (5 / 20), atol=1e-6)
    elif name in ("CutMix", "SaliencyMix", "CrossModalMix"):
        # The box has the sides √0.75 · 16 and √0.75 · 20, rounded down, unless it is clipped.
        least = 1 - 13 * 17 / (16 * 20)
        assert (own >= least - 1e-6).all()
        assert own.min() < least + 0.1
    else:
        np.testing.assert_allclose(own, 0.25, atol=5e-3)


@every_mixer
def test_the_other_way_round_the_sample_has_the_rest(name):
    own = weights(name, alpha=(3e5, 1e5))[:, 0]
    if name == "RICAP":
        np.testing.assert_allclose(own, 0.75**2, atol=1e-6)
    elif name in ("CutMix", "SaliencyMix", "CrossModalMix"):
        assert (own >= 1 - 8 * 10 / (16 * 20) - 1e-6).all()
    else:
        np.testing.assert_allclose(own, 0.75, atol=5e-3)


@every_mixer
def test_the_major_weight_is_the_samples_own(name):
    drawn = weights(name, alpha=0.5)
    major = weights(name, alpha=0.5, keep_major=True)
    assert (drawn[:, 0] < drawn[:, 1:].max(axis=1) - 0.2).any()
    # Regions are rounded to pixels.
    assert (major[:, 0] >= major[:, 1:].max(axis=1) - 2 / 16).all()
    assert (major[:, 0] >= drawn[:, 0] - 1e-6).all()
    if name == "RICAP":
        # The point of the four crops is the same, seen from another corner.
        np.testing.assert_allclose(np.sort(major), np.sort(drawn), atol=1 / 16)
    elif name not in ("CutMix", "SaliencyMix", "CrossModalMix"):
        expected = np.maximum(drawn[:, 0], 1 - drawn[:, 0])
        np.testing.assert_allclose(major[:, 0], expected, atol=1 / 16 + 1e-6)


@every_mixer
@pytest.mark.parametrize("options", [{"alpha": (0.3, 2.0)}, {"keep_major": True}], ids=str)
def test_plans_are_the_same_in_every_mode(name, options):
    layer, x = made(name, **options), CASES[name][0]
    eager = layer(x, IDS, seed=seed_of())[1]
    graph = tf.function(lambda: layer(x, IDS, seed=seed_of())[1])()
    batch = tf.data.Dataset.from_tensor_slices((x, IDS)).batch(N)
    mapped = next(iter(batch.map(lambda x, y: layer(x, y, seed=seed_of()))))[1]
    np.testing.assert_array_equal(graph, eager)
    np.testing.assert_array_equal(mapped, eager)


@every_mixer
def test_laws_of_lambda_are_saved(name):
    layer = made(name, alpha=(2, 5), keep_major=True)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.alpha, again.keep_major) == ((2.0, 5.0), True)
    assert repr(again) == repr(layer)
    with pytest.raises(ValueError, match=r"a pair \(a, b\) of finite numbers above 0"):
        made(name, alpha=(2, 0))


def test_the_laws_of_a_cut_belong_to_the_layer_around_it():
    for option, value in {"alpha": (1.0, 2.0), "keep_major": True}.items():
        with pytest.raises(ValueError, match=f"`{option}` belongs to the CrossModalMix"):
            layers.CrossModalMix(cuts={"image": CutMix(**{option: value})})
