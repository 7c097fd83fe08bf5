"""Smooth fields against Fourier transforms, and the masks cut from them."""

import itertools

import numpy as np
import oracles
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from keras_mix._core.draw import noise_fields
from keras_mix._core.draw.top_values import top

pytestmark = pytest.mark.slow

# Fields are rounded to so many standard deviations, in the quadratic mean.
PRECISION = 2e-3
GRIDS = [(1,), (2,), (17,), (16, 16), (9, 14), (24, 5), (1, 6), (4, 5, 6)]
FIELDS = 2000
SIDE = 64


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def coefficients(grid, size=4, decay=2.0, cycles=5, seed=0):
    frequency = noise_fields.frequencies(cycles, grid)
    amplitude = noise_fields.power_law(frequency, decay, grid).numpy()
    return amplitude * noise(size, *amplitude.shape[1:], seed=seed)


def scaled(found, expected):
    """A field in the unit of another one, since each has a unit of its own."""
    found = np.asarray(found, float)
    return found * ((found * expected).sum() / max((found**2).sum(), 1e-30))


def assert_same_field(found, expected, precision=PRECISION):
    off = scaled(found, expected) - expected
    deviation = np.sqrt((np.asarray(expected) ** 2).mean())
    assert np.sqrt((off**2).mean()) <= precision * deviation
    assert np.abs(off).max() <= 5 * precision * deviation


def centered(field):
    """What a mask depends on: filtered noise is known but for its level."""
    return np.asarray(field, float) - np.mean(field, dtype=float)


# The waves.


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_field_is_a_fourier_transform_of_its_coefficients(grid):
    given = coefficients(grid)
    for found, one in zip(noise_fields.synthesize(given, grid).numpy(), given, strict=True):
        assert_same_field(found, oracles.field(one, grid))


@pytest.mark.parametrize("grid", [(2000,), (3, 1030), (1030, 3)], ids=str)
def test_fields_of_long_axes_are_precise(grid):
    given = coefficients(grid)
    for found, one in zip(noise_fields.synthesize(given, grid).numpy(), given, strict=True):
        assert_same_field(found, oracles.field(one, grid), precision=1e-6)


@pytest.mark.parametrize("grid", [(16, 16), (4, 1030)], ids=str)
def test_fields_are_those_of_grids_that_are_unknown(grid):
    given, share = coefficients(grid), tf.constant([0.1, 0.5, 0.9, 1.0])
    sizes = [tf.TensorSpec([], tf.int32)] * len(grid)
    highest = tf.function(lambda *grid: noise_fields.highest(given, share, grid), sizes)
    np.testing.assert_array_equal(highest(*grid), noise_fields.highest(given, share, grid))


@pytest.mark.parametrize("grid", [grid for grid in GRIDS if np.prod(grid) > 1], ids=str)
def test_a_field_has_a_variance_of_1(grid):
    # Each wave has a mean square of 1, so the amplitudes alone say how large a field is.
    amplitude = noise_fields.power_law(noise_fields.frequencies(5, grid), 2.0, grid).numpy()
    assert abs((amplitude**2).sum() - 1) < 1e-12
    squares = [(oracles.field(one, grid) ** 2).mean() for one in coefficients(grid)]
    np.testing.assert_allclose(squares, (coefficients(grid) ** 2).reshape(4, -1).sum(1))


