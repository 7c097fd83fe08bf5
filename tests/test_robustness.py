"""Occlusion, corruptions and linearity by hand, and what `robustness` refuses."""

import colorsys
import functools
import io
import warnings

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from keras_mix import robustness
from keras_mix.robustness.corruptions import CORRUPTIONS
from keras_mix.robustness.occlusion import _cells, _rectangles

COUNT, CLASSES = 24, 3
DRAW = np.random.default_rng(0)
GRAY = DRAW.random((COUNT, 9, 12, 1)).astype("float32")
COLOR = DRAW.random((6, 16, 8, 3)).astype("float32")
IDS = DRAW.integers(0, CLASSES, COUNT)


class Brightest(keras.Model):
    """Predicts by the mean of an image: below 1/4, below 1/2, or above."""

    def call(self, inputs):
        means = keras.ops.mean(inputs, axis=(1, 2, 3))[:, None]
        return keras.ops.softmax(100 * means * np.arange(3) - 100 * np.array([[0, 0.25, 0.75]]))


@functools.cache
def dense(activation="softmax", units=CLASSES):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(units, activation=activation)]
    return keras.Sequential([keras.Input((9, 12, 1)), *layers])


# Occlusion.


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.1, 0.5, 0.9, 1.0])
def test_a_rectangle_hides_the_pixels_it_says(fraction):
    height, width = 9, 12
    mask = _rectangles(np.random.default_rng(1), (500, height, width), fraction)
    counts = mask.sum(axis=(1, 2))
    assert len(set(counts)) == 1
    side = max(round(height * fraction**0.5), 1)
    assert abs(counts[0] - fraction * height * width) <= max(side / 2, 1)
    rows, columns = mask.any(axis=2), mask.any(axis=1)
    # A whole rectangle: its bounding box is full.
    assert (counts == rows.sum(axis=1) * columns.sum(axis=1)).all()
    for lines in (rows, columns):
        assert (np.abs(np.diff(lines.astype(int), axis=1)).sum(axis=1) <= 2).all()


def test_places_of_rectangles_are_uniform():
    mask = _rectangles(np.random.default_rng(2), (8000, 9, 12), 0.25)
    top = mask.any(axis=2).argmax(axis=1)
    tall = mask[0].any(axis=1).sum()
    assert stats.chisquare(np.bincount(top, minlength=9 - tall + 1)).pvalue > 1e-3


def test_patches_are_whole_cells_of_a_grid():
    mask = _cells(np.random.default_rng(3), (200, 9, 12), 0.5, 4)
    cells = np.pad(mask, ((0, 0), (0, 3), (0, 0)), mode="edge")
    cells = cells.reshape(200, 3, 4, 3, 4)
    assert (cells == cells[:, :, :1, :, :1]).all()
    # Half of 9 cells, rounded to even.
    assert (cells[:, :, 0, :, 0].sum(axis=(1, 2)) == 4).all()


def test_accuracy_under_occlusion_is_that_of_images_filled_by_hand():
    images = np.full((COUNT, 10, 10, 1), 0.6, "float32")
    ids = np.full(COUNT, 2)
    # With half of the pixels black, the mean falls from 0.6 to 0.3: class 1.
    result = robustness.occlusion(Brightest(), images, ids, fractions=[0, 0.1, 0.5, 1])
    assert result.fractions == [0.0, 0.09, 0.49, 1.0]
    assert result.accuracy == [1.0, 1.0, 0.0, 0.0]
    assert result.samples == COUNT
    by_mean = robustness.occlusion(
        Brightest(), images, ids, fractions=[0.5, 1], patch_size=5, fill_value="mean"
    )
    assert by_mean == ([0.5, 1.0], [1.0, 1.0], COUNT)
    model = dense()
    options = {"fractions": [0.3, 0.6], "seed": 4}
    once = robustness.occlusion(model, GRAY, IDS, **options)
    assert once == robustness.occlusion(model, GRAY, IDS, **options, batch_size=5)


# Corruptions.


def corrupted(images, name, severity, **options):
    """In float64, checked for its range."""
    result = robustness.corrupt(images, name, severity, **options)
    low, high = options.get("value_range", (0, 1))
    assert result.shape == images.shape
    assert result.dtype == np.float32
    assert result.min() >= low
    assert result.max() <= high
    return result.astype("float64")


