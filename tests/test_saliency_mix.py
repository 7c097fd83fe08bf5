"""SaliencyMix: a box around the partner's peak. The laws of all: test_contract_*."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import seed_of
from scipy import ndimage
from sklearn.datasets import load_sample_images

from keras_mix._core.draw import fine_grained_saliency, random, shapes, spectral_residual
from keras_mix.layers import SaliencyMix

DETECTORS = ["fine_grained", "spectral_residual"]
every_detector = pytest.mark.parametrize("detector", DETECTORS)

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
    _, share = random.split(seed_of(), 2)
    ratio = random.beta(share, layer.alpha, 1 if layer.per == "batch" else len(partners))
    sides = shapes.sides(1.0 - ratio, grid).numpy()
    sides = np.broadcast_to(sides, (len(partners), 2))
    return np.array(
        [oracles.rectangle(peaks[p], s, grid) for p, s in zip(partners, sides, strict=True)]
    )


def peaks_of(detector, light, grid):
    """int [B, 2], the peaks of gray images [B, *grid], float32 or uint8."""
    light = tf.constant(light)
    if detector == "spectral_residual":
        return spectral_residual.peaks(tf.cast(light, tf.float32), grid).numpy()
    return fine_grained_saliency.peaks(light[..., None], (1, 2), grid, at_once).numpy()


def at_once(function, *arguments):
    return function(*arguments)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def photographs(side):
    """uint8 [8, side, side, 3], parts of scikit-learn's two photographs."""
    images = load_sample_images().images
    parts = [
        image[y : y + 160, x : x + 160] for image in images for y in (20, 240) for x in (0, 400)
    ]
    small = tf.image.resize(np.stack(parts), (side, side), "area").numpy()
    return np.rint(small).astype("uint8")


def quantiles(salient, peaks):
    """Of each image, the share of the pixels that are no more salient than the peak."""
    return [np.mean(map_ <= map_[tuple(peak)]) for map_, peak in zip(salient, peaks, strict=True)]


# Fine-grained saliency.


@pytest.mark.parametrize("grid", [(1, 1), (1, 6), (2, 3), (5, 40), (31, 26)], ids=str)
def test_fine_grained_saliency_is_that_of_the_definition(grid):
    images = noise(2, *grid)
    images[1] = 7 + images[1] // 16
    found = fine_grained_saliency.saliency(tf.constant(images, tf.int16), grid, at_once)
    np.testing.assert_array_equal(found, [oracles.fine_grained(i.astype(int)) for i in images])


def test_windows_wider_than_those_of_small_images():
    # Columns of 250 pixels hold whole windows of all scales.
    images = noise(1, 250, 2)
    images[0, 100:130] //= 4
    found = fine_grained_saliency.saliency(tf.constant(images, tf.int16), (250, 2), at_once)
    np.testing.assert_array_equal(found[0], oracles.fine_grained(images[0].astype(int)))


def test_cumulative_sums_may_overflow():
    values = np.full(12, 2**28)
    column = tf.constant(values[None, :, None], tf.float32)
    sums = fine_grained_saliency._padded_sums(column, (12, 1))
    assert tf.reduce_min(sums) < 0
    found = fine_grained_saliency._window(sums, 3, (12, 1))
    expected = [values[max(i - 2, 0) : i + 4].sum() for i in range(12)]
    np.testing.assert_array_equal(found[0, :, 0], expected)


def test_levels_of_bytes_are_those_of_opencv():
    # As cv2.cvtColor(…, COLOR_BGR2GRAY) 5.0.0 gives them.
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 200, 90], [255, 255, 255]])
    images = colours.astype("uint8")[None, None]
    found = fine_grained_saliency.levels(tf.constant(images), (1, 2), at_once)
    np.testing.assert_array_equal(found[0, 0], [29, 150, 76, 145, 255])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16"])
def test_other_levels_are_stretched(dtype):
    light = np.array([[3, 5, 4], [5, 13, 8]])
    found = fine_grained_saliency.levels(
        tf.constant(light[None, ..., None], dtype), (1, 2), at_once
    )
    np.testing.assert_array_equal(found[0], [[0, 51, 26], [51, 255, 128]])