@pytest.mark.parametrize("grid", [(16, 16), (9, 14), (24, 5), (4, 5, 6)], ids=str)
def test_frequencies_are_those_of_a_fourier_transform(grid):
    frequency = noise_fields.frequencies(5, grid).numpy()[0]
    for place in np.ndindex(*frequency.shape):
        cycles = [(n + 1) // 2 for n in place]
        if any(2 * c >= size for c, size in zip(cycles, grid, strict=True)):
            assert frequency[place] == np.inf
        else:
            bins = [np.fft.fftfreq(size)[c] for c, size in zip(cycles, grid, strict=True)]
            assert abs(frequency[place] - np.linalg.norm(bins)) < 1e-12


# The spectrum of the paper's FMix.


@pytest.fixture(scope="module", params=[1.5, 3.0])
def power(request):
    """The decay, and the mean power at each frequency of many fields."""
    decay, grid = request.param, (SIDE, SIDE)
    cycles = noise_fields.cycles_of_power_law(decay, 2)
    amplitude = noise_fields.power_law(noise_fields.frequencies(cycles, grid), decay, grid)
    drawn = amplitude * noise(FIELDS, *amplitude.shape[1:])
    found = noise_fields.synthesize(drawn, grid).numpy().astype(float)
    # The squares of the coefficients sum to the mean square of a field.
    squares = (drawn.numpy() ** 2).sum(axis=(1, 2)) / (found**2).mean(axis=(1, 2))
    found *= np.sqrt(squares)[:, None, None]
    return decay, np.mean(np.abs(np.fft.fft2(found) / SIDE**2) ** 2, axis=0)


def test_power_falls_as_the_definition_says(power):
    decay, found = power
    cycles = np.fft.fftfreq(SIDE, 1 / SIDE)
    radius = np.hypot(cycles[:, None], cycles)
    near = (radius > 0) & (radius <= 12)
    expected = radius[near] ** (-2 * decay)
    slope, _ = np.polyfit(np.log(radius[near]), np.log(found[near]), 1)
    assert abs(slope + 2 * decay) < 0.02
    # The power of a wave is a mean of 2 FIELDS squares of normal numbers.
    ratio = found[near] / found[near].sum() * expected.sum() / expected
    assert abs(ratio - 1).max() < 5 / np.sqrt(FIELDS)


def test_power_is_level_below_one_cycle_a_side(power):
    _, found = power
    waves = np.mean([found[0, 1], found[1, 0]])
    assert abs(found[0, 0] / waves - 1) < 5 * np.sqrt(2 / FIELDS)


def test_power_is_the_same_in_all_directions(power):
    decay, found = power
    across, down = found[0, 1:12].sum(), found[1:12, 0].sum()
    diagonal = np.array([found[n, n] + found[n, -n] for n in range(1, 9)])
    straight = np.array([found[n, 0] + found[0, n] for n in range(1, 9)])
    assert abs(across / down - 1) < 5 * np.sqrt(2 / FIELDS)
    assert (abs(diagonal / straight * 2**decay - 1) < 5 / np.sqrt(FIELDS)).all()


def test_power_follows_cycles_a_pixel_on_images_that_are_not_square():
    frequency = noise_fields.frequencies(6, (24, 60))
    amplitude = noise_fields.power_law(frequency, 3.0, (24, 60)).numpy()[0]
    # 2 cycles down 24 pixels are as fast as 5 across 60.
    assert abs(amplitude[3, 0] / amplitude[0, 9] - 1) < 1e-12
    # The longest side sets the lowest frequency, which the level has too.
    assert amplitude[0, 0] == amplitude[0, 1]
    assert abs(amplitude[1, 0] / amplitude[0, 1] - 2.5**-3) < 1e-12


@pytest.mark.parametrize(("decay", "rank"), [(3.0, 1), (2.4, 2), (3.0, 2), (5.0, 2), (3.5, 3)])
def test_waves_left_out_hold_next_to_nothing(decay, rank):
    cycles = noise_fields.cycles_of_power_law(decay, rank)
    far = {1: 20_000, 2: 1000, 3: 100}[rank]
    number = np.arange(-far, far + 1.0)
    squares = sum(np.meshgrid(*[number**2] * rank, sparse=True))
    energy = np.maximum(squares, 1) ** -decay
    kept = energy[(slice(far - cycles, far + cycles + 1),) * rank]
    assert 1 - kept.sum() / energy.sum() < 4e-6
    assert cycles <= 64


def test_flat_spectra_end_at_64_cycles():
    assert noise_fields.cycles_of_power_law(0.5, 2) == 64


# The spectrum of FMix's published code.


@pytest.mark.parametrize("grid", [(15, 15), (16, 16), (32, 20), (21, 13), (12, 30)], ids=str)
@pytest.mark.parametrize("decay", [1.0, 3.0])
def test_one_wave_across_is_what_the_published_code_draws(grid, decay):
    height, width = grid
    # Waves that are too fast for the height are aliases in the code, and left out here.
    waves = min((height + 1) // 2, width // 2 + 1)
    drawn = noise(5, waves, 2, 2)
    found = noise_fields.synthesize(
        noise_fields.one_wave_across(tf.constant(drawn), decay, grid), grid
    )
    for one, field in zip(drawn, found.numpy(), strict=True):
        param = np.zeros((height, width // 2 + 1, 2))
        param[:2, :waves] = np.moveaxis(one, 2, 0)
        expected = oracles.fmix_code_field(param, decay, grid)
        assert_same_field(field, expected)


def test_one_wave_across_leaves_out_what_the_grid_cannot_show():
    drawn = tf.constant(noise(3, 30, 2, 2))
    grid = (16, 16)
    whole, shown = (noise_fields.one_wave_across(n, 3.0, grid) for n in (drawn, drawn[:, :8]))
    np.testing.assert_array_equal(whole[:, :15], shown)
    assert not np.any(whole[:, 15:])


# The spectrum of CowMix.


@pytest.mark.parametrize("grid", [(32, 32), (33, 20), (18, 40)], ids=str)
@pytest.mark.parametrize("sigma", [0.05, 0.125])
def test_gaussian_amplitudes_are_those_of_a_gaussian_filter(grid, sigma):
    impulse = np.zeros(grid)
    impulse[0, 0] = 1
    longest = max(grid)
    filtered = ndimage.gaussian_filter(impulse, sigma * longest, mode="wrap", truncate=8)
    passed = np.abs(np.fft.fft2(filtered))
    amplitude = noise_fields.gaussian(
        noise_fields.frequencies(3, grid), np.full((1, 1, 1), sigma), grid
    )
    amplitude = amplitude.numpy()[0]
    for row, column in np.ndindex(amplitude.shape):
        down, across = (row + 1) // 2, (column + 1) // 2
        if down or across:
            expected = passed[down, across] / max(passed[0, 1], passed[1, 0])
            found = amplitude[row, column] / amplitude[[0, 1], [1, 0]].max()
            assert abs(found - expected) < 1e-3
    assert amplitude[0, 0] == 0


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3, 5.0])
def test_waves_beyond_a_gaussian_filter_hold_next_to_nothing(sigma):
    cycles = noise_fields.cycles_of_gaussian(sigma)
    beyond, lowest = (-((2 * np.pi * sigma * n) ** 2) for n in (cycles + 1, 1))
    assert cycles == 64 or beyond - min(lowest, 0) < np.log(4e-6)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 5.0])
