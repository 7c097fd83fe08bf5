"""MixStyle on every backend: statistics of feature maps by NumPy, and what stays as it is."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix._core.draw import random
from keras_mix.layers import MixStyle

pytestmark = pytest.mark.slow

SIZE = 6
NOISE = np.random.default_rng(0)
# Each sample and channel has a style of its own.
MAPS = NOISE.normal(size=(SIZE, 4, 5, 3)) * NOISE.uniform(0.5, 3, (SIZE, 1, 1, 3))
MAPS = (MAPS + NOISE.normal(size=(SIZE, 1, 1, 3))).astype("float32")
LAMBDA = NOISE.uniform(size=SIZE).astype("float32")
ROLLED = (np.arange(SIZE) + 1) % SIZE


@pytest.fixture
def _fixed(monkeypatch):
    """λ is known, and each sample's partner is the next one."""
    monkeypatch.setattr(random, "beta", lambda *args: ops.convert_to_tensor(LAMBDA))


def mixed(maps=MAPS, **options):
    options = {"rate": 1.0, "pairing": "roll", **options}
    return ops.convert_to_numpy(MixStyle(**options)(maps, training=True))


def styled(maps, partners):
    """Sample by sample: the paper's equations 4 to 6."""
    results = []
    for own, partner, lam in zip(maps, maps[partners], LAMBDA, strict=True):
        (mean, deviation), (other_mean, other_deviation) = map(style, (own, partner))
        scale, shift = (
            lam * a + (1 - lam) * b for a, b in ((deviation, other_deviation), (mean, other_mean))
        )
        results.append(scale * (own - mean) / deviation + shift)
    return np.array(results)


def style(sample):
    axes = tuple(range(sample.ndim - 1))
    return sample.mean(axes), np.sqrt(sample.var(axes) + 1e-6)


@pytest.mark.usefixtures("_fixed")
def test_feature_maps_have_the_mixed_style():
    found = mixed()
    np.testing.assert_allclose(found, styled(MAPS.astype("float64"), ROLLED), atol=1e-5)
    for sample, own, partner, lam in zip(found, MAPS, MAPS[ROLLED], LAMBDA, strict=True):
        expected = [
            lam * a + (1 - lam) * b for a, b in zip(style(own), style(partner), strict=True)
        ]
        np.testing.assert_allclose(np.array(style(sample)), np.array(expected), atol=1e-5)


@pytest.mark.usefixtures("_fixed")
def test_other_shapes_formats_and_dtypes():
    expected = mixed()
    first = mixed(np.moveaxis(MAPS, -1, 1), data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), expected, atol=1e-5)
    steps = mixed(MAPS.reshape(SIZE, 20, 3))
    np.testing.assert_allclose(steps.reshape(MAPS.shape), expected, atol=1e-5)
    half = MixStyle(rate=1.0, pairing="roll", dtype="mixed_float16")(MAPS, training=True)
    assert keras.backend.standardize_dtype(half.dtype) == "float16"
    np.testing.assert_allclose(ops.convert_to_numpy(half), expected, atol=0.02)


@pytest.mark.usefixtures("_fixed")
def test_padding_has_no_part_in_the_statistics_and_the_mask_passes():
    valid = np.array([12, 7, 20, 1, 0, 15])
    mask = np.arange(20) < valid[:, None]
    steps = np.where(mask[..., None], MAPS.reshape(SIZE, 20, 3), np.inf).astype("float32")
    layer = MixStyle(rate=1.0, pairing="roll")
    found = ops.convert_to_numpy(layer(steps, training=True, mask=ops.convert_to_tensor(mask)))
    statistics = [
        style(sample[:n]) if n else (0, 1e-3) for sample, n in zip(steps, valid, strict=True)
    ]
    for i, (lam, n) in enumerate(zip(LAMBDA, valid, strict=True)):
        (mean, deviation), other = statistics[i], statistics[ROLLED[i]]
        scale = lam * deviation + (1 - lam) * other[1]
        expected = (steps[i, :n] - mean) / deviation * scale + lam * mean + (1 - lam) * other[0]
        np.testing.assert_allclose(found[i, :n], expected, atol=1e-4)
    model = keras.Sequential(
        [keras.Input((20, 3)), layers.Masking(), layer, layers.GlobalAveragePooling1D()]
    )
    padded = np.where(mask[..., None], steps, 0)
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(padded))[0], padded[0, :12].mean(axis=0), atol=1e-5
    )