def test_levels_of_channels_and_frames():
    video = noise(2, 3, 5, 4, 3).astype("float32")
    light = (video @ np.array([3735, 19235, 9798]) / 2**15).mean(axis=1)
    low = light.min(axis=(1, 2), keepdims=True)
    expected = 255 * (light - low) / (light.max(axis=(1, 2), keepdims=True) - low)
    last = fine_grained_saliency.levels(tf.constant(video), (2, 3), at_once)
    first = fine_grained_saliency.levels(
        tf.constant(video.transpose(0, 1, 4, 2, 3)), (3, 4), at_once
    )
    np.testing.assert_allclose(last, expected, atol=0.51)
    np.testing.assert_array_equal(first, last)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("first", [False, True])
def test_levels_of_as_many_channels_as_a_graph_finds(channels, first):
    images = tf.constant(noise(2, 5, 4, channels))
    axes, signature = (1, 2), tf.TensorSpec([None] * 4, tf.uint8)
    if first:
        images, axes = tf.transpose(images, [0, 3, 1, 2]), (2, 3)
    levels = tf.function(
        lambda x: fine_grained_saliency.levels(x, axes, at_once), input_signature=[signature]
    )
    np.testing.assert_array_equal(
        levels(images), fine_grained_saliency.levels(images, axes, at_once)
    )


@pytest.mark.parametrize(
    ("mode", "dtype"), [("graph", "uint8"), ("sizes unknown", "uint8"), ("XLA", "float32")]
)
def test_peaks_are_the_same_in_every_mode(mode, dtype):
    images = tf.cast(photographs(40), dtype)
    known = [None, None, None, 3] if mode == "sizes unknown" else images.shape
    signature = [tf.TensorSpec(known, dtype)]

    @tf.function(jit_compile=mode == "XLA", autograph=False, input_signature=signature)
    def peaks(images):
        shape = tf.shape(images)
        grid = (shape[1], shape[2]) if mode == "sizes unknown" else (40, 40)
        return fine_grained_saliency.peaks(images, (1, 2), grid, at_once)

    np.testing.assert_array_equal(
        peaks(images), fine_grained_saliency.peaks(images, (1, 2), (40, 40), at_once)
    )


def test_boxes_lie_around_the_peaks_of_the_authors_map():
    images, grid = photographs(28), (28, 28)
    gray = (images.astype(int) @ [3735, 19235, 9798] + 2**14) >> 15
    salient = [oracles.fine_grained(levels) for levels in gray]
    layer = SaliencyMix(alpha=50.0, pairing="roll")
    plan = layer.plan(images, seed_of())
    authors = [np.unravel_index(np.argmax(map_), grid) for map_ in salient]
    expected = boxes(layer, plan.sources[:, 1].numpy(), authors, grid)
    np.testing.assert_array_equal(plan.region.dense(), expected)
    # Of floats, levels are stretched. The other method finds other places.
    floats = fine_grained_saliency.peaks(tf.constant(images / 255), (1, 2), grid, at_once).numpy()
    assert min(quantiles(salient, floats)) > 0.97
    others = peaks_of("spectral_residual", images.mean(axis=-1), grid)
    assert np.mean(quantiles(salient, others)) < 0.9


# The spectral residual.


@pytest.mark.parametrize("grid", [(16, 16), (33, 47), (64, 64)], ids=str)
def test_saliency_is_the_spectral_residual(grid):
    light = np.random.default_rng(0).random((4, *grid), np.float32)
    found = spectral_residual.residual(tf.constant(light)).numpy()
    for image, levels in zip(light, found, strict=True):
        expected = oracles.spectral_residual(image)
        for axis in (0, 1):
            weights = spectral_residual._GAUSSIAN
            expected = ndimage.convolve1d(expected, weights, axis, mode="wrap")
        expected *= 255 / expected.max()
        assert np.abs(levels - expected).max() < 1


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_peak_is_on_the_blob(grid):
    light, centres = blobs(grid, size=32)
    peaks = spectral_residual.peaks(tf.constant(light), grid).numpy()
    assert peaks.shape == (32, 2)
    away = np.abs(peaks - centres)
    # A few places of the small copy.
    assert (away <= np.maximum(3, 3 * np.array(grid) // 64)).all()


@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (2, 3), (65, 127), (130, 200)], ids=str)
@every_detector
def test_peaks_are_inside_images_of_any_size(grid, detector):
    light = np.random.default_rng(0).random((16, *grid), np.float32)
    peaks = peaks_of(detector, light, grid)
    assert (peaks >= 0).all()
    assert (peaks < grid).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 255.0])
