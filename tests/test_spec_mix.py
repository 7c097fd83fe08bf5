"""SpecMix and SpecAugment: bands of time and frequency. The laws of all: test_contract_*."""

import numpy as np
import pytest
import tensorflow as tf
from contract import sampled, seed_of
from scipy import stats

from keras_mix import layers
from keras_mix._core.draw import shapes
from keras_mix.layers import SpecAugment, SpecMix

UNLIKELY = 1e-4


def region_of(layer, size=6, grid=(20, 12), seed=(1, 2)):
    region = sampled(layer, size, grid, seed).region.dense().numpy()
    return np.broadcast_to(region, (size, *grid))


def bands(lines):
    """The stretches of True in a line: (first, width)."""
    padded = np.concatenate([[False], lines, [False]]).astype(int)
    edges = np.diff(padded)
    first = np.flatnonzero(edges == 1)
    return list(zip(first, np.flatnonzero(edges == -1) - first, strict=True))


# The geometry.


@pytest.mark.parametrize("grid", [(5, 7), (1, 1), (3, 4, 5)], ids=str)
def test_bands_are_the_union_of_what_they_cover(grid):
    random = np.random.default_rng(0)
    starts = [random.integers(0, size, (8, 3), "int32") for size in grid]
    widths = [random.integers(0, 3, (8, 3), "int32") for _ in grid]
    expected = np.zeros((8, *grid), bool)
    for i, *place in np.ndindex(8, *grid):
        expected[(i, *place)] = any(
            start <= p < start + width
            for p, s, w in zip(place, starts, widths, strict=True)
            for start, width in zip(s[i], w[i], strict=True)
        )
    given = ([tf.constant(a) for a in arrays] for arrays in (starts, widths))
    lines = shapes.bands(*given, grid).lines
    assert all(line.shape == (8, len(grid), size) for line, size in zip(lines, grid, strict=True))
    places = True
    for axis, line in enumerate(lines):
        shape = [8, len(grid), *(size if a == axis else 1 for a, size in enumerate(grid))]
        places = places & line.numpy().reshape(shape)
    np.testing.assert_array_equal(places.any(axis=1), expected)


# SpecMix.


@pytest.mark.parametrize(
    ("time", "frequency"), [((1, 1), (0, 0)), ((0, 0), (2, 2)), ((0, 3), (1, 2)), ((3, 3), (0, 4))]
)
def test_regions_are_bands_of_the_numbers_and_widths_asked_for(time, frequency):
    # Of a long grid and narrow bands, so that these seldom touch.
    layer = SpecMix(time_bands=time, frequency_bands=frequency, width=(0.01, 0.03))
    region = region_of(layer, 50, (300, 200))
    for places in region:
        in_time, in_frequency = places.all(axis=1), places.all(axis=0)
        np.testing.assert_array_equal(places, in_time[:, None] | in_frequency[None])
        for line, (_, most), (low, high) in (
            (in_time, time, (3, 9)),
            (in_frequency, frequency, (2, 6)),
        ):
            found = bands(line)
            assert len(found) <= most
            assert sum(width for _, width in found) <= most * high
            assert all(width >= low for _, width in found)
    for axis, (least, most) in ((2, time), (1, frequency)):
        counts = [len(bands(line)) for line in region.all(axis=axis)]
        # Two bands may be one where they touch.
        assert np.mean(np.array(counts) < least) < 0.35
        assert np.max(counts) == most


