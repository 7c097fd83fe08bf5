"""SaliencyMix: a box around the partner's peak. The laws of all: test_contract_*."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import seed_of
from scipy import ndimage

from keras_mix import masks, saliency, sampling
from keras_mix.layers import SaliencyMix

GRIDS = [(24, 24), (32, 48), (64, 64), (100, 70), (128, 256), (224, 224)]


def blobs(grid, size=8, seed=0):
    """Gray images with one bright blob each, and the blobs' centres."""
    rng = np.random.default_rng(seed)
    width = max(min(grid) / 24, 1)
    centres = np.stack([rng.integers(n // 6, n - n // 6, size) for n in grid], axis=1)
    away = [np.arange(n) - centres[:, a, None] for a, n in enumerate(grid)]
    squares = (away[0] ** 2)[:, :, None] + (away[1] ** 2)[:, None]
    light = 0.2 + 0.7 * np.exp(-squares / (2 * width**2))
    return light.astype("float32"), centres


def boxes(layer, partners, peaks, grid):
    """bool [B, *grid]: boxes as CutMix has them, around given centres of each partner."""
    _, share = sampling.split(seed_of(), 2)
    ratio = sampling.beta(share, layer.alpha, 1 if layer.per == "batch" else len(partners))
    sides = masks.sides(1.0 - ratio, grid).numpy()
    sides = np.broadcast_to(sides, (len(partners), 2))
    return np.array(
        [oracles.rectangle(peaks[p], s, grid) for p, s in zip(partners, sides, strict=True)]
    )


# The saliency.


@pytest.mark.parametrize("grid", [(16, 16), (33, 47), (64, 64)], ids=str)
def test_saliency_is_the_spectral_residual(grid):
    light = np.random.default_rng(0).random((4, *grid), np.float32)
    found = saliency.residual(tf.constant(light)).numpy()
    for image, levels in zip(light, found, strict=True):
        expected = oracles.spectral_residual(image)
        for axis in (0, 1):
            weights = saliency._GAUSSIAN
            expected = ndimage.convolve1d(expected, weights, axis, mode="wrap")
        expected *= 255 / expected.max()
        assert np.abs(levels - expected).max() < 1


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_peak_is_on_the_blob(grid):
    light, centres = blobs(grid, size=32)
    peaks = saliency.peaks(tf.constant(light), grid).numpy()
    assert peaks.shape == (32, 2)
    away = np.abs(peaks - centres)
    # A few places of the small copy.
    assert (away <= np.maximum(3, 3 * np.array(grid) // 64)).all()


@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (2, 3), (65, 127), (130, 200)], ids=str)
def test_peaks_are_inside_images_of_any_size(grid):
    light = np.random.default_rng(0).random((16, *grid), np.float32)
    peaks = saliency.peaks(tf.constant(light), grid).numpy()
    assert (peaks >= 0).all()
    assert (peaks < grid).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 255.0])
@pytest.mark.parametrize("grid", [(9, 13), (130, 100)], ids=str)
def test_constant_images_have_a_peak_too(grid, value):
    peaks = saliency.peaks(tf.fill([3, *grid], value), grid).numpy()
    assert (peaks >= 0).all()
    assert (peaks < grid).all()


def test_peak_does_not_depend_on_the_scale_of_the_light():
    light, _ = blobs((64, 64))
    once, scaled = (saliency.peaks(tf.constant(light * s), (64, 64)) for s in (1.0, 255.0))
    np.testing.assert_array_equal(once, scaled)


# The boxes.


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("grid", [(24, 36), (130, 80)], ids=str)
def test_box_lies_around_the_peak_of_the_partner(grid, per):
    light, _ = blobs(grid)
    layer = SaliencyMix(alpha=2.0, per=per)
    plan = layer.plan(light[..., None], seed_of()).rendered()
    partners = plan.sources[:, 1].numpy()
    peaks = saliency.peaks(tf.constant(light), grid).numpy()
    expected = boxes(layer, partners, peaks, grid)
    np.testing.assert_array_equal(plan.region, expected)
    area = expected.mean(axis=(1, 2)).astype("f4")
    np.testing.assert_allclose(plan.weights[:, 1], area, rtol=0, atol=1e-7)


def test_the_blob_is_what_is_pasted():
    grid = (48, 48)
    light, _ = blobs(grid, size=16)
    # Half of the samples are dark and plain; each is mixed with one that is not.
    dark = np.full_like(light, 0.2)
    layer = SaliencyMix(alpha=8.0, pairing="roll")
    images = np.stack([light, dark], axis=1).reshape(32, *grid, 1)
    mixed, _ = layer(images, np.eye(32, dtype="f4"), seed=seed_of())
    assert (mixed.numpy()[1::2].max(axis=(1, 2, 3)) > 0.8).all()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_light_is_the_mean_of_the_channels(data_format):
    light, _ = blobs((24, 36))
    channels = np.stack([light * share for share in (0.5, 1.5, 1.0)], axis=-1)
    first = data_format == "channels_first"
    images = channels.transpose(0, 3, 1, 2) if first else channels
    layer = SaliencyMix(alpha=2.0, data_format=data_format)
    plan = layer.plan(images, seed_of()).rendered()
    peaks = saliency.peaks(tf.constant(light), (24, 36)).numpy()
    expected = boxes(layer, plan.sources[:, 1].numpy(), peaks, (24, 36))
    np.testing.assert_array_equal(plan.region, expected)


def test_peaks_of_donors_of_another_batch():
    grid = (24, 36)
    own = np.zeros((8, *grid, 1), "float32")
    light, _ = blobs(grid)
    layer = SaliencyMix(alpha=2.0, pairing="roll")
    donors = light[..., None]
    mixed, _ = layer(
        own, np.eye(8, dtype="f4"), seed=seed_of(), partners=(donors, np.eye(8, dtype="f4"))
    )
    peaks = saliency.peaks(tf.constant(light), grid).numpy()
    partners = (np.arange(8) + 1) % 8
    region = boxes(layer, partners, peaks, grid)[..., None]
    np.testing.assert_array_equal(mixed, np.where(region, donors[partners], own))


def test_constant_images_are_mixed():
    images = np.zeros((6, 9, 13, 3), "uint8")
    mixed, labels = SaliencyMix(num_classes=6)(images, np.arange(6), seed=seed_of())
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, atol=1e-6)


def test_images_that_are_not_numbers_are_mixed_too():
    images = np.full((6, 9, 13, 3), np.nan, "float32")
    _, labels = SaliencyMix(num_classes=6)(images, np.arange(6), seed=seed_of())
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, atol=1e-6)


def test_default_is_the_authors_choice():
    assert SaliencyMix().alpha == 1.0