@pytest.mark.parametrize("constants", ["cifar10", "imagenet"])
@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_corruptions_grow_with_severity(name, constants):
    smooth = np.linspace(0.1, 0.7, 8 * 24 * 24 * 3).reshape(8, 24, 24, 3).astype("float32")
    images = (smooth + 0.3 * DRAW.random(smooth.shape)).astype("float32").clip(0, 1)
    distances = [
        np.mean((corrupted(images, name, severity, constants=constants) - images) ** 2)
        for severity in range(1, 6)
    ]
    assert distances[0] > 0
    assert distances == sorted(distances)
    # Gray ones and other scales are the same images.
    gray = images[..., :1]
    here = corrupted(gray, name, 2, constants=constants)
    there = corrupted(20 * gray - 10, name, 2, constants=constants, value_range=(-10, 10))
    np.testing.assert_allclose((there + 10) / 20, here, atol=0.005)


def test_noise_has_the_strength_of_the_published_sets():
    gray = np.full((300, 16, 16, 1), 0.5, "float32")
    assert abs(corrupted(gray, "gaussian_noise", 5).std() - 0.10) < 0.002
    # Poisson(c x) / c has the variance x / c.
    assert abs(corrupted(gray, "shot_noise", 4).var() - 0.5 / 75) < 3e-4
    values, counts = np.unique(corrupted(gray, "impulse_noise", 3), return_counts=True)
    assert values.tolist() == [0, 0.5, 1]
    expected = gray.size * 0.03 / 2
    assert (np.abs(counts[[0, 2]] - expected) < 5 * expected**0.5).all()
    again = corrupted(gray, "gaussian_noise", 5)
    np.testing.assert_array_equal(again, corrupted(gray, "gaussian_noise", 5))
    assert (again != corrupted(gray, "gaussian_noise", 5, seed=1)).any()


def test_contrast_brightness_and_blur_by_hand():
    means = COLOR.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(
        corrupted(COLOR, "contrast", 4), means + 0.3 * (COLOR - means), atol=1e-6
    )
    pixels = COLOR.reshape(-1, 3).copy()
    pixels[0] = 0
    expected = []
    for pixel in pixels.astype("float64"):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        expected.append(colorsys.hsv_to_rgb(hue, saturation, min(value + 0.2, 1)))
    brighter = corrupted(pixels.reshape(COLOR.shape), "brightness", 4)
    np.testing.assert_allclose(brighter.reshape(-1, 3), expected, atol=1e-6)
    # A point far from edges becomes the normalized Gaussian, cut off at 4 standard deviations.
    point = np.zeros((1, 15, 15, 1), "float32")
    point[0, 7, 7] = 1
    bell = np.exp(-0.5 * np.arange(-4, 5) ** 2)
    bell = np.outer(bell, bell) / bell.sum() ** 2
    np.testing.assert_allclose(
        corrupted(point, "gaussian_blur", 5)[0, 3:12, 3:12, 0], bell, atol=1e-6
    )


def test_pixelate_and_jpeg_are_those_of_pillow_at_8_bits():
    bytes_ = np.round(255 * COLOR).astype("uint8")
    images = (bytes_ / 255).astype("float32")
    pixelated, compressed = (corrupted(images, n, 5) for n in ("pixelate", "jpeg_compression"))
    for index, picture in enumerate(map(Image.fromarray, bytes_)):
        small = picture.resize((int(8 * 0.65), int(16 * 0.65)), Image.Resampling.BOX)
        expected = np.asarray(small.resize((8, 16), Image.Resampling.BOX)) / 255
        np.testing.assert_allclose(pixelated[index], expected, atol=1 / 255)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=40)
        np.testing.assert_allclose(
            compressed[index], np.asarray(Image.open(buffer)) / 255, atol=1e-6
        )


def test_accuracy_by_corruption_and_severity():
    images = np.full((COUNT, 8, 8, 1), 0.2, "float32")
    result = robustness.corruption_accuracy(
        Brightest(), images, np.zeros(COUNT, int), names=["contrast", "brightness"]
    )
    assert result.clean == 1.0
    # 0.2 + 0.05 is 1/4 but for rounding.
    assert result.accuracy["brightness"][1:] == [0.0] * 4
    assert result.accuracy["contrast"] == [1.0] * 5
    assert result.mean == np.mean([*result.accuracy["brightness"], *[1.0] * 5])
    assert (result.severities, result.samples) == ([1, 2, 3, 4, 5], COUNT)