def test_batches_are_mixed_at_the_rate_and_others_stay_to_the_bit():
    layer = MixStyle(alpha=1.0, rate=0.3, seed=1)
    found = [ops.convert_to_numpy(layer(MAPS, training=True)) for _ in range(300)]
    stayed = np.mean([np.array_equal(each, MAPS) for each in found])
    assert abs(stayed - 0.7) < 5 * np.sqrt(0.21 / 300)
    for options in ({}, {"training": False}):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(MAPS, **options)), MAPS)


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_halves_are_partners_of_each_other(size, monkeypatch):
    monkeypatch.setattr(random, "beta", lambda *args: ops.zeros([size]))
    # A sample's mean is its number, and λ = 0 gives it that of its partner.
    numbers = np.arange(size, dtype="float32")[:, None, None] + np.array([[-1.0], [1.0]], "float32")
    layer, seen = MixStyle(rate=1.0, pairing="halves", seed=2), set()
    for _ in range(20):
        found = ops.convert_to_numpy(layer(numbers, training=True))[:, :, 0].mean(axis=1)
        partners = np.rint(found).astype(int)
        half = size // 2
        if half:
            assert (partners[:half] >= half).all()
            assert (partners[half:] < half).all()
        assert len(set(partners[:half])) == half
        assert len(set(partners[half:])) == max(half, 1)
        seen.add(tuple(partners))
    assert len(seen) > 1 or size <= 2


class Scaled(layers.Layer):
    """Multiplies by a weight, 1 at first."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return self.scale * inputs


def test_no_gradient_flows_through_the_statistics(monkeypatch):
    monkeypatch.setattr(random, "beta", lambda *args: ops.convert_to_tensor(LAMBDA))
    model = keras.Sequential(
        [keras.Input(MAPS.shape[1:]), Scaled(), MixStyle(rate=1.0, pairing="roll")]
    )
    model.compile(keras.optimizers.SGD(1.0), lambda y, p: ops.sum(y * p, axis=(1, 2, 3)))
    readout = NOISE.normal(size=MAPS.shape).astype("float32")
    model.train_on_batch(MAPS, readout)
    expected = 0.0
    for own, partner, lam, weights in zip(MAPS, MAPS[ROLLED], LAMBDA, readout, strict=True):
        ratio = style(partner)[1] / style(own)[1]
        expected += np.sum(weights * own * (lam + (1 - lam) * ratio)) / SIZE
    (weight,) = model.trainable_weights
    assert 1 - float(ops.convert_to_numpy(weight)) == pytest.approx(expected, rel=1e-3)


def test_a_model_trains_compiled_and_its_labels_stay():
    keras.utils.set_random_seed(0)
    ids = np.arange(48) % 3
    images = NOISE.normal(size=(48, 6, 6, 2)).astype("float32")
    images[np.arange(48), ids, :, 0] += 3
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            MixStyle(rate=0.5, seed=3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, ids, batch_size=15, epochs=10, verbose=0)
    assert model.evaluate(images, ids, verbose=0)[1] > 0.8


def test_config_round_trip():
    options = {"alpha": 0.3, "rate": 0.4, "pairing": "halves", "data_format": "channels_first"}
    layer = MixStyle(**options, seed=0, name="style")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    assert again.get_config().items() >= {**options, "seed": 0, "name": "style"}.items()


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        (np.ones((4, 3), "float32"), "feature maps with spatial dims.*before the pooling"),
        (np.ones((4, 3, 2), "int32"), "must hold floats"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_bad_inputs_are_refused(inputs, match, training):
    with pytest.raises(ValueError, match=match) as caught:
        MixStyle()(inputs, training=training)
    assert str(caught.value).startswith("MixStyle: ")