def test_filtered_noise_is_that_of_a_filter_without_noise_beyond_the_borders(sigma):
    given = noise(3, 20, 20)
    found = noise_fields.filtered(
        tf.constant(given), tf.constant([sigma] * 3, tf.float64), (20, 20)
    )
    for field, cells in zip(found.numpy(), given, strict=True):
        expected = ndimage.gaussian_filter(cells, sigma * 20, mode="constant", truncate=9)
        assert_same_field(centered(field), centered(expected))


@pytest.mark.parametrize("grid", [(1, 1), (7, 12), (9, 4)], ids=str)
def test_filtered_noise_of_any_grid(grid):
    sigmas, cells = [0.3, 0.6], 5
    given = noise(2, cells, cells)
    found = noise_fields.filtered(tf.constant(given), tf.constant(sigmas, tf.float64), grid)
    for field, numbers, sigma in zip(found.numpy(), given, sigmas, strict=True):
        filters = []
        for size in grid:
            away = (np.arange(size)[:, None] + 0.5) / size - (np.arange(cells) + 0.5) / cells
            filters.append(np.exp(-((away * size / max(grid) / sigma) ** 2) / 2))
        assert_same_field(centered(field), centered(filters[0] @ numbers @ filters[1].T))


@pytest.mark.parametrize("sigma", [1.0, 20.0, 1000.0])
def test_filtered_noise_of_filters_that_are_almost_constant(sigma):
    cells, grid = noise(2, 6, 6), (40, 56)
    found = noise_fields.filtered(tf.constant(cells), tf.constant([sigma] * 2, tf.float64), grid)
    for field, numbers in zip(found.numpy(), cells, strict=True):
        # expm1 keeps what rounding would take from a number close to 1.
        kernels = [
            np.expm1(
                -(
                    (((np.arange(size)[:, None] + 0.5) / size - (np.arange(6) + 0.5) / 6) * size)
                    ** 2
                )
                / (2 * (sigma * 56) ** 2)
            )
            for size in grid
        ]
        # (1 + r) N (1 + c), without what is constant.
        expected = (kernels[0] @ numbers).sum(1)[:, None] + (numbers @ kernels[1].T).sum(0)
        expected += kernels[0] @ numbers @ kernels[1].T
        assert_same_field(centered(field), centered(expected))