# Linearity.


class Identity(keras.Model):
    """The first three values are probabilities already."""

    def call(self, inputs):
        return 1.0 * inputs


def test_a_linear_model_is_on_the_line_and_its_labels_by_hand():
    x = DRAW.dirichlet(np.ones(3), COUNT).astype("float32")
    ids, rows = x.argmax(axis=1), np.roll(np.arange(COUNT), 5)
    result = robustness.linearity(Identity(), x, ids, partners=rows, points=5)
    np.testing.assert_allclose(result.distance, 0, atol=1e-6)
    assert result.weights == [0, 0.25, 0.5, 0.75, 1]
    assert result.pairs == COUNT
    labels, expected, misses = np.eye(3)[ids], [], []
    for weight in result.weights:
        blend = (1 - weight) * x + weight * x[rows]
        mixed = (1 - weight) * labels + weight * labels[rows]
        expected.append(np.abs(blend - mixed).sum(axis=1).mean() / 2)
        best = blend.argmax(axis=1)
        misses.append(np.mean([best[i] not in (ids[i], ids[rows[i]]) for i in range(COUNT)]))
    np.testing.assert_allclose(result.label_distance, expected, atol=1e-6)
    assert result.misses == misses
    assert result.misses[0] == result.misses[-1] == 0


def test_a_step_is_as_far_from_the_line_as_can_be():
    x = np.array([[0.0, 0.2], [1.0, 0.2]], "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.set_weights([np.array([[1e4], [0.0]]), np.array([-4.5e3])])
    result = robustness.linearity(model, x, points=11)
    weights = np.array(result.weights)
    np.testing.assert_allclose(
        result.distance,
        # One pair steps at .45, the other, seen from its other end, at .55.
        [(abs((w > 0.45) - w) + abs((w < 0.55) - (1 - w))) / 2 for w in weights],
        atol=1e-6,
    )
    assert result.misses is None
    assert result.mean_distance == pytest.approx(np.mean(result.distance[1:-1]))


def test_drawn_partners_are_others_and_follow_the_seed():
    x = DRAW.dirichlet(np.ones(3), COUNT).astype("float32")
    x[:, 0] += 10 * np.arange(COUNT)  # far apart, so that each pair shows
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    runs = [
        robustness.linearity(model, x, np.zeros(COUNT, int), seed=seed, from_logits=True)
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1]
    assert runs[0].distance != runs[2].distance


# Composed images.


def test_a_composed_image_shows_the_object_in_its_box():
    images = np.ones((400, 10, 16, 1), "float32")
    composed, boxes = robustness.compose(images, scale=0.5, background=0.25)
    for image, (top, left, bottom, right) in zip(composed, boxes, strict=True):
        assert (bottom - top, right - left) == (5, 8)
        assert (image[top:bottom, left:right] == 1).all()
        assert image.sum() == 40 + 0.25 * 120
    assert stats.chisquare(np.bincount(boxes[:, 0], minlength=6)).pvalue > 1e-3
    assert stats.chisquare(np.bincount(boxes[:, 1], minlength=9)).pvalue > 1e-3
    whole, boxes = robustness.compose(COLOR, scale=1)
    np.testing.assert_allclose(whole, COLOR, atol=1e-6)
    assert (boxes == [0, 0, 16, 8]).all()


def test_two_images_stand_in_a_half_each():
    images = np.ones((300, 10, 15, 3), "float32")
    composed, boxes = robustness.compose(images, beside=0.5 * images, scale=0.4)
    left = boxes[:, 3] <= 7
    assert (left | (boxes[:, 1] >= 8)).all()
    assert abs(left.mean() - 0.5) < 0.15
    for image, is_left, (top, start, bottom, end) in zip(composed, left, boxes, strict=True):
        assert (image[top:bottom, start:end] == 1).all()
        assert (image[:, 8:] if is_left else image[:, :7]).sum() == 0.5 * 4 * 6 * 3
        assert image.sum() == 1.5 * 4 * 6 * 3


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"scale": 1.5}, "`scale` must be a finite number between 0 and 1"),
        ({"scale": 0.6, "beside": COLOR}, "`scale` must be a finite number between 0 and 0.5"),
        ({"beside": COLOR[:2]}, "`beside` must have the shape of `x`"),
        ({"beside": 3 * COLOR}, "`beside` must lie in value_range"),
    ],
)
def test_what_cannot_be_composed_is_refused(options, match):
    with pytest.raises(ValueError, match=f"^compose: {match}"):
        robustness.compose(COLOR, **options)