def test_number_width_and_place_of_bands_are_uniform():
    layer = SpecMix(time_bands=(1, 3), frequency_bands=0, width=(0.1, 0.3))
    size, total = 4000, 40
    region = region_of(layer, size, (total, 2)).all(axis=2)
    # One band alone: of the numbers drawn, a third is one.
    ones = SpecMix(time_bands=1, frequency_bands=0, width=(0.1, 0.3))
    lines = region_of(ones, size, (total, 2)).all(axis=2)
    found = [bands(line) for line in lines]
    assert all(len(f) == 1 for f in found)
    first, width = np.array([f[0] for f in found]).T
    assert stats.chisquare(np.bincount(width)[4:13]).pvalue > UNLIKELY
    assert (width.min(), width.max()) == (4, 12)
    for w in (4, 8, 12):
        places = np.bincount(first[width == w], minlength=total - w + 1)
        assert len(places) == total - w + 1
        assert stats.chisquare(places).pvalue > UNLIKELY
    assert stats.spearmanr(first, width).pvalue < UNLIKELY  # Wide ones have fewer places.
    # The expected cover of n bands at a place in the middle, where a band of w has w places.
    miss = np.mean([1 - w / (total - w + 1) for w in range(4, 13)])
    expected = 1 - np.mean([miss**n for n in (1, 2, 3)])
    assert abs(region[:, 20].mean() - expected) < 4.5 * np.sqrt(0.25 / size)


def kept_by_the_authors(random, grid, ratio):
    """The share of places that a mask of the authors' code for sound events leaves."""
    mask = np.ones(grid)
    for axis, size in enumerate(grid):
        for _ in range(random.integers(3)):
            first = random.integers(int((1 - ratio) * size))
            np.moveaxis(mask, axis, 0)[first : first + int(size * ratio)] = 0
    return mask.mean()


@pytest.mark.parametrize("ratio", [0.1, 0.7])
def test_the_share_kept_is_that_of_the_authors(ratio):
    grid, count = (100, 64), 4000
    random = np.random.default_rng(0)
    theirs = np.array([kept_by_the_authors(random, grid, ratio) for _ in range(count)])
    layer = SpecMix() if ratio == 0.1 else SpecMix(width=(ratio, ratio))
    ours = sampled(layer, count, grid).weights.numpy()[:, 0]
    error = np.hypot(theirs.std(), ours.std()) / np.sqrt(count)
    assert abs(ours.mean() - theirs.mean()) < 4.5 * error
    whole = [np.mean(kept == 1) for kept in (theirs, ours)]
    assert abs(whole[1] - 1 / 9) < 4.5 * np.sqrt(8 / 81 / count)
    assert abs(whole[1] - whole[0]) < 4.5 * np.sqrt(2 * 8 / 81 / count)


def test_the_share_of_bands_that_vary_is_about_a_half():
    layer = SpecMix(time_bands=(1, 3), frequency_bands=(1, 3), width=(0.05, 0.3))
    weights = sampled(layer, 4000, (100, 64)).weights.numpy()[:, 1]
    assert abs(weights.mean() - 0.5) < 0.05
    assert 0 < weights.min() < 0.15
    assert weights.max() > 0.75


def test_bands_are_at_least_one_place():
    region = region_of(SpecMix(time_bands=1, frequency_bands=0, width=(0, 0)), 50, (7, 3))
    np.testing.assert_array_equal(region.all(axis=2).sum(axis=1), 1)


def test_draws_of_the_two_axes_are_unrelated():
    layer = SpecMix(time_bands=1, frequency_bands=1, width=(0.1, 0.1))
    region = region_of(layer, 3000, (50, 50))
    time, frequency = (np.argmax(region.all(axis=axis), axis=1) for axis in (2, 1))
    assert stats.spearmanr(time, frequency).pvalue > UNLIKELY