# The cut.


def top_of(values, counts, limit=2.0**24):
    return top(tf.constant(values, tf.float32), limit, tf.constant(counts)).numpy()


@settings(max_examples=40)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=200), st.data())
def test_top_takes_the_largest_of_few_values(values, data):
    count = data.draw(st.integers(0, len(values)))
    found = top_of([values], [count], limit=16.0)[0]
    oracles.assert_top(found, np.array(values), count, tolerance=0)


@pytest.mark.parametrize("grid", [(1, 1), (5, 7), (224, 224), (13,), (4, 5, 6), (3, 4096)], ids=str)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_top_takes_the_largest(grid, jit_compile):
    field = np.clip(noise(6, *grid) * 2.0**21, -(2.0**24), 2.0**24 - 1).round()
    places = int(np.prod(grid))
    counts = [0, 1 % (places + 1), places // 3, places // 2, places - 1, places]
    compiled = tf.function(top, jit_compile=jit_compile)
    found = compiled(tf.constant(field, tf.float32), 2.0**24, tf.constant(counts)).numpy()
    np.testing.assert_array_equal(found, top_of(field, counts))
    for one, count, mask in zip(field, counts, found, strict=True):
        # Values are compared after they are rounded down.
        oracles.assert_top(mask, np.floor(one * (8064 / 2**24)), count, tolerance=0)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000])