# What is refused.

ATTACKS = {
    "fgsm": functools.partial(robustness.fgsm, epsilon=0.1),
    "pgd": functools.partial(robustness.pgd, epsilon=0.1),
    "fgsm_accuracy": functools.partial(robustness.fgsm_accuracy, epsilons=[0.1]),
    "pgd_accuracy": functools.partial(robustness.pgd_accuracy, epsilons=[0.1]),
}
OTHERS = {
    "occlusion": robustness.occlusion,
    "corruption_accuracy": functools.partial(
        robustness.corruption_accuracy, names=["contrast"], severities=[1]
    ),
}
ALL = {**ATTACKS, **OTHERS}
nan = GRAY.copy()
nan[:2, 0, 0] = np.nan


def two_inputs():
    inputs = [keras.Input((9, 12, 1)), keras.Input((9, 12, 1))]
    return keras.Model(inputs, dense()(inputs[0] + inputs[1]))


def two_outputs():
    inputs = keras.Input((9, 12, 1))
    return keras.Model(inputs, [dense()(inputs), dense()(inputs)])


def broken():
    model = keras.models.clone_model(dense())
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("x", "y", "model", "match"),
    [
        (GRAY[:0], IDS[:0], dense, r"`x` must hold at least one sample. .*\(0, 9, 12, 1\)"),
        ((255 * GRAY).astype("uint8"), IDS, dense, r"must hold floats, .* dtype uint8. Scale im"),
        (nan, IDS, dense, r"must be finite. Received: 2 of 2592 values that are NaN"),
        (3 * GRAY - 1, IDS, dense, r"value_range=\(0, 1\). Received: \d+ of 2592 .* from -0.99"),
        (
            [GRAY, GRAY],
            IDS,
            two_inputs,
            r"`x` must be one array of samples. Received: a list. Wrap",
        ),
        (GRAY, IDS, two_inputs, "`model` must have one input. Received: 2 inputs"),
        (GRAY, IDS, two_outputs, r"must have one output \(B, K\).*a list of 2 outputs"),
        (GRAY, IDS, lambda: dict, "`model` must be a Keras model. Received: a type"),
        (GRAY, IDS + 1, dense, r"class ids from 0 to 2, .* Received: \d+ of 24 others, .* to 3"),
        (GRAY, IDS + 0.5, dense, r"24 of 24 others"),
        (GRAY, IDS[:9], dense, r"`y` must be class ids \(24,\) .*y of shape \(9,\)"),
        (GRAY, np.eye(4)[IDS], dense, r"one-hot labels \(24, 3\).*shape \(24, 4\)"),
        (GRAY, np.full((24, 3), 1 / 3), dense, "must be one-hot, .*24 of 24 rows"),
        (GRAY, IDS, lambda: dense("linear"), "probabilities that sum to 1.*from_logits=True"),
        (GRAY, IDS % 2, lambda: dense("linear", 1), "probabilities .*from_logits=True"),
        (GRAY, IDS, broken, r"must predict numbers. Received: NaN for \d+ of \d+ samples"),
    ],
    ids=lambda each: None if isinstance(each, np.ndarray) else getattr(each, "__name__", "case"),
)
def test_bad_samples_labels_and_models_are_refused(x, y, model, match):
    model = model()
    for owner, function in ALL.items():
        with pytest.raises(ValueError, match=rf"(?s)^{owner}: .*{match}"):
            function(model, x, y)


def test_channels_come_last():
    """In front of them, a rectangle would hide columns of all channels, or whole channels."""
    for first in (GRAY.transpose(0, 3, 1, 2), COLOR.transpose(0, 3, 1, 2)):
        with pytest.raises(ValueError, match=r"^occlusion: .* channels last. Received: shape \("):
            robustness.occlusion(dense(), first, np.zeros(len(first), int))