@pytest.mark.parametrize("grid", [(9, 13), (130, 100)], ids=str)
@every_detector
def test_constant_images_have_a_peak_too(grid, value, detector):
    peaks = peaks_of(detector, np.full((3, *grid), value, "f4"), grid)
    assert (peaks >= 0).all()
    assert (peaks < grid).all()


@every_detector
def test_peak_does_not_depend_on_the_scale_of_the_light(detector):
    light, _ = blobs((64, 64))
    once, scaled = (peaks_of(detector, light * s, (64, 64)) for s in (1.0, 255.0))
    np.testing.assert_array_equal(once, scaled)


# The boxes.


@every_detector
@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("grid", [(24, 36), (130, 80)], ids=str)
def test_box_lies_around_the_peak_of_the_partner(grid, per, detector):
    light, _ = blobs(grid)
    layer = SaliencyMix(alpha=2.0, per=per, detector=detector)
    plan = layer.plan(light[..., None], seed_of())
    partners = plan.sources[:, 1].numpy()
    peaks = peaks_of(detector, light, grid)
    expected = boxes(layer, partners, peaks, grid)
    np.testing.assert_array_equal(plan.region.dense(), expected)
    area = expected.mean(axis=(1, 2)).astype("f4")
    np.testing.assert_allclose(plan.weights[:, 1], area, rtol=0, atol=1e-7)


@every_detector
def test_the_blob_is_what_is_pasted(detector):
    grid = (48, 48)
    light, _ = blobs(grid, size=16)
    # Half of the samples are dark and plain; each is mixed with one that is not.
    dark = np.full_like(light, 0.2)
    layer = SaliencyMix(alpha=8.0, pairing="roll", detector=detector)
    images = np.stack([light, dark], axis=1).reshape(32, *grid, 1)
    mixed, _ = layer(images, np.eye(32, dtype="f4"), seed=seed_of())
    assert (mixed.numpy()[1::2].max(axis=(1, 2, 3)) > 0.8).all()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_light_of_the_spectral_residual_is_the_mean_of_the_channels(data_format):
    light, _ = blobs((24, 36))
    channels = np.stack([light * share for share in (0.5, 1.5, 1.0)], axis=-1)
    first = data_format == "channels_first"
    images = channels.transpose(0, 3, 1, 2) if first else channels
    layer = SaliencyMix(alpha=2.0, data_format=data_format, detector="spectral_residual")
    plan = layer.plan(images, seed_of())
    peaks = spectral_residual.peaks(tf.constant(light), (24, 36)).numpy()
    expected = boxes(layer, plan.sources[:, 1].numpy(), peaks, (24, 36))
    np.testing.assert_array_equal(plan.region.dense(), expected)


@every_detector
def test_peaks_of_donors_of_another_batch(detector):
    grid = (24, 36)
    own = np.zeros((8, *grid, 1), "float32")
    light, _ = blobs(grid)
    layer = SaliencyMix(alpha=2.0, pairing="roll", detector=detector)
    donors = light[..., None]
    mixed, _ = layer(
        own, np.eye(8, dtype="f4"), seed=seed_of(), partners=(donors, np.eye(8, dtype="f4"))
    )
    peaks = peaks_of(detector, light, grid)
    partners = (np.arange(8) + 1) % 8
    region = boxes(layer, partners, peaks, grid)[..., None]
    np.testing.assert_array_equal(mixed, np.where(region, donors[partners], own))


@every_detector
def test_constant_images_are_mixed(detector):
    images = np.zeros((6, 9, 13, 3), "uint8")
    mixed, labels = SaliencyMix(num_classes=6, detector=detector)(
        images, np.arange(6), seed=seed_of()
    )
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, atol=1e-6)


@every_detector
def test_images_that_are_not_numbers_are_mixed_too(detector):
    images = np.full((6, 9, 13, 3), np.nan, "float32")
    _, labels = SaliencyMix(num_classes=6, detector=detector)(images, np.arange(6), seed=seed_of())
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, atol=1e-6)


def test_default_is_the_authors_choice():
    assert (SaliencyMix().alpha, SaliencyMix().detector) == (1.0, "fine_grained")


def test_unknown_detectors_are_refused():
    with pytest.raises(ValueError, match=r"`detector` must be one of .*Received: detector='blobs'"):
        SaliencyMix(detector="blobs")