def test_top_of_equal_values_takes_as_many_as_asked(size):
    counts = sorted({0, 1, size // 2, size - 1, size})
    found = top_of(np.zeros((len(counts), size)), counts)
    np.testing.assert_array_equal(found.sum(axis=1), counts)
    assert all((less <= more).all() for less, more in itertools.pairwise(found))


@pytest.mark.parametrize("level", [-(2.0**24) + 1, -1.0, 0.0, 2080.0, 2081.0, 2.0**24 - 1])
def test_top_at_the_ends_of_the_digits(level):
    values = np.full((3, 100), level)
    values[:, ::7] = np.clip(level + 2081, None, 2.0**24 - 1)
    values[:, 3::7] = np.clip(level - 2081, 1 - 2.0**24, None)
    for one, count, mask in zip(values, (10, 40, 90), top_of(values, [10, 40, 90]), strict=True):
        oracles.assert_top(mask, np.floor(one * (8064 / 2**24)), count, tolerance=0)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_top_can_compare_every_bit(jit_compile):
    values = np.arange(3000.0) * 2 - 2.0**23
    values = np.stack([np.random.default_rng(n).permutation(values) for n in range(3)])
    compiled = tf.function(top, jit_compile=jit_compile)
    found = compiled(
        tf.constant(values, tf.float32), 2.0**24, tf.constant([5, 1000, 2999]), precise=True
    )
    for one, count, mask in zip(values, (5, 1000, 2999), found.numpy(), strict=True):
        oracles.assert_top(mask, one, count, tolerance=0)


def test_top_of_sizes_that_are_unknown():
    signature = [tf.TensorSpec([None, None, None]), tf.TensorSpec([None], tf.int32)]
    unknown = tf.function(lambda values, count: top(values, 2.0**24, count), signature)
    for grid in [(5, 7), (16, 16), (1, 1)]:
        field = (noise(4, *grid) * 2.0**21).round()
        counts = [0, 1, int(np.prod(grid)) // 2, int(np.prod(grid))]
        found = unknown(tf.constant(field, tf.float32), tf.constant(counts))
        np.testing.assert_array_equal(found, top_of(field, counts))


def test_top_of_no_samples():
    assert top_of(np.zeros((0, 5, 7)), np.zeros(0, "int32")).shape == (0, 5, 7)


@pytest.mark.parametrize("grid", [(17,), (16, 16), (9, 14), (40, 23), (4, 5, 6)], ids=str)
def test_highest_is_the_top_share_of_the_fourier_transform(grid):
    given = coefficients(grid, size=40)
    share = np.random.default_rng(1).random(40, np.float32)
    found = noise_fields.highest(given, tf.constant(share), grid).numpy()
    for one, part, mask in zip(given, share, found, strict=True):
        field = oracles.field(one, grid)
        count = int(np.rint(part * np.float32(np.prod(grid))))
        oracles.assert_top(mask, field, count, 1.5 * PRECISION * np.sqrt((field**2).mean()))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_highest_of_nothing_and_of_everything(share):
    found = noise_fields.highest(coefficients((9, 14)), tf.fill([4], share), (9, 14))
    assert np.all(found.numpy() == bool(share))


def test_a_single_pixel_is_taken_or_left():
    found = noise_fields.highest(coefficients((1, 1)), tf.constant([0.0, 0.4, 0.6, 1.0]), (1, 1))
    assert found.numpy().ravel().tolist() == [False, False, True, True]


@pytest.mark.parametrize("softness", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("grid", [(17,), (9, 14), (4, 5, 6)], ids=str)
def test_soft_masks_fall_along_the_field(grid, softness):
    given = coefficients(grid, size=12)
    share = np.linspace(0, 1, 12, dtype="float32")
    both = noise_fields.softly_highest(given, tf.constant(share), softness, grid).numpy()
    np.testing.assert_allclose(both.sum(axis=-1), 1, atol=1e-6)
    assert both.min() >= 0
    places = int(np.prod(grid))
    fields = noise_fields.synthesize(given, grid).numpy()
    for field, part, mask in zip(fields, share, both[..., 1], strict=True):
        order = np.argsort(-field.ravel(), kind="stable")
        falling = mask.ravel()[order]
        assert (np.diff(falling) <= 0).all()
        assert abs(falling.mean() - part) < 0.25 / places + 1e-6
        # As the authors' code: ones, a straight line from 1 to 0, zeros.
        edge = int(min(softness, part, 1 - part) * places)
        first = round(part * places) - edge
        line = np.linspace(1, 0, 2 * edge)
        expected = np.r_[np.ones(first), line, np.zeros(places - first - 2 * edge)]
        assert edge < 2 or np.abs(falling - expected).max() < 2 / edge


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_soft_masks_of_nothing_and_of_everything(share):
    found = noise_fields.softly_highest(coefficients((9, 14)), tf.fill([4], share), 0.3, (9, 14))
    np.testing.assert_array_equal(found[..., 1], np.full((4, 9, 14), share))