@pytest.mark.parametrize("owner", ["fgsm", "pgd", "fgsm_accuracy", "pgd_accuracy"])
def test_radii_on_another_scale_than_the_samples_are_named(owner):
    option, small, large = "epsilon", 8 / 255, 8.0
    if owner.endswith("accuracy"):
        option, small, large = "epsilons", [0, 8 / 255], [0, 8 / 255, 8]
    attack = functools.partial(getattr(robustness, owner), dense(), 255 * GRAY, IDS)
    for limits in ((0, 255), None):
        with pytest.warns(UserWarning, match=f"^{owner}: ε is on the scale of `x`, .* 0.0314"):
            attack(**{option: small}, value_range=limits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attack(**{option: large}, value_range=(0, 255))
        attack(**{option: 0 if option == "epsilon" else [0]}, value_range=(0, 255))


def test_probabilities_are_no_logits():
    for owner, function in ALL.items():
        with pytest.raises(ValueError, match=rf"^{owner}: .* must be logits, as from_logits=True"):
            function(dense(), GRAY, IDS, from_logits=True)


@pytest.mark.parametrize(
    ("owner", "options", "match"),
    [
        ("fgsm", {"epsilon": -0.1}, "`epsilon` must be a finite number of at least 0"),
        ("pgd", {"epsilon": np.nan}, "`epsilon` must be a finite number"),
        ("fgsm_accuracy", {"epsilons": [0, -1]}, "`epsilons` must be a finite number of at least"),
        ("pgd_accuracy", {"epsilons": []}, "`epsilons` must be a list of numbers"),
        ("pgd_accuracy", {"epsilons": 0.1}, "`epsilons` must be a list of numbers"),
        ("pgd", {"norm": 1}, r"`norm` must be one of \['inf', inf, 2\]. Received: norm=1"),
        ("pgd", {"steps": 0}, "`steps` must be an integer of at least 1"),
        ("pgd", {"step_size": 0}, "`step_size` must be a finite number above 0"),
        ("pgd", {"restarts": 2, "random_start": False}, "`restarts` has no effect without"),
        ("fgsm", {"value_range": (1, 0)}, "`value_range` must be a pair"),
        ("fgsm", {"batch_size": 0}, "`batch_size` must be an integer of at least 1"),
        ("fgsm", {"loss": 3}, "`loss` must be a Keras loss or a function. Received: loss=3"),
        ("fgsm", {"from_logits": 1}, "`from_logits` must be True or False"),
        ("occlusion", {"fractions": [1.5]}, "`fractions` must be a finite number between 0 and 1"),
        ("occlusion", {"fractions": []}, "`fractions` must be a list"),
        ("occlusion", {"patch_size": 0}, "`patch_size` must be an integer of at least 1"),
        ("corruption_accuracy", {"names": ["snow"]}, "`names` must be one of .*'pixelate'"),
        ("corruption_accuracy", {"names": []}, "`names` and `severities` must hold at least one"),
        ("corruption_accuracy", {"severities": [0]}, "`severities` must be an integer between 1"),
        ("corruption_accuracy", {"constants": "mnist"}, "`constants` must be one of"),
    ],
)
def test_bad_options_are_refused(owner, options, match):
    with pytest.raises(ValueError, match=f"^{owner}: {match}"):
        ALL[owner](dense(), GRAY, IDS, **options)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((GRAY, "snow", 1), "`name` must be one of"),
        ((GRAY, "contrast", 6), "`severity` must be an integer between 1 and 5. Received: .*=6"),
        ((GRAY[0], "contrast", 1), r"must be images \(N, H, W, C\)"),
        ((GRAY.repeat(2, axis=-1), "contrast", 1), "must have 1 or 3 channels"),
        ((GRAY.transpose(0, 3, 1, 2), "contrast", 1), "with channels last"),
    ],
)
def test_bad_corruptions_are_refused(arguments, match):
    with pytest.raises(ValueError, match=f"^corrupt: .*{match}"):
        robustness.corrupt(*arguments)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"points": 2}, "`points` must be an integer of at least 3"),
        ({"partners": IDS[:3]}, r"must be the rows of the partners, integers \(24,\)"),
        ({"partners": IDS + 23}, "must be rows of `x`, from 0 to 23. Received: values from"),
        ({"x": GRAY[:1]}, "`x` must hold at least two samples"),
        ({"x": nan}, "must be finite"),
        ({"y": IDS + 7}, "class ids from 0 to 2"),
    ],
)
def test_bad_pairs_are_refused(options, match):
    with pytest.raises(ValueError, match=rf"^linearity: {match}|^linearity: .*{match}"):
        robustness.linearity(dense(), **{"x": GRAY, **options})