@pytest.mark.parametrize("shape", [(20, 12), (20, 12, 1), (20, 12, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_places_come_from_where_the_region_says(shape, dtype):
    sounds = np.random.default_rng(0).integers(0, 200, (6, *shape)).astype(dtype)
    layer = SpecMix(label_mode="pairs", pairing="roll")
    mixed, pairs = layer(sounds, np.arange(6), seed=seed_of())
    region = region_of(SpecMix(pairing="roll"))
    over = region if len(shape) == 2 else region[..., None]
    expected = np.where(over, np.roll(sounds, -1, axis=0), sounds)
    np.testing.assert_array_equal(mixed, expected)
    np.testing.assert_array_equal(pairs[:, 1, 1], np.float32(region.mean(axis=(1, 2))))


def test_defaults_of_specmix_are_the_authors_choices_for_sound_events():
    layer = SpecMix()
    assert (layer.time_bands, layer.frequency_bands, layer.width) == ((0, 2), (0, 2), (0.1, 0.1))


# SpecAugment.


def test_widths_and_places_of_masks_are_uniform():
    layer = SpecAugment(time_masks=1, frequency_masks=0, time_width=9)
    lines = region_of(layer, 6000, (30, 2)).all(axis=2)
    width = lines.sum(axis=1)
    assert stats.chisquare(np.bincount(width, minlength=10)).pvalue > UNLIKELY
    first = np.argmax(lines, axis=1)
    for w in (1, 9):
        places = np.bincount(first[width == w], minlength=30 - w + 1)
        assert stats.chisquare(places).pvalue > UNLIKELY
    assert all(len(bands(line)) <= 1 for line in lines)


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"time_width": 9}, 9),
        ({"time_width": 0.5}, 20),
        ({"time_width": 100}, 40),
        ({"time_width": 30, "max_time_fraction": 0.25}, 10),
        ({"time_width": 0.5, "max_time_fraction": 1.0}, 20),
        ({"max_time_fraction": 0.0}, 0),
    ],
)
def test_limits_of_the_width_in_time(options, most):
    layer = SpecAugment(time_masks=1, frequency_masks=0, **options)
    assert region_of(layer, 1000, (40, 3)).all(axis=2).sum(axis=1).max() == most


@pytest.mark.parametrize(("width", "most"), [(5, 5), (0.5, 6), (27, 12)])
def test_limits_of_the_width_in_frequency(width, most):
    layer = SpecAugment(time_masks=0, frequency_masks=1, frequency_width=width)
    assert region_of(layer, 1000, (3, 12)).all(axis=1).sum(axis=1).max() == most


@pytest.mark.parametrize("count", [0, 1, 4])
def test_as_many_masks_as_asked_for(count):
    layer = SpecAugment(time_masks=0, frequency_masks=count, frequency_width=5)
    found = [len(bands(line)) for line in region_of(layer, 300, (3, 400)).all(axis=1)]
    assert max(found) == count


@pytest.mark.parametrize("fill", [0.0, -7.5, "mean"])
def test_masks_are_filled(fill):
    sounds = np.random.default_rng(0).normal(size=(6, 20, 12, 2)).astype("float32")
    layer = SpecAugment(time_width=8, frequency_width=4, fill_value=fill)
    filled, y = layer(sounds, np.eye(6, dtype="f4"), seed=seed_of())
    value = sounds.mean(axis=(1, 2), keepdims=True) if fill == "mean" else fill
    expected = np.where(region_of(layer)[..., None], value, sounds)
    np.testing.assert_allclose(filled, expected, atol=1e-6)
    np.testing.assert_array_equal(y, np.eye(6))


def test_defaults_of_specaugment_are_the_papers_policy_for_librispeech():
    layer = SpecAugment()
    assert (layer.time_masks, layer.frequency_masks, layer.fill_value) == (2, 2, 0.0)
    assert (layer.time_width, layer.frequency_width, layer.max_time_fraction) == (100, 27, 1.0)


def test_spectrograms_of_keras_and_of_tensorflow():
    """The way from a waveform, mixed before and behind the front end."""
    from keras import layers as keras_layers

    waves = np.random.default_rng(0).uniform(-1, 1, (4, 4000)).astype("float32")
    front = keras_layers.MelSpectrogram(num_mel_bins=16, sampling_rate=8000, fft_length=256)
    before = layers.BetweenClass(sampling_rate=8000, window=512, num_classes=4)
    behind = layers.SpecMix(num_classes=4)
    waves, labels = before(waves, np.arange(4), seed=seed_of())
    mels = tf.transpose(tf.convert_to_tensor(front(waves)), [0, 2, 1])
    for spectra in (mels, tf.abs(tf.signal.stft(waves, 256, 128))):
        mixed, twice = behind(spectra, labels, seed=seed_of())
        assert mixed.shape == spectra.shape
        np.testing.assert_allclose(tf.reduce_sum(twice, axis=1), 1, atol=1e-6)
