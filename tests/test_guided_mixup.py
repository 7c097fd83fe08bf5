"""GuidedMixup: pixels by saliency, partners far apart in it. The laws of all: test_contract_*."""

import numpy as np
import pytest
import tensorflow as tf
from contract import random_images, seed_of

from keras_mix import pairings
from keras_mix._core.draw import saliency_maps
from keras_mix.layers import RICAP, CutMix, GuidedMixup, MixUp

G = np.exp(-(np.arange(-3, 4) ** 2) / 18.0)
GAUSSIAN = G / G.sum()


def filtered(image, weights):
    """A periodic filter along both axes, by loops."""
    for axis in (0, 1):
        image = sum(w * np.roll(image, s - len(weights) // 2, axis) for s, w in enumerate(weights))
    return image


def saliency(image, side=128):
    """The map of one image by the definition, of sum 1."""
    light = image.astype("float64").mean(axis=-1)
    steps = [max(-(-size // side), 1) for size in light.shape]
    rows, columns = (size // step for size, step in zip(light.shape, steps, strict=True))
    small = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            (a, b) = steps
            small[i, j] = light[i * a : (i + 1) * a, j * b : (j + 1) * b].mean()
    spectrum = np.fft.fft2(small)
    amplitude = np.maximum(np.abs(spectrum), 3e-5 * small.size * abs(small.mean()) + 1e-30)
    residual = np.exp(np.log(amplitude) - filtered(np.log(amplitude), np.ones(3) / 3))
    salient = np.abs(np.fft.ifft2(spectrum * residual / amplitude))
    salient = filtered(filtered(salient, GAUSSIAN), GAUSSIAN)
    return salient / salient.sum()


def enlarged(values, grid, side=128):
    """Bilinear interpolation at the centers of pixels, one at a time."""
    result = np.zeros(grid)
    steps = [max(-(-size // side), 1) for size in grid]
    for i in range(grid[0]):
        for j in range(grid[1]):
            at = [(k + 0.5) / step - 0.5 for k, step in zip((i, j), steps, strict=True)]
            at = [min(max(a, 0), n - 1) for a, n in zip(at, values.shape, strict=True)]
            (u, v), (p, q) = (int(a) for a in at), (a % 1 for a in at)
            below, right = min(u + 1, values.shape[0] - 1), min(v + 1, values.shape[1] - 1)
            upper = (1 - q) * values[u, v] + q * values[u, right]
            lower = (1 - q) * values[below, v] + q * values[below, right]
            result[i, j] = (1 - p) * upper + p * lower
    return result


@pytest.mark.parametrize("grid", [(9, 16), (32, 32), (140, 70)], ids=str)
def test_pixels_are_mixed_in_proportion_to_their_saliency(grid):
    images = random_images(3, *grid)
    layer = GuidedMixup(pairing="roll", num_classes=3)
    mixed, labels = layer(images, np.arange(3), seed=seed_of())
    maps = [saliency(image) for image in images]
    for i in range(3):
        other = (i + 1) % 3
        own = enlarged(maps[i] / (maps[i] + maps[other]), grid)
        expected = own[..., None] * images[i] + (1 - own[..., None]) * images[other]
        np.testing.assert_allclose(mixed[i], expected, atol=2e-5)
        np.testing.assert_allclose(labels[i, i], own.mean(), atol=2e-5)
        np.testing.assert_allclose(labels[i, other], 1 - own.mean(), atol=2e-5)


def test_what_stands_out_in_one_image_alone_stays():
    images = np.full((2, 32, 32, 1), 0.5, "float32") + 0.01 * random_images(2, 32, 32, 1)
    images[0, 8:11, 8:11] = images[1, 22:25, 22:25] = 1
    mixed = GuidedMixup(pairing="roll")(images, seed=seed_of()).numpy()
    for bright in (mixed[:, 9, 9], mixed[:, 23, 23]):
        # More of its contrast of 0.5 than the half that MixUp would leave.
        assert (bright > 0.5 + 0.25 * 1.2).all()


@pytest.mark.parametrize("value", [0, 1, np.nan, np.inf])
def test_images_without_saliency_are_salient_everywhere(value):
    images = random_images(3, 12, 12)
    images[0] = value
    plan = GuidedMixup(pairing="roll").plan(images, seed_of())
    assert np.isfinite(plan.weights).all()
    maps = [saliency(image) for image in images[1:]]
    uniform = np.full((12, 12), 1 / 144)
    own = uniform / (uniform + maps[0])
    np.testing.assert_allclose(plan.region.dense()[0, ..., 0], own, atol=1e-4)


# The greedy pairing.


def cycle(maps):
    """The authors' cycle, step by step."""
    size = len(maps)
    far = np.array([[np.sum((a - b) ** 2) for b in maps] for a in maps])
    np.fill_diagonal(far, -1)
    first = row = int(far.argmax()) // size
    partners = np.zeros(size, int)
    for _ in range(size - 1):
        far[:, row] = -1
        partners[row] = row = int(far[row].argmax())
    partners[row] = first
    return partners


def partners_of(layer, images, **options):
    return layer.plan(images, seed_of(), **options).sources[:, 1].numpy()


@pytest.mark.parametrize("size", [1, 2, 3, 17])
def test_partners_are_the_cycle_of_the_authors(size):
    images = random_images(size, 16, 24, seed=size)
    images[: size // 2, 4:8] += 2
    layer = GuidedMixup(pairing=pairings.BySaliency())
    found = partners_of(layer, images)
    expected = cycle([saliency(image) for image in images]) if size > 1 else [0]
    np.testing.assert_array_equal(found, expected)
    assert sorted(found) == list(range(size))
    np.testing.assert_array_equal(
        partners_of(CutMix(pairing=pairings.BySaliency()), images), expected
    )


def test_partners_are_the_same_in_every_mode():
    layer = GuidedMixup(pairing=pairings.BySaliency(), label_mode="pairs")
    images = random_images(20, 150, 40)
    eager = layer(images, np.arange(20), seed=seed_of())
    for jit in (False, True):
        call = tf.function(layer, jit_compile=jit)
        found = call(tf.constant(images), tf.range(20, dtype=tf.int64), seed=seed_of())
        np.testing.assert_array_equal(found[1][:, 0], eager[1][:, 0])
        np.testing.assert_allclose(found[1], eager[1], atol=1e-6)
        np.testing.assert_allclose(found[0], eager[0], atol=1e-6)


def test_from_another_batch_each_takes_the_farthest():
    own, donors = random_images(4, 16, 16), random_images(3, 16, 16, seed=1)
    layer = GuidedMixup(pairing=pairings.BySaliency(), label_mode="pairs")
    ids = np.arange(4), np.arange(3) + 4
    _, pairs = layer(own, ids[0], partners=(donors, ids[1]), seed=seed_of())
    maps = [[saliency(image) for image in images] for images in (own, donors)]
    far = [[np.sum((a - b) ** 2) for b in maps[1]] for a in maps[0]]
    np.testing.assert_array_equal(pairs[:, 0, 1], np.argmax(far, axis=1) + 4)


def test_an_empty_batch_stays_empty():
    layer = GuidedMixup(pairing=pairings.BySaliency(), num_classes=3)
    x, y = layer(tf.zeros([0, 8, 8, 1]), tf.zeros([0], tf.int32))
    assert (x.shape, y.shape) == ((0, 8, 8, 1), (0, 3))


def test_several_partners_follow_the_cycle():
    images = random_images(5, 16, 16)
    first = cycle([saliency(image) for image in images])
    layer = RICAP(pairing=pairings.BySaliency())
    sources = layer.plan(images, seed_of()).sources.numpy()
    for number in (1, 2, 3):
        np.testing.assert_array_equal(sources[:, number], first[sources[:, number - 1]])


def test_a_mixer_without_height_and_width_is_refused():
    layer = MixUp(pairing=pairings.BySaliency())
    sentence = "^BySaliency: the mixer must cut or weigh height and width. Received: a mixer of 0"
    with pytest.raises(ValueError, match=sentence):
        layer(random_images(3, 8, 8), seed=seed_of())


def test_distances_are_exact():
    levels = np.random.default_rng(0).integers(1, 2**30, (5, 128, 128))
    levels = (levels * (2**16 / levels.mean(axis=(1, 2), keepdims=True))).astype("int32")
    levels[0, 0, 0] = 2**30 - 1
    coarse = (levels // 32).reshape(5, -1).astype(object)
    expected = [[int(np.sum((a - b) ** 2)) for b in coarse] for a in coarse]
    np.testing.assert_array_equal(saliency_maps.distances(levels, levels), np.float64(expected))
